"""One piece of work per batch for several takers that do not know of each other.

A trainer calls each of its reward functions with the same batch, at one time or one after the other. The first that
comes starts the work, the others get the same future, and nothing of it outlives the batch.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence, Set
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")
_MAX_BATCHES = 64
_MAX_DEPTH = 100


class _Entry(Generic[Result]):
    """A batch that not every taker has come for. Holding the list keeps its identity from being used again."""

    def __init__(self, batch: Sequence[Any], content: int, future: Future[Result]) -> None:
        self.batch = batch
        self.content = content
        self.future = future
        self.taken = set[int]()


class SharedBatches(Generic[Result]):
    """Shares the future of a batch among `takers`. Threads may call it; a fork and a pickle begin with nothing."""

    _entries: list[_Entry[Result]]

    def __init__(self, takers: int) -> None:
        self._takers = takers
        self._begin()

    def take(
        self, taker: int, batch: Sequence[Any], content: int, start: Callable[[], Future[Result]]
    ) -> tuple[Future[Result], bool]:
        """Return the future of this batch, and whether this call started it.

        A batch is known by its identity and the `content` hash of what is in it, for lists are used again. Who comes a
        second time brings a new batch, whatever it looks like.
        """
        if self._pid != os.getpid():
            self._begin()
        with self._lock:
            found = next((entry for entry in self._entries if self._is(entry, taker, batch, content)), None)
            if found is None:
                entry = _Entry(batch, content, start())
                others = [kept for kept in self._entries if kept.batch is not batch]
                self._entries = [*others[1 - _MAX_BATCHES :], entry]
            else:
                entry = found
            entry.taken.add(taker)
            if len(entry.taken) == self._takers:
                self._entries.remove(entry)
            return entry.future, found is None

    def _is(self, entry: _Entry[Result], taker: int, batch: Sequence[Any], content: int) -> bool:
        return entry.batch is batch and entry.content == content and taker not in entry.taken

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._entries = []

    def __getstate__(self) -> int:
        return self._takers

    def __setstate__(self, takers: int) -> None:
        self._takers = takers
        self._begin()


def content_of(value: Any, depth: int = 0) -> int:
    """Hash what trainers put into batches, in one process only: texts by their content, foreign objects by identity,
    and so what is nested deeper than JSON is. Raises nothing.

    Cheap for the second taker, since a text remembers its hash.
    """
    if depth > _MAX_DEPTH:
        return id(value)
    if isinstance(value, Mapping):
        return hash(tuple((key, content_of(item, depth + 1)) for key, item in value.items()))
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return hash(tuple(content_of(item, depth + 1) for item in value))
    if isinstance(value, Set):
        return hash(frozenset(content_of(item, depth + 1) for item in value))
    try:
        return hash(value)
    except TypeError:
        return id(value)
