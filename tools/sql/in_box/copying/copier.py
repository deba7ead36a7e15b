"""Makes one perturbed copy after the other of the database in the box.

The same question gives the same copy in every box: nothing here depends on time, addresses or the order of a set.
The host compares what two boxes say of their copies.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from tools.sql.in_box.copying.edits import Edits, Hints, Recipe, plan
from tools.sql.in_box.copying.tables import Cell, Table, TooLarge, learn
from tools.sql.in_box.engine import DATABASE, Clock, EngineError, Json

MAX_FILE_BYTES = 24_000_000


class Store(Protocol):
    """A database file that is being changed. `left_alone`: tables that are not read, and stay as they are."""

    left_alone: list[str]

    def close(self) -> None: ...

    def tables(self) -> list[Table]: ...

    def write(self, edits: Sequence[Edits], shuffle: random.Random | None) -> None: ...

    def rows_of(self, table: Table) -> Iterator[tuple[Cell, ...]]: ...


class Copier:
    """Remembers what the database keeps to; `opened` opens a file for changing it."""

    def __init__(self, opened: Callable[[str, Clock], Store]) -> None:
        self._opened = opened
        self._tables: list[Table] | None = None
        self._left_alone: list[str] = []

    def make(self, asked: Json, target: str, clock: Clock) -> Json:
        """Write a copy to `target`; say which tables have declared keys, and its digest. Raises EngineError."""
        if os.path.getsize(DATABASE) > MAX_FILE_BYTES:
            raise EngineError("refused", f"the database has more than {MAX_FILE_BYTES} bytes")
        shutil.copyfile(DATABASE, target)
        with contextlib.closing(self._opened(target, clock)) as store:
            try:
                tables = self._learnt(store, asked)
            except TooLarge as error:
                raise EngineError("refused", str(error)) from error
            rng = random.Random(asked["seed"])  # noqa: S311 - reproducible, no secret
            edits = plan(tables, Recipe(*asked["recipe"]), _hints(asked, tables), rng)
            store.write(edits, rng if asked["shuffle"] else None)
            digest = hashlib.sha256()
            empty = []
            for table in tables:
                rows = 0
                for row in store.rows_of(table):
                    digest.update(repr(row).encode("utf-8", "surrogatepass"))
                    rows += 1
                if not rows:
                    empty.append(table.name.casefold())
        return {
            "sha256": digest.hexdigest(),
            "tables": {
                **{name.casefold(): False for name in self._left_alone},
                **{table.name.casefold(): table.declared for table in tables},
            },
            "left_alone": [name.casefold() for name in self._left_alone],
            "empty": empty,
            "rows_gone": sum(len(own.gone) for own in edits),
            "rows_added": sum(len(own.added) for own in edits),
            "rows_changed": sum(len(own.changed) for own in edits),
        }

    def _learnt(self, store: Store, asked: Json) -> list[Table]:
        if self._tables is None:
            found = store.tables()
            learn(found, asked["joined"])
            self._tables, self._left_alone = found, store.left_alone
        return self._tables


def _hints(asked: Json, tables: list[Table]) -> Hints:
    """Behind a view or a table that is left alone, a query may look into any column."""
    known = {table.name.casefold() for table in tables}
    plain = all(name in known for name in asked["tables"])
    return Hints(asked["used"], asked["constants"], asked["probed"] if plain else None)
