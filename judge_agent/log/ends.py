"""Finds the ends of judgments that the log holds already, whichever writer of the folder wrote them.

A worker that is killed between the line of a judgment's end and the end of its row leaves a judgment that looks open
and has ended: whoever takes it over asks here before it is judged again, so that no end is written twice. Only for
judgments that are taken over; many that ask at one time cost one walk through the segments that are young enough.
Does not know the folders of other machines: who goes on with what was judged there writes an end of its own.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from judge_agent.errors import StoreError
from judge_agent.log.contents import contents
from judge_agent.log.lines import decode
from judge_agent.log.segments import SegmentFile, raw_lines, segment_files

ENDS = ("judgment.done", "judgment.cancelled")
_TYPES = tuple(f'"type":"{name}"'.encode() for name in ENDS)
_CONTENT = "judgment"
# Clocks of files and of judgments are read at different moments, and some file systems round.
SLACK_SECONDS = 5.0


def ended_twice(events: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The ids of judgments that have more than one end, among lines in any order.

    An end that was marked as superseded (a worker wrote it that had slept past its lease) does not count.
    """
    ends, superseded = Counter[str](), Counter[str]()
    for event in events:
        judgment_id = str(event.get("judgment_id"))
        if event.get("type") in ENDS:
            ends[judgment_id] += 1
        elif event.get("type") == "judgment.superseded":
            superseded[judgment_id] += 1
    return tuple(one for one, count in ends.items() if count - superseded[one] > 1)


class _Wanted(NamedTuple):
    since: float
    found: asyncio.Future[Mapping[str, Any] | None]


class LoggedEnds:
    """The ends in one log folder. One event loop at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._wanted: dict[str, _Wanted] = {}
        self._walking: asyncio.Task[None] | None = None

    async def find(self, judgment_id: str, since: float) -> Mapping[str, Any] | None:
        """Return the record that was logged as the judgment's end; None where there is none.

        `since` is when the judgment was accepted, in Unix seconds: older segments cannot hold its end. A record whose
        text was redacted is `{}`: there is an end, and nobody can read it. Raises StoreError.
        """
        if judgment_id not in self._wanted:
            future: asyncio.Future[Mapping[str, Any] | None] = asyncio.get_running_loop().create_future()
            self._wanted[judgment_id] = _Wanted(since, future)
        wanted = self._wanted[judgment_id]
        if self._walking is None:
            self._walking = asyncio.create_task(self._walk_on(), name="logged ends")
        return await asyncio.shield(wanted.found)

    async def _walk_on(self) -> None:
        """Walk until nobody asks; who asks during a walk is answered by the next."""
        try:
            while self._wanted:
                wanted, self._wanted = self._wanted, {}
                try:
                    found = await asyncio.to_thread(
                        _ends, self._folder, frozenset(wanted), min(one.since for one in wanted.values())
                    )
                except OSError as error:
                    failure = StoreError(f"the log {str(self._folder)!r} could not be read: {error}")
                    failure.__cause__ = error
                    for one in wanted.values():
                        one.found.set_exception(failure)
                    continue
                for judgment_id, one in wanted.items():
                    one.found.set_result(found.get(judgment_id))
        finally:
            self._walking = None


def _ends(folder: Path, wanted: frozenset[str], since: float) -> dict[str, Mapping[str, Any]]:
    found = dict[str, Mapping[str, Any]]()
    for file in segment_files(folder):
        if file.path.stat().st_mtime >= since - SLACK_SECONDS:
            found |= _in_segment(file, wanted)
    return found


def _in_segment(file: SegmentFile, wanted: frozenset[str]) -> dict[str, Mapping[str, Any]]:
    lines = dict(_lines(file, wanted))
    if not lines:
        return {}
    found = dict[str, Mapping[str, Any]]()
    for content in contents(file.contents):
        if content.line in lines and content.name == _CONTENT:
            value = content.value
            found[lines[content.line]] = value if isinstance(value, Mapping) else {}
    return {judgment_id: found.get(judgment_id, {}) for judgment_id in lines.values()}


def _lines(file: SegmentFile, wanted: frozenset[str]) -> Iterator[tuple[int, str]]:
    """The numbers of lines that are ends of those wanted. A line that a crash cut off is none."""
    for raw in raw_lines(file.path):
        if any(type_ in raw for type_ in _TYPES) and raw.endswith(b"\n"):
            line = decode(raw[:-1])
            if line is None or line.data.get("type") not in ENDS:
                continue
            judgment_id = str(line.data.get("judgment_id"))
            if judgment_id in wanted:
                yield line.number, judgment_id
