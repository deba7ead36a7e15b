"""Where an end state differs from the one that was required, by JSON pointer (RFC 6901).

The work is linear in the size of the states, and the same for those that differ and those that do not; it is held to
time only. Pairing items of lists without an order may take more, and is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from tools.states.places import Path, Rules, parts_of, pointer_to
from tools.states.values import same_leaf
from tools.states.work import TooMuchWork, Work

MAX_DIFFERENCES = 200
LEAVES_PER_STEP = 32
PAIRS_PER_ITEM = 32
_ABSENT = object()
_LEAVES = frozenset({int, float, str, bool, type(None)})


@dataclass(frozen=True)
class Difference:
    """One place. `kind` is of the end state beside the required one; `by` is who wrote there last, if anyone did."""

    pointer: str
    kind: str
    found: Any
    wanted: Any
    by: str | None


class Comparison:
    """Compares states; `ignore` and `unordered` are pointers in which `*` is any key or index."""

    def __init__(
        self,
        work: Work,
        *,
        ignore: Sequence[str] = (),
        unordered: Sequence[str] = (),
        partly: bool = False,
        writers: Mapping[tuple[int, str | None], str] | None = None,
    ) -> None:
        self._rules = Rules(tuple(map(parts_of, ignore)), tuple(map(parts_of, unordered)), partly, work.tick)
        self._partly = partly
        self._writers = writers or {}
        self._pairs = work.another()
        self._spend: Callable[[int], None] = work.tick

    def differences(self, found: Any, wanted: Any) -> tuple[Difference, ...]:
        """The first MAX_DIFFERENCES places, in the order of the required state; none where both are the same.

        Raises TimeoutError, and TooMuchWork where no difference was found before it.
        """
        kept = _Kept(MAX_DIFFERENCES)
        try:
            self._walk(found, wanted, (), None, kept)
        except _Enough:
            pass
        except TooMuchWork:
            if not kept.all:
                raise
        return tuple(kept.all)

    def _walk(self, found: Any, wanted: Any, path: Path, by: str | None, kept: _Kept) -> None:
        if self._rules.ignores(path):
            return
        if isinstance(found, dict) and isinstance(wanted, dict):
            self._objects(found, wanted, path, by, kept)
        elif isinstance(found, list) and isinstance(wanted, list):
            self._lists(found, wanted, path, by, kept)
        elif found is _ABSENT or wanted is _ABSENT:
            kind = "missing" if found is _ABSENT else "not expected"
            kept.add(Difference(pointer_to(path), kind, _shown(found), _shown(wanted), by))
        elif not same_leaf(found, wanted):
            kept.add(Difference(pointer_to(path), "another value", found, wanted, by))

    def _objects(
        self, found: dict[str, Any], wanted: dict[str, Any], path: Path, by: str | None, kept: _Kept
    ) -> None:
        self._spend(1 + len(wanted) // LEAVES_PER_STEP)
        for key, want in wanted.items():
            have = found.get(key, _ABSENT)
            # Most of a large state is leaves that are alike: they are passed without a call.
            if type(have) is type(want) and type(want) in _LEAVES and have == want:
                continue
            self._walk(have, want, (*path, key), self._writers.get((id(found), key), by), kept)
        if self._partly:
            return
        for key, have in found.items():
            if key not in wanted:
                self._walk(have, _ABSENT, (*path, key), self._writers.get((id(found), key), by), kept)

    def _lists(self, found: list[Any], wanted: list[Any], path: Path, by: str | None, kept: _Kept) -> None:
        self._spend(1 + len(wanted) // LEAVES_PER_STEP)
        by = self._writers.get((id(found), None), by)
        if self._rules.has_no_order(path):
            self._unordered(found, wanted, path, by, kept)
            return
        for index, (have, want) in enumerate(zip_longest(found, wanted, fillvalue=_ABSENT)):
            if type(have) is type(want) and type(want) in _LEAVES and have == want:
                continue
            self._walk(have, want, (*path, str(index)), by, kept)

    def _unordered(
        self, found: list[Any], wanted: list[Any], path: Path, by: str | None, kept: _Kept
    ) -> None:
        """As multisets: items that have no partner are shown beside each other, at the places of the required ones."""

        def same(have: int, want: int) -> bool:
            return self._is_same(found[have], wanted[want], (*path, str(want)))

        if self._spend != self._pairs.spend:
            self._pairs.allow(PAIRS_PER_ITEM * (len(found) + len(wanted)))
        for have, want in zip_longest(*self._rules.left_over(found, wanted, path, same)):
            index = have if want is None else want
            inside = _ABSENT if have is None else found[have], _ABSENT if want is None else wanted[want]
            self._walk(*inside, (*path, str(index)), by, kept)

    def _is_same(self, found: Any, wanted: Any, path: Path) -> bool:
        kept = _Kept(1)
        with self._counting_pairs():
            self._pairs.spend()
            try:
                self._walk(found, wanted, path, None, kept)
            except _Enough:
                return False
        return True

    @contextmanager
    def _counting_pairs(self) -> Iterator[None]:
        outside, self._spend = self._spend, self._pairs.spend
        try:
            yield
        finally:
            self._spend = outside


class _Enough(Exception):
    """As many differences as are asked for were found."""


class _Kept:
    """Differences, up to a limit."""

    def __init__(self, limit: int) -> None:
        self.all: list[Difference] = []
        self._limit = limit

    def add(self, difference: Difference) -> None:
        self.all.append(difference)
        if len(self.all) == self._limit:
            raise _Enough


def _shown(value: Any) -> Any:
    return None if value is _ABSENT else value
