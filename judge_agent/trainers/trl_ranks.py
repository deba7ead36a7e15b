"""Which rows of TRL's batch are those of this rank, so that a group that is split over ranks is one group at the judge.

Every rank calls its reward functions once per batch, with as many rows as any other rank; TRL gathers the rewards in
the order of the ranks and takes every `num_generations` of them for one group. So the number of a row is known from the
rank alone, and the number of a batch from counting: all ranks have seen as many.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

from judge_agent.trainers.trl_batch import Batch, Place

MAX_RUN_CHARS = 80


class Ranks:
    """Places batches among those of all ranks. Thread-safe; a pickle begins to count anew."""

    def __init__(self, run: str, size: int, rank: int | None) -> None:
        self._run, self._size, self._rank = run, size, rank
        self._lock = threading.Lock()
        self._step: int | None = None
        self._seen = 0

    def place(self, batch: Batch) -> Place:
        """Return the place of a batch that has not been placed before."""
        with self._lock:
            self._seen = self._seen + 1 if batch.step == self._step else 0
            self._step = batch.step
            attempt = self._seen
        first = _rank(self._rank) * len(batch.completions)
        size = batch.group_size(self._size) or self._size
        return Place(self._run, first, size, batch.step or 0, attempt)

    def __getstate__(self) -> dict[str, Any]:
        return {"run": self._run, "size": self._size, "rank": self._rank}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["run"], state["size"], state["rank"])  # type: ignore[misc]


def _rank(given: int | None) -> int:
    """The process's rank; 0 where nothing is distributed. A trainer has imported torch long before."""
    if given is not None:
        return given
    distributed = getattr(sys.modules.get("torch"), "distributed", None)
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return 0
    return int(distributed.get_rank())
