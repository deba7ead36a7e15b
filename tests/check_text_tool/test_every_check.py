"""Every check says pass, fail or undecided where people would; the cases are in `checks.toml`."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from judge_agent.schema.text_checks import CheckKind

pytestmark = pytest.mark.anyio
CASES: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "checks.toml").read_text())["case"]
TEXTS: dict[str, list[dict[str, Any]]] = defaultdict(list)
for case in CASES:
    TEXTS[case["text"]].append(case)


@pytest.mark.parametrize("text", list(TEXTS), ids=[str(place) for place in range(len(TEXTS))])
async def test_a_check_says_of_a_text_what_a_reader_would(text: str, verdicts: Any) -> None:
    cases = TEXTS[text]
    found = await verdicts(text, [case["check"] for case in cases])
    told = {str(case["check"]): found[f"check_{place}"] for place, case in enumerate(cases, start=1)}
    assert told == {str(case["check"]): case["outcome"] for case in cases}


def test_every_check_is_tried_with_a_text_that_passes_and_one_that_fails() -> None:
    tried = defaultdict(set)
    for case in CASES:
        tried[case["check"]["check"]].add(case["outcome"])
    kinds = CheckKind.__args__  # type: ignore[attr-defined]
    assert len(kinds) >= 25
    assert {kind for kind in kinds if not {"pass", "fail"} <= tried[kind]} == set()
