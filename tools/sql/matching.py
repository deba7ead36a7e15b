"""Matches rows of one table to rows of another, whatever their order: every row to one that is the same.

Values with a tolerance cannot be looked up, so rows are put together by their exact cells first; within such a group
the others are paired in order of size, and where that fails, by a search for a perfect pairing: of all, or where
they are many, of each part that no tolerance joins with another.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from tools.sql.values import Value, gap, is_exact, is_finite, place_of, same, size_of

MAX_SEARCHED = 64
Rows = Sequence[tuple[Value, ...]]


def is_within(small: Rows, large: Rows) -> bool:
    """Whether every row of `small` has a row of its own in `large`. With equal lengths: the same bag of rows."""
    if len(small) > len(large):
        return False
    if not small:
        return True
    loose = [
        column
        for column in range(len(small[0]))
        if not all(is_exact(row[column]) for rows in (small, large) for row in rows)
    ]
    wanted, there = _grouped(small, loose), _grouped(large, loose)
    return all(_has_all(rows, there.get(key, [])) for key, rows in wanted.items())


def _grouped(rows: Rows, loose: Sequence[int]) -> dict[tuple[Value, ...], list[tuple[Value, ...]]]:
    """Group the loose cells of rows by their exact ones."""
    groups: dict[tuple[Value, ...], list[tuple[Value, ...]]] = {}
    for row in rows:
        exact = tuple(value for column, value in enumerate(row) if column not in loose)
        groups.setdefault(exact, []).append(tuple(row[column] for column in loose))
    return groups


def _has_all(small: list[tuple[Value, ...]], large: list[tuple[Value, ...]]) -> bool:
    if len(small) > len(large):
        return False
    if not small[0]:
        return True
    small, large = sorted(small, key=_places), sorted(large, key=_places)
    if _in_order(small, large):
        return True
    if len(large) <= MAX_SEARCHED:
        return _pairing(small, large)
    parts = _parted(small, large)
    return all(
        len(few) <= len(many) and (not few or _in_order(few, many) or _pairing_of_few(few, many))
        for few, many in parts
    )


def _pairing_of_few(small: Rows, large: Rows) -> bool:
    return len(large) <= MAX_SEARCHED and _pairing(small, large)


def _parted(small: Rows, large: Rows) -> list[tuple[Rows, Rows]]:
    """Parts of both such that rows that are the same lie in the same part: cut where a column has a gap."""
    marks = [
        _levels([row[column] for rows in (small, large) for row in rows]) for column in range(len(small[0]))
    ]
    keys = list(zip(*marks, strict=True))
    there: dict[tuple[int, ...], tuple[list[tuple[Value, ...]], list[tuple[Value, ...]]]] = {}
    for at, (key, row) in enumerate(zip(keys, [*small, *large], strict=True)):
        there.setdefault(key, ([], []))[at >= len(small)].append(row)
    return list(there.values())


def _levels(values: Sequence[Value]) -> list[int]:
    """Number the values by size, neighbours that are the same by one number."""
    order = sorted(range(len(values)), key=lambda at: place_of(values[at]))
    levels, level = [0] * len(values), 0
    for before, at in pairwise(order):
        level += not _touch(values[before], values[at])
        levels[at] = level
    return levels


def _touch(one: Value, other: Value) -> bool:
    """Whether a gap is too small to cut at: with twice the slack, as a third value may be the same as both."""
    if size_of(one) == size_of(other):
        return True
    if not (is_finite(one) and is_finite(other)) or -math.inf in (size_of(one), size_of(other)):
        return False
    return gap(one, other) <= 2 * max(one.slack, other.slack, one.unit, other.unit)


def _places(row: tuple[Value, ...]) -> tuple[Any, ...]:
    return tuple(place_of(value) for value in row)


def _in_order(small: Rows, large: Rows) -> bool:
    """Whether the small rows are found one after the other among the large ones."""
    others = iter(large)
    return all(any(same_row(row, other) for other in others) for row in small)


def same_row(one: tuple[Value, ...], other: tuple[Value, ...]) -> bool:
    return all(map(same, one, other))


def _pairing(small: Rows, large: Rows) -> bool:
    """A bipartite matching by augmenting paths."""
    partners = [[at for at, other in enumerate(large) if same_row(row, other)] for row in small]
    taken: dict[int, int] = {}

    def place(row: int, seen: set[int]) -> bool:
        for at in partners[row]:
            if at not in seen:
                seen.add(at)
                if at not in taken or place(taken[at], seen):
                    taken[at] = row
                    return True
        return False

    return all(place(row, set()) for row in range(len(small)))
