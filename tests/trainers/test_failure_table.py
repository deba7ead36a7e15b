"""README's table of what each trainer is told where the judge failed: every row says what tests show."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parents[1]
ROWS: dict[str, dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("failure_table.toml").read_text("utf-8")
)


def table() -> dict[str, str]:
    """The table's last column by its first."""
    text = (TESTS.parent / "README.md").read_text("utf-8")
    _, _, rest = text.partition("| trainer | how | where the judge failed |\n")
    lines = rest.partition("\n\n")[0].splitlines()[1:]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return {row[0]: row[-1] for row in cells}


def test_the_table_has_the_rows_that_are_shown_here() -> None:
    assert list(table()) == list(ROWS)


@pytest.mark.parametrize("trainer", ROWS)
def test_a_row_says_what_its_tests_show(trainer: str) -> None:
    told = table()[trainer]
    assert [word for word in ROWS[trainer]["says"] if word not in told] == []
    for place in ROWS[trainer]["tests"]:
        file, _, name = place.partition("::")
        assert re.search(rf"def {name}\(", (TESTS / file).read_text("utf-8")), place
