"""ROSE-VEC (2604.12988): predicted queries that SQL experts called right or wrong; schema only, no database.

The experts' `label` and the set's `gold_sql` (which they found wrong at times) are the label's: the request holds the
question, the schema and the predicted query. `label` is true or false, or the word of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from evals.loaders.item import Item, Suite
from evals.loaders.making import ByRow, numbered, outcome
from evals.loaders.rows import Row

_WORDS = {"correct": True, "incorrect": False, "true": True, "false": False, "yes": True, "no": False}


def _items(row: Row) -> Iterator[Item]:
    hint = row.data.get("evidence")
    parts = [row.text("question"), *([str(hint)] if hint else []), f"Schema:\n{row.text('schema')}"]
    says = row.data.get("label")
    succeeded = row.label("label", _WORDS) if isinstance(says, str) else row.truth("label")
    category = f"{row.path.stem}/{'right' if succeeded else 'wrong'}"
    text = f"```sql\n{row.text('predicted_sql')}\n```"
    yield outcome(numbered(row), category, {"prompt": "\n\n".join(parts)}, text, succeeded=succeeded)


SUITE = Suite(
    name="rose_vec",
    decided_by="human",
    is_given=False,
    read=ByRow(_items),
    origin="the files of the paper's repository",
    known_from="published description",
)
