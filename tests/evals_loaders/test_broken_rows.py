"""A row of another form is named by file and field, or read all the same: it never ends a run in any other way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evals.loaders.item import Item
from judge_agent.errors import InvalidRequest
from tests.evals_loaders.published import CASES, loaded, write

WRONG: tuple[Any, ...] = (None, 7, -1, True, "", "other", [], [None], [7], {}, {"a": 1})
# Sets whose files are rows: one that is a table or a page has no field to break here.
ROWS = [
    (case, name) for case in CASES for name, rows in CASES[case]["files"].items() if isinstance(rows, list)
]


def break_row(folder: Path, case: str, name: str, changed: dict[str, Any]) -> list[Item] | InvalidRequest:
    """What becomes of a set whose first row is changed."""
    write(folder, case)
    rows = [changed, *CASES[case]["files"][name][1:]]
    path = folder / name
    lines = "".join(f"{json.dumps(row)}\n" for row in rows)
    path.write_text(json.dumps(rows) if path.suffix == ".json" else lines, "utf-8")
    return become(folder, case)


def become(folder: Path, case: str) -> list[Item] | InvalidRequest:
    try:
        return loaded(folder, case)
    except InvalidRequest as error:
        return error


@pytest.mark.parametrize(("case", "name"), [one for one in ROWS if not one[1].endswith(".gz")])
def test_a_field_that_is_missing_or_of_another_form_is_named_or_not_needed(
    case: str, name: str, tmp_path: Path
) -> None:
    row = CASES[case]["files"][name][0]
    refused = set[str]()
    for field in row:
        for number, value in enumerate((..., *WRONG)):
            changed = {key: one for key, one in row.items() if key != field}
            if value is not ...:
                changed[field] = value
            found = break_row(tmp_path / f"{field}{number}", case, name, changed)
            if isinstance(found, InvalidRequest):
                assert Path(name).name in found.field or str(tmp_path) in found.field
                refused.add(field)
    assert refused, "no field of this row is needed"


@pytest.mark.parametrize("text", ["", "[]", "7", "{", '"a"', "null\n", "\xff"])
@pytest.mark.parametrize("case", CASES)
def test_a_file_of_something_else_is_named(case: str, text: str, tmp_path: Path) -> None:
    name = next(iter(CASES[case]["files"]))
    folder = write(tmp_path, case)
    (folder / name).write_bytes(text.encode("latin-1"))
    found = become(folder, case)
    # A table without rows is a set without items.
    assert found == [] or (isinstance(found, InvalidRequest) and str(folder) in found.field)


@pytest.mark.parametrize("case", CASES)
def test_a_folder_that_is_not_there_is_named(case: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest) as refused:
        loaded(tmp_path / "nowhere", case)
    assert "nowhere" in refused.value.field


@pytest.mark.parametrize("scores", [[None, 1], ["x", 1], [[1], 2], [{"a": 1}, 0], [float("nan"), 1]])
def test_scores_that_are_no_numbers_are_named(scores: list[Any], tmp_path: Path) -> None:
    row = {"prompt": "p", "response_1": "a", "response_2": "b", "sampled_conflict_pairs": [[0, 1]]}
    (tmp_path / "gpqa.jsonl").write_text(json.dumps(row | {"scores": scores}), "utf-8")
    with pytest.raises(InvalidRequest, match=r"gpqa\.jsonl, line 1 .*field scores"):
        loaded(tmp_path, "ppe")
