"""Pairs two rows of things so that the weights of the pairs sum to the most; weights are whole and not negative.

`best_pairs` is free in its choice (the Hungarian method with potentials: H. W. Kuhn, Naval Research Logistics 2,
1955; in the form of R. Jonker and A. Volgenant, Computing 38, 1987, cubic in the shorter side); `best_in_order` keeps
both orders (dynamic programming). A pair of weight 0 is no pair. `all_paired` says whether as many things as there are
can be paired so that each pair fits (augmenting paths, one thing at a time).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence

Weights = Sequence[Sequence[int]]
Pairs = dict[int, int]


def best_pairs(weights: Weights, *, deadline: float) -> Pairs:
    """Return column by row of the heaviest pairing. Raises TimeoutError past `deadline` (monotonic seconds)."""
    if not weights or not weights[0]:
        return {}
    if len(weights) > len(weights[0]):
        turned = best_pairs([list(column) for column in zip(*weights, strict=True)], deadline=deadline)
        return {row: column for column, row in turned.items()}
    if (plain := _all_at_the_most(weights)) is not None:
        return plain
    row_of = _assigned([[-weight for weight in row] for row in weights], deadline)
    pairs = {row: column for column, row in enumerate(row_of) if row >= 0}
    return {row: pairs[row] for row in sorted(pairs) if weights[row][pairs[row]] > 0}


def _all_at_the_most(weights: Weights) -> Pairs | None:
    """A pairing in which each row has the largest weight that there is: nothing is better, and most are so."""
    most = max(max(row) for row in weights)
    left = list(range(len(weights[0])))
    pairs: Pairs = {}
    for index, row in enumerate(weights):
        column = next((column for column in left if row[column] == most), None)
        if column is None or most <= 0:
            return None
        left.remove(column)
        pairs[index] = column
    return pairs


def best_in_order(weights: Weights, *, deadline: float) -> Pairs:
    """Return column by row of the heaviest pairing in which later rows have later columns. Raises TimeoutError."""
    rows, columns = len(weights), len(weights[0]) if weights else 0
    best = [[0] * (columns + 1) for _ in range(rows + 1)]
    for row in range(rows - 1, -1, -1):
        _in_time(deadline)
        for column in range(columns - 1, -1, -1):
            paired = weights[row][column] + best[row + 1][column + 1]
            best[row][column] = max(paired, best[row + 1][column], best[row][column + 1])
    return _traced(weights, best)


def all_paired(size: int, fits: Callable[[int, int], bool], *, deadline: float) -> bool:
    """Whether each of `size` rows has a column of its own that fits it. Raises TimeoutError past `deadline`.

    `fits` is asked at most once of each row and column, and first of those on the diagonal.
    """
    known: dict[int, bytearray] = {}  # of each row that was asked for, by column: unknown, fits, does not

    def fit(row: int, column: int) -> bool:
        if row not in known:
            known[row] = bytearray(size)
        of_row = known[row]
        if not of_row[column]:
            of_row[column] = 1 if fits(row, column) else 2
        return of_row[column] == 1

    row_of: dict[int, int] = {}
    for row in range(size):
        _in_time(deadline)
        if row not in row_of and fit(row, row):
            row_of[row] = row
        elif not _augmented(row, size, row_of, fit):
            return False
    return True


def _augmented(start: int, size: int, row_of: dict[int, int], fit: Callable[[int, int], bool]) -> bool:
    """Give one more row a column, along the shortest path of changes; False where there is none."""
    came_from: dict[int, int] = {}
    rows = deque([start])
    column_of = {row: column for column, row in row_of.items()}
    while rows:
        row = rows.popleft()
        for column in range(size):
            if column in came_from or not fit(row, column):
                continue
            came_from[column] = row
            if column not in row_of:
                _rewire(column, start, row_of, came_from, column_of)
                return True
            rows.append(row_of[column])
    return False


def _rewire(
    column: int, start: int, row_of: dict[int, int], came_from: dict[int, int], column_of: dict[int, int]
) -> None:
    while True:
        row = came_from[column]
        row_of[column] = row
        if row == start:
            return
        column = column_of[row]


def _traced(weights: Weights, best: Sequence[Sequence[int]]) -> Pairs:
    pairs: Pairs = {}
    row = column = 0
    while row < len(weights) and column < len(weights[0]):
        weight = weights[row][column]
        if weight > 0 and best[row][column] == weight + best[row + 1][column + 1]:
            pairs[row] = column
            row, column = row + 1, column + 1
        elif best[row][column] == best[row + 1][column]:
            row += 1
        else:
            column += 1
    return pairs


def _assigned(costs: Weights, deadline: float) -> list[int]:
    """Row of each column (-1: none) at the least cost; there are no more rows than columns.

    Rows are added one by one, each along the cheapest path of changes; potentials keep reduced costs non-negative.
    """
    width = len(costs[0])
    row_of = [-1] * (width + 1)  # the last column is where a new row starts
    row_potential, column_potential = [0] * len(costs), [0] * (width + 1)
    for row in range(len(costs)):
        _in_time(deadline)
        row_of[width] = row
        came_from = _grow(costs, row_of, row_potential, column_potential)
        column = came_from.pop()
        while column != width:
            before = came_from[column]
            row_of[column] = row_of[before]
            column = before
    return row_of[:width]


def _grow(
    costs: Weights, row_of: list[int], row_potential: list[int], column_potential: list[int]
) -> list[int]:
    """Search from the new row until a free column is reached; return whence each column, and last the free one."""
    width = len(row_of) - 1
    distance: list[float] = [float("inf")] * width
    came_from = [width] * width
    seen = [width]
    open_columns = set(range(width))
    column = width
    while True:
        row = row_of[column]
        for other in open_columns:
            reduced = costs[row][other] - row_potential[row] - column_potential[other]
            if reduced < distance[other]:
                distance[other], came_from[other] = reduced, column
        following = min(open_columns, key=lambda other: (distance[other], other))
        step = int(distance[following])
        for other in seen:
            row_potential[row_of[other]] += step
            column_potential[other] -= step
        for other in open_columns:
            distance[other] -= step
        column = following
        if row_of[column] < 0:
            return [*came_from, column]
        seen.append(column)
        open_columns.discard(column)


def _in_time(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise TimeoutError("pairing the calls took too long")
