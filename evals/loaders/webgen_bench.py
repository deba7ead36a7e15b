"""WebGen-Bench (2505.03733): sites made from an instruction, graded by what a user then tries (`ui_instruct`).

`test.jsonl` is as published: `id`, `instruction`, `ui_instruct` of `{task, expected_result}`. The benchmark has no
sites: those to judge stand in `sites/<id>/index.html` (self-contained), their grades in `grades.jsonl`, a line
`{"id", "results": ["YES" | "PARTIAL" | "NO", ...]}` for each, as its grading agent words them. A partial success counts
as none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from evals.loaders.item import Entry, Item, Outcome, Suite
from evals.loaders.making import entries, files, single
from evals.loaders.rows import Row, rows_of

_GRADES = {"YES": True, "PARTIAL": False, "NO": False}


def _read(folder: Path, /) -> Sequence[Entry]:
    tasks = {row.text("id"): row for path in files(folder, "test.jsonl") for row in rows_of(path)}
    grades = (row for path in files(folder, "grades.jsonl") for row in rows_of(path))
    return entries((row, list(_items(row, tasks, folder))) for row in grades)


def _items(row: Row, tasks: dict[str, Row], folder: Path) -> Iterator[Item]:
    name = row.text("id")
    task = tasks.get(name) or row.refuse("id", "an id of test.jsonl")
    asked, grades = task.parts("ui_instruct"), row.texts("results")
    page = folder / "sites" / name / "index.html"
    if len(grades) != len(asked) or any(grade not in _GRADES for grade in grades):
        row.refuse("results", f"{len(asked)} grades, each YES, PARTIAL or NO")
    if not page.is_file():
        raise row.error("id", f"there is no {page}")
    artifact = {"name": "index.html", "kind": "html", "content": page.read_text("utf-8")}
    for place, (one, grade) in enumerate(zip(asked, grades, strict=True), start=1):
        prompt = (
            f"{task.text('instruction')}\n\nA user then tries: {one.text('task')}\n"
            f"Expected: {one.text('expected_result')}"
        )
        kind = one.data.get("task_category")
        category = str((kind.get("primary_category") if isinstance(kind, dict) else kind) or "all")
        label = Outcome(_GRADES[grade])
        yield single(f"{name}:{place}", category, {"prompt": prompt}, {"artifacts": [artifact]}, label)


SUITE = Suite(
    name="webgen_bench",
    decided_by="human",
    is_given=False,
    read=_read,
    origin="github.com/mnluzimu/WebGen-Bench, data/test.jsonl",
    known_from="published description",
)
