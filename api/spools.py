"""The room for batches: what a body weighs that lies aside while its lines are judged, which may take hours.

Small ones lie in memory, others in unnamed files of the data folder, which end with the process that opened them, be it
killed. All spools of one process together are bounded, and one key holds at most half of the room.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import ParamSpec, TypeVar

from api.problems import Problem, busy

P = ParamSpec("P")
T = TypeVar("T")
IN_MEMORY_BYTES = 1_000_000
FACTOR = 4
_log = logging.getLogger("judge_agent.service")


class Spools:
    """What one process has put aside: at most FACTOR times what one batch may have."""

    def __init__(self, folder: Path, max_batch_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = FACTOR * max_batch_bytes
        self._held = Counter[str]()

    @property
    def held_bytes(self) -> int:
        return sum(self._held.values())

    def open(self, key_id: str, announced_bytes: int = 0) -> Spool:
        """Open one for a caller's key, with room for what it announces. Raises Problem 503 where there is none."""
        self.claim(key_id, announced_bytes)
        return Spool(self, self._folder, key_id, announced_bytes)

    def claim(self, key_id: str, size: int) -> None:
        """Take room. Raises Problem 503 where there is none."""
        if self.held_bytes + size > self._max_bytes or self._held[key_id] + size > self._max_bytes // 2:
            raise self._full(key_id)
        self._held[key_id] += size

    def give_back(self, key_id: str, size: int) -> None:
        self._held[key_id] -= size
        self._held += Counter()  # drops keys that hold nothing

    def _full(self, key_id: str) -> Problem:
        detail = (
            f"batches of {self.held_bytes} bytes are being answered, {self._held[key_id]} of them for this key, of at "
            f"most {self._max_bytes} ({FACTOR} times JUDGE_MAX_BATCH_BYTES), half of them for one key; "
            "send it again later"
        )
        problem = busy(detail, status=503, limit=self._max_bytes)
        problem.code = "overloaded"
        return problem


class Spool:
    """One body: written as it comes, then read from `file`. Its room is given back when it is closed."""

    def __init__(self, room: Spools, folder: Path, key_id: str, claimed: int) -> None:
        self._room, self._folder, self._key_id = room, folder, key_id
        self._claimed, self._written = claimed, 0
        self.file = tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES, dir=str(folder))  # noqa: SIM115 - `close` closes it

    async def write(self, chunk: bytes) -> None:
        """Append a chunk. Raises Problem 503 where there is no room for it."""
        self._written += len(chunk)
        if (more := self._written - self._claimed) > 0:
            self._room.claim(self._key_id, more)
            self._claimed += more
        await _kept(self._append, chunk)

    async def rewind(self) -> None:
        """Go to the beginning, to read. Raises Problem 503 where the disk does not take what was written."""
        await _kept(self.file.seek, 0)

    def close(self) -> None:
        """Give all of it back. A second call does nothing."""
        claimed, self._claimed = self._claimed, 0
        self._room.give_back(self._key_id, claimed)
        with suppress(OSError):  # a full disk fails the flush of the close again; it was reported
            self.file.close()

    def _append(self, chunk: bytes) -> None:
        if self._written > IN_MEMORY_BYTES:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.file.write(chunk)


async def _kept(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return await asyncio.to_thread(work, *args, **kwargs)
    except OSError as error:
        _log.error("a batch could not be put aside: %s", error)
        raise busy("the batch could not be put aside; the service's log says why", status=503) from None
