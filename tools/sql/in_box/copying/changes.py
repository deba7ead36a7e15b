"""What a copy is to be like, and the changes to one table that make it so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from tools.sql.in_box.copying.tables import Cell, Column, Table


class Recipe(NamedTuple):
    """Shares of rows kept, of cells changed, of cells made NULL, and of rows added.

    `guess`: values may leave what the data shows, and NULL may stand where the schema lets it.
    """

    keep: float
    change: float
    nulls: float
    add: float
    guess: bool


class Hints(NamedTuple):
    """What the queries name, in lower case: columns (None: all), constants by the column that they stand beside, and
    columns whose values they look into (None: all).
    """

    used: list[str] | None
    constants: dict[str, list[Any]]
    probed: list[str] | None = None


class Edits:
    """The changes to one table: row numbers, cells by row and column, and added rows as the row that they repeat.

    `keys` are what no added row repeats; `made` whole rows for a table that has none.
    """

    def __init__(self, table: Table, keys: list[tuple[int, ...]] | None = None) -> None:
        self.table = table
        self.keys = table.keys if keys is None else keys
        self.made: list[tuple[Cell, ...]] = []
        self.gone: dict[int, None] = {}
        self.changed: dict[int, dict[int, Cell]] = {}
        self.added: list[tuple[int, dict[int, Cell]]] = []

    def kept(self) -> list[int]:
        return [at for at in range(len(self.table.rows)) if at not in self.gone]

    def now(self, row: int, at: int) -> Cell:
        return self.changed.get(row, {}).get(at, self.table.rows[row][at])

    def set(self, row: int, at: int, value: Cell) -> None:
        self.changed.setdefault(row, {})[at] = value

    def may_unlink(self, places: tuple[int, ...], recipe: Recipe) -> bool:
        """Whether columns that link rows may be NULL: where the data has it, or in a guess where the schema lets it."""
        columns = [self.table.columns[at] for at in places]
        may = all(column.nullable and (recipe.guess or column.has_null) for column in columns)
        return bool(recipe.nulls) and may


def is_used(column: Column, hints: Hints) -> bool:
    return hints.used is None or column.name.casefold() in hints.used


def is_ordered(table: Table, at: int, value: Cell, now: Callable[[int], Cell]) -> bool:
    """Whether a row keeps the order of its columns. `now` gives the values of its other columns."""
    for small, large in table.below:
        if at in (small, large):
            low = value if at == small else now(small)
            high = value if at == large else now(large)
            if low is not None and high is not None and not low <= high:
                return False
    return True
