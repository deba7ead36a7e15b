"""Writes the audit log: many concurrent appends share one write to disk and one anchor."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from judge_agent.errors import StoreError
from judge_agent.log.ends import LoggedEnds
from judge_agent.log.segments import Lease, Segment, lease
from judge_agent.seams.storage import AuditEvent

Anchor = Callable[[str, str, int, str], Awaitable[object]]
LastAnchored = Callable[[str], Awaitable[str | None]]
MAX_BATCH = 512
NOTES_WAIT_SECONDS = 0.1
ANCHORS_WAIT_SECONDS = 0.1


class AuditLogWriter:
    """The `AuditLog` of a service. An async context manager; several may share a folder.

    `anchor(writer, segment, count, head)` keeps, outside of the log, how far the chain reached. It is called
    after lines are on disk, beside further appends and at the latest when the log is closed; while it
    fails, or returns False because it keeps another head of that segment, appends fail too.
    `last_anchored(writer)` is the last segment that it keeps: a new one takes a number past it, whatever lies on
    disk. Without it the disk alone tells. A segment that has `segment_max_bytes` is followed by a new one; so is one
    whose write failed, because its end is not known any more.
    """

    def __init__(
        self,
        folder: Path,
        *,
        anchor: Anchor,
        last_anchored: LastAnchored | None = None,
        segment_max_bytes: int = 64_000_000,
    ) -> None:
        self._folder = folder
        self._anchor = anchor
        self._last_anchored = last_anchored
        self._segment_max_bytes = segment_max_bytes
        self._lease: Lease | None = None
        self._segment: Segment | None = None
        self._full: Segment | None = None
        self._known = 0
        self._waiting: list[_Waiting] = []
        self._flushing: asyncio.Task[None] | None = None
        self._due: asyncio.TimerHandle | None = None
        self._unanchored: dict[tuple[str, str], tuple[int, str]] = {}
        self._anchoring: asyncio.Task[None] | None = None
        self._is_awaited = asyncio.Event()
        self._ends = LoggedEnds(folder)

    async def __aenter__(self) -> Self:
        """Take a writer's name in the folder and begin a segment, which closes what a crash left open.

        Raises StoreError when the folder cannot be used, or the head cannot be anchored.
        """
        try:
            self._lease = await asyncio.to_thread(lease, self._folder)
            if self._last_anchored is not None:
                self._known = int(await self._last_anchored(self._lease.writer) or 0)
            await self._write([])
            await self._anchored()
        except (OSError, StoreError) as error:
            self._close()
            raise StoreError(f"the log folder {str(self._folder)!r} cannot be used: {error}") from error
        except BaseException:
            self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write and anchor what is waiting, then close the files. Raises StoreError when it is not anchored."""
        try:
            self._flush_now()
            if self._flushing is not None:
                await asyncio.wait([self._flushing])
            await self._anchored()
        finally:
            self._close()

    async def append(self, event: AuditEvent, *, after: Sequence[Awaitable[None]] = ()) -> None:
        """Write one event; returns when its line is on disk. Raises StoreError.

        `after`: notes of this log. The event is written with them or after them, and not where one of them was lost.
        A cancelled append may still be written: an event that happened is not unsaid.
        """
        done = self._queued(event, [one for one in after if isinstance(one, _Noted)])
        self._flush_now()
        await done

    async def end(self, judgment_id: str, since: float) -> Mapping[str, Any] | None:
        return await self._ends.find(judgment_id, since)

    def note(self, event: AuditEvent) -> Awaitable[None]:
        """Write one event soon, after those before it; awaiting it ends when its line is on disk, or with StoreError.

        Notes wait up to `NOTES_WAIT_SECONDS` for company, for each write costs two waits for the disk, or until one is
        waited for.
        """
        done = self._queued(event)
        if self._due is None and (self._flushing is None or self._flushing.done()):
            self._due = asyncio.get_running_loop().call_later(NOTES_WAIT_SECONDS, self._flush_now)
        return _Noted(done, self._flush_now)

    def _queued(self, event: AuditEvent, after: Sequence[_Noted] = ()) -> asyncio.Future[None]:
        if self._lease is None:
            raise StoreError("the log is not open: use it as an async context manager")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(event, done, after))
        return done

    def _flush_now(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if self._waiting and (self._flushing is None or self._flushing.done()):
            self._flushing = asyncio.create_task(self._flush(), name="audit log")

    async def _flush(self) -> None:
        """Write batches until nothing waits."""
        while self._waiting:
            batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
            if not (batch := [one for one in batch if not one.is_refused()]):
                continue
            try:
                await self._write([one.event for one in batch])
            except BaseException as error:
                _fail([one.done for one in batch], error)
                if not isinstance(error, Exception):
                    _fail([one.done for one in self._waiting], error)
                    self._waiting.clear()
                    raise
                continue
            for one in batch:
                if not one.done.done():
                    one.done.set_result(None)

    async def _write(self, events: list[AuditEvent]) -> None:
        segment = await asyncio.to_thread(self._append, events)
        self._unanchored[segment.writer, segment.segment] = (segment.count, segment.head)
        if self._anchoring is None:
            self._anchoring = asyncio.create_task(self._anchor_all(), name="audit log anchor")
        elif self._anchoring.done():
            failed = self._anchoring.exception()
            self._anchoring = asyncio.create_task(self._anchor_all(), name="audit log anchor")
            if failed is not None:
                # Not being anchored must not stay unseen: after a failure an append waits for the anchor.
                await self._anchored()

    async def _anchor_all(self) -> None:
        """Anchor the newest head of every segment; heads that come meanwhile, or soon after, are taken along."""
        while self._unanchored:
            (writer, segment), (count, head) = next(iter(self._unanchored.items()))
            if await self._anchor(writer, segment, count, head) is False:
                raise StoreError(f"another end of segment {writer}-{segment} is anchored already")
            if self._unanchored.get((writer, segment)) == (count, head):
                del self._unanchored[writer, segment]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ANCHORS_WAIT_SECONDS):
                    await self._is_awaited.wait()

    async def _anchored(self) -> None:
        """Wait until every line is anchored. Raises StoreError."""
        if self._anchoring is None:
            return
        self._is_awaited.set()
        await asyncio.wait([self._anchoring])
        self._is_awaited.clear()
        failed = self._anchoring.exception()
        if failed is not None:
            raise StoreError(f"the end of the audit log could not be anchored: {failed}") from failed

    def _append(self, events: list[AuditEvent]) -> Segment:
        """Append in a thread; a segment whose write failed is left, and the next write begins a new one."""
        assert self._lease is not None
        if self._segment is not None and self._segment.size >= self._segment_max_bytes:
            self._full = self._segment
            self._drop_segment()
        if self._segment is None:
            self._segment = Segment(self._folder, self._lease.writer, known=self._known, full=self._full)
            self._full = None
        try:
            self._segment.append(events)
        except BaseException:
            self._drop_segment()
            raise
        self._known = int(self._segment.segment)
        return self._segment

    def _close(self) -> None:
        self._drop_segment()
        if self._lease is not None:
            self._lease.release()
            self._lease = None

    def _drop_segment(self) -> None:
        if self._segment is not None:
            self._segment.close()
            self._segment = None


class _Noted:
    """A line on its way; who waits for it sends it off."""

    __slots__ = ("_done", "_send")

    def __init__(self, done: asyncio.Future[None], send: Callable[[], None]) -> None:
        self._done, self._send = done, send

    @property
    def failure(self) -> BaseException | None:
        """Why the line is lost; None while it is on its way, and once it is on disk."""
        return self._done.exception() if self._done.done() and not self._done.cancelled() else None

    def __await__(self) -> Generator[Any, None, None]:
        if not self._done.done():
            self._send()
        return self._done.__await__()


class _Waiting(NamedTuple):
    """An event that is to be written, after others of which none may be lost."""

    event: AuditEvent
    done: asyncio.Future[None]
    after: Sequence[_Noted]

    def is_refused(self) -> bool:
        """Whether one of those before it is lost: then nothing of this one is written."""
        lost = next((failure for one in self.after if (failure := one.failure) is not None), None)
        if lost is not None:
            _fail([self.done], lost)
        return lost is not None


def _fail(waiting: list[asyncio.Future[None]], error: BaseException) -> None:
    """Tell every append of a batch that its line may not be on disk."""
    for done in waiting:
        if not done.done():
            failure = StoreError(f"the audit log could not be written: {type(error).__name__}: {error}")
            failure.__cause__ = error
            done.set_exception(failure)
