"""Tells apart, in a walk through points, what was counted before: the same rollout, the same seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from api.runs.sums import Ints

Rows = npt.NDArray[np.bool_]
# Of one content in one step; what comes past so many different ones counts as new.
MAX_SEEN = 100_000


class Firsts:
    """Finds the rows that are the first of their value among neighbours of one key, however the walk is paged."""

    def __init__(self) -> None:
        self._key: tuple[int, ...] | None = None
        self._seen = np.empty(0, np.int64)

    def among(self, keys: Sequence[Ints], values: Ints, chosen: Rows) -> Rows:
        """Which of the chosen rows are first; rows come in the order of their keys, the last key may go on."""
        found = np.zeros(len(values), bool)
        found[chosen] = self._first([key[chosen] for key in keys], values[chosen])
        return found

    def _first(self, keys: Sequence[Ints], values: Ints) -> Rows:
        if not len(values):
            return np.zeros(0, bool)
        changes = np.zeros(len(values), bool)
        for key in keys:
            changes[1:] |= key[1:] != key[:-1]
        segments = np.cumsum(changes)
        # A stable sort: equal values of one segment stay in the order of the walk.
        order = np.lexsort((values, segments))
        ranked, of = values[order], segments[order]
        first = np.ones(len(values), bool)
        first[order[1:]] = (ranked[1:] != ranked[:-1]) | (of[1:] != of[:-1])
        goes_on = self._key == tuple(int(key[0]) for key in keys)
        if goes_on:
            first &= (segments != 0) | ~np.isin(values, self._seen)
        self._key = tuple(int(key[-1]) for key in keys)
        newest = np.unique(values[segments == segments[-1]])
        kept = self._seen if goes_on and segments[-1] == 0 else np.empty(0, np.int64)
        self._seen = np.union1d(kept, newest)[:MAX_SEEN]
        return first
