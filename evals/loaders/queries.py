"""Text-to-SQL questions as items: the gold query in other words is right, one with a mistake is wrong.

Which is which plain sqlite3 decides on the given database (`evals/defog.py`); the request holds database and gold
query.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from evals import defog
from evals.loaders.item import Entry, Item
from evals.loaders.making import outcome
from evals.loaders.rows import Row

FORMS = ("rewritten", "wrong")


@dataclass(frozen=True)
class Asked:
    """One question. `gold` is one query, `database` the file that it is asked of."""

    name: str
    category: str
    text: str
    gold: str
    database: Path

    def entries(self) -> Iterator[Entry]:
        """The right and the wrong query, made when they are needed: each is tried on the database first."""
        for form in FORMS:
            yield Entry(f"{self.name}:{form}", f"{self.category}/{form}", partial(self._item, form))

    def _item(self, form: str) -> Item | None:
        question = defog.question_of(self.text, self.gold, self.database)
        if question is None:
            return None
        return outcome(
            f"{self.name}:{form}",
            f"{self.category}/{form}",
            {"prompt": self.text, "reference": {"sql": self.gold}},
            f"```sql\n{question.rewritten if form == 'rewritten' else question.wrong}\n```",
            succeeded=form == "rewritten",
            resources={"databases": [resource_of(self.database)]},
            uploads=(self.database,),
        )


def there(row: Row, field: str, database: Path) -> Path:
    """The database that a row's field names. Raises InvalidRequest where there is none."""
    if not database.is_file():
        raise row.error(field, f"there is no {database}")
    return database


def resource_of(database: Path) -> dict[str, str]:
    """The database of a request whose item uploads it."""
    with database.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return {"name": "data", "engine": "sqlite", "blob": sha256}
