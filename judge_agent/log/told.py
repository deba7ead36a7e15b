"""Tells who follows a judgment what is written to the log, while it happens."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from judge_agent.errors import StoreError
from judge_agent.log.ends import ENDS
from judge_agent.seams.storage import AuditEvent, AuditLog

# Most of what happens in a judgment happens at one time: it is told together, but for ends, which are told at once.
TOGETHER_SECONDS = 0.05
Tell = Callable[[Sequence[AuditEvent]], Awaitable[None]]
_log = logging.getLogger("judge_agent.service")


class ToldLog:
    """An `AuditLog` that also hands every event on, in order, without its contents. An async context manager.

    Each of `hearing` is called with it at once, and must neither block nor raise.

    The log is the record: what cannot be told is missing for who follows, and nothing waits for the telling.
    """

    def __init__(self, log: AuditLog, tell: Tell, *hearing: Callable[[AuditEvent], None]) -> None:
        self._log = log
        self._tell = tell
        self._hearing = hearing
        self._untold: list[AuditEvent] = []
        self._telling: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hurry.set()
        if self._telling is not None:
            await asyncio.wait([self._telling])

    async def append(self, event: AuditEvent, *, after: Sequence[Awaitable[None]] = ()) -> None:
        # An end is told once it is in the log: one that could not be written is none.
        is_end = event.type in ENDS
        # Superseded is nothing that happens in the judgment: it has ended elsewhere.
        if not is_end and event.type != "judgment.superseded":
            self._take(event)
        await self._log.append(event, after=after)
        if is_end:
            self._take(event)

    async def end(self, judgment_id: str, since: float) -> Mapping[str, Any] | None:
        return await self._log.end(judgment_id, since)

    def note(self, event: AuditEvent) -> Awaitable[None]:
        self._take(event)
        return self._log.note(event)

    def tell(self, event: AuditEvent) -> None:
        """Hand an event on that is no line of the log, to who follows alone."""
        self._hand_on(event)

    def _take(self, event: AuditEvent) -> None:
        for heard in self._hearing:
            heard(event)
        self._hand_on(event)

    def _hand_on(self, event: AuditEvent) -> None:
        self._untold.append(event)
        if event.type in ENDS:
            self._hurry.set()
        if self._telling is None:
            self._telling = asyncio.get_running_loop().create_task(self._tell_all())

    async def _tell_all(self) -> None:
        """What comes soon after another, or while one telling is on its way, goes together with the next."""
        while self._untold:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TOGETHER_SECONDS):
                    await self._hurry.wait()
            self._hurry.clear()
            events, self._untold = self._untold, []
            try:
                await self._tell(events)
            except StoreError as error:
                _log.error("%d events could not be told to who follows: %s", len(events), error)
        self._telling = None
