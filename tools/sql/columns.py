"""Finds which column of a result stands for which expected one, where names do not tell: by their values.

The search is exhaustive up to a bound of work; columns that are equal cell by cell are tried once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from tools.sql.matching import Rows, is_within
from tools.sql.values import Value, is_exact, is_finite, is_past_doubles, place_of, same, size_of

MAX_EFFORT = 3_000_000  # cells looked at


class TooMuch(Exception):
    """Matching the columns by their values takes longer than it is worth."""


class Column:
    """The values of one column, looked at once."""

    def __init__(self, values: Sequence[Value]) -> None:
        self.values = tuple(values)

    @cached_property
    def counts(self) -> Counter[Value]:
        return Counter(self.values)

    @cached_property
    def is_exact(self) -> bool:
        return all(is_exact(value) for value in self.counts)

    @cached_property
    def is_plain(self) -> bool:
        """Whether what is not exact is a number."""
        return all(is_exact(value) or value.kind == "number" for value in self.counts)

    @cached_property
    def numbers(self) -> list[Value]:
        return sorted((value for value in self.values if _is_sized(value)), key=place_of)

    @cached_property
    def others(self) -> Counter[Value]:
        return Counter(value for value in self.values if not _is_sized(value))

    def is_within(self, other: Column) -> bool:
        """Whether every value has its like in the other column, each its own."""
        if self.is_exact and other.is_exact:
            return (
                self.counts == other.counts if len(self.values) == len(other.values) else self._counted(other)
            )
        if not (self.is_plain and other.is_plain):
            return is_within(_rows(self), _rows(other))
        if self.others - other.others:
            return False
        there = iter(other.numbers)
        if all(any(same(number, one) for one in _from(there, number)) for number in self.numbers):
            return True
        # Beside exact neighbours the first that is the same may be another's only one.
        mixed = any(map(is_past_doubles, (*self.numbers, *other.numbers)))
        return mixed and is_within(_rows(self), _rows(other))

    def _counted(self, other: Column) -> bool:
        return all(other.counts[value] >= count for value, count in self.counts.items())


def _rows(column: Column) -> Rows:
    return [(value,) for value in column.values]


def _is_sized(value: Value) -> bool:
    return value.kind == "number" and is_finite(value)


def _from(numbers: Iterator[Value], least: Value) -> Iterator[Value]:
    """The numbers that come next, up to the first that is too large to be the same."""
    for number in numbers:
        yield number
        if size_of(number) > size_of(least) and not same(number, least):
            return


def columns_of(rows: Rows, width: int) -> list[Column]:
    return [Column([row[at] for row in rows]) for at in range(width)]


def assignments(
    rows: Rows, wanted: Rows, width: int, named: Mapping[int, int] | None = None
) -> Iterator[tuple[int, ...]]:
    """For each expected column one of the result's; as they stand first. Raises TooMuch.

    `named`: expected columns that are known, each with the result's column that stands for it.
    """
    in_place, known = tuple(range(width)), dict(named or {})
    if all(index == at for index, at in known.items()):
        yield in_place
    own, others = columns_of(rows, width), columns_of(wanted, width)
    effort = 0

    def spend(count: int) -> None:
        nonlocal effort
        effort += count
        if effort > MAX_EFFORT:
            raise TooMuch

    fitting: list[list[int]] = []
    for index, other in enumerate(others):
        fits = []
        for at, column in enumerate(own):
            if known.get(index, at) != at:
                continue
            found = column.is_within(other)
            spend(len(rows) if found else 8)
            if found:
                fits.append(at)
        if not fits:
            return
        fitting.append(fits)
    order = sorted(in_place, key=lambda index: len(fitting[index]))

    def search(chosen: dict[int, int]) -> Iterator[tuple[int, ...]]:
        spend(width)
        if len(chosen) == width:
            spend(width * len(rows))
            yield tuple(chosen[index] for index in in_place)
            return
        index, tried = order[len(chosen)], set[tuple[Value, ...]]()
        for at in fitting[index]:
            if at not in chosen.values() and own[at].values not in tried:
                tried.add(own[at].values)
                yield from search({**chosen, index: at})

    yield from search({})
