"""Every loader reads its benchmark's published form; what its label rests on is in no request."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from evals.loaders import SUITES
from evals.loaders.item import Request
from judge_agent.schema import JudgmentRequest
from tests.evals_loaders.published import CASES, MARK, label_of, loaded, sampled, suite_of, write

FLIPPED = [case for case in CASES if "flipped_labels" in CASES[case]]


def test_every_loader_is_tried_here() -> None:
    assert {suite_of(case) for case in CASES} == set(SUITES)


@pytest.mark.parametrize("case", CASES)
def test_a_published_row_gives_its_items_with_category_and_label(case: str, tmp_path: Path) -> None:
    items = loaded(write(tmp_path, case), case)
    assert [label_of(item) for item in items] == CASES[case]["labels"]
    assert [item.category for item in items] == CASES[case]["categories"]
    assert len({item.id for item in items}) == len(items)
    for item in items:
        JudgmentRequest.model_validate(item.request.body)


@pytest.mark.parametrize("case", CASES)
def test_no_field_of_the_label_side_is_in_a_request(case: str, tmp_path: Path) -> None:
    folder = write(tmp_path, case)
    assert MARK in json.dumps(CASES[case]["files"])
    for item in loaded(folder, case):
        assert MARK not in json.dumps(item.request.body)
        assert not any(MARK.encode() in one for one in item.request.uploads if isinstance(one, bytes))
        assert item.request.body.keys() <= {"task", "candidates", "resources", "granularity"}
        ids = [candidate["id"] for candidate in item.request.body["candidates"]]
        assert ids == ["agent"] or ids == [f"c{place}" for place in range(1, len(ids) + 1)]


@pytest.mark.parametrize("case", FLIPPED)
def test_other_labels_give_the_same_requests(case: str, tmp_path: Path) -> None:
    """A request cannot depend on the label: where it changes with it, the judge is told."""
    one = loaded(write(tmp_path / "one", case), case)
    other = loaded(write(tmp_path / "other", case, flipped=True), case)
    assert [label_of(item) for item in other] == CASES[case]["flipped_labels"]
    assert _bodies([item.request for item in one]) == _bodies([item.request for item in other])


def _bodies(requests: list[Request]) -> set[str]:
    return {json.dumps(request.body, sort_keys=True) for request in requests}


@pytest.mark.parametrize("case", ["judgebench", "llmbar", "plan_rewardbench", "rewardbench", "mt_bench"])
def test_the_better_one_comes_first_about_as_often_as_second(case: str, tmp_path: Path) -> None:
    """Also where a file always has it in the same place."""
    folder = write(tmp_path, case)
    (path,) = folder.iterdir()
    text = path.read_text("utf-8").strip()
    rows = json.loads(text) if path.suffix == ".json" else [json.loads(line) for line in text.splitlines()]
    many = []
    for number in range(200):
        shown = json.dumps(rows[0])
        for words in ("Seven.", "Nine.", "21 degrees.", "Warm, I guess."):
            shown = shown.replace(words, f"{words} {number}")
        many.append(json.loads(shown) | {"pair_id": f"p-{number}"})
    lines = "".join(f"{json.dumps(row)}\n" for row in many)
    path.write_text(json.dumps(many) if path.suffix == ".json" else lines, "utf-8")
    places = Counter(next(iter(item.label.chosen)) for item in loaded(folder, case))
    assert places.total() == 200
    assert 70 <= places["c1"] <= 130


def test_a_limit_takes_categories_in_turn_and_a_larger_one_holds_the_smaller(tmp_path: Path) -> None:
    folder = write(tmp_path, "rm_bench")
    chosen = {limit: [item.id for item in sampled(folder, "rm_bench", limit)] for limit in (3, 6, None)}
    categories = {item.category for item in sampled(folder, "rm_bench", 3)}
    assert categories == {"chat/easy", "chat/normal", "chat/hard"}
    assert chosen[3] == chosen[6][:3]
    assert len(set(chosen[None])) == 9
    drawn = {tuple(item.id for item in sampled(folder, "rm_bench", 3, seed)) for seed in range(20)}
    assert len(drawn) > 5


def test_a_set_whose_requests_hold_what_decides_says_so(tmp_path: Path) -> None:
    for suite in SUITES:
        assert suite.is_given is (suite.decided_by in ("test", "query", "end_state") or suite.name == "gsm8k")
