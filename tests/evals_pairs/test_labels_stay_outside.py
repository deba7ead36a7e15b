"""No request tells which side a data set prefers: neither by a field, nor by an id, nor by a place."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evals.pair_sets import load
from judge_agent.models.scripted import ScriptedModel
from tests.evals_pairs import benchmarks
from tests.evals_pairs.conftest import Ran, lines_of
from tests.service.served import serving_in_a_thread

Evals = Callable[..., Ran]
LABEL_WORDS = ("A>B", "B>A", "label", "chosen", "reject", "response_", "output_", "truth", "check_list",
               "explanation", "verdict", benchmarks.SECRET, "pair_id", "uuid", "metadata")  # fmt: skip


@pytest.mark.parametrize("name", benchmarks.SETS)
def test_what_is_posted_holds_no_word_and_no_field_of_the_label_side(
    name: str, evals: Evals, data: Path, tmp_path: Path
) -> None:
    out, model = tmp_path / "out.jsonl", ScriptedModel(otherwise=benchmarks.oracle)
    with serving_in_a_thread(tmp_path / "judge.db", model=model) as served:
        evals("pairs", data, "--set", name, "--recipe", "default", "--recipe", "arena",
              "--service", served.url, "--out", out)  # fmt: skip
        with sqlite3.connect(tmp_path / "judge.db") as database:
            posted = [text for (text,) in database.execute("SELECT request FROM judgments")]
        database.close()
    assert len(posted) == 8
    for text in posted:
        assert [word for word in LABEL_WORDS if word in text] == []
        request = json.loads(text)
        assert request.keys() <= {"task", "candidates", "recipe", "seed", "budget", "cache"}
        assert [candidate["id"] for candidate in request["candidates"]] == ["c1", "c2"]
        assert request["task"].keys() <= {"prompt", "messages"}
        assert sum(benchmarks.GOOD in json.dumps(candidate) for candidate in request["candidates"]) == 1
    prompts = [request.text for request in model.requests]
    assert [word for word in (benchmarks.SECRET, "A>B", "B>A") if any(word in text for text in prompts)] == []
    assert {line["verdict"] for line in lines_of(out)} == {"right"}


@pytest.mark.parametrize(
    ("name", "label"),
    [("judgebench", "A>B"), ("judgebench", "B>A"), ("llmbar", 1), ("llmbar", 2), ("plan_rewardbench", None)],
)
def test_the_preferred_side_comes_first_about_as_often_as_second(
    name: str, label: Any, tmp_path: Path
) -> None:
    """Also where a file always has it in the same place."""
    benchmarks.write(tmp_path, name, benchmarks.rows(name, 200, (label,)))
    pairs = load(name, tmp_path, 200)
    places = Counter(pair.chosen for pair in pairs)
    assert len(pairs) == 200
    assert 75 <= places["c1"] <= 125
    for pair in pairs:
        shown = {one["id"]: json.dumps(one) for one in pair.request("default", 60)["candidates"]}
        assert benchmarks.GOOD in shown[pair.chosen]


def test_swapping_the_label_changes_no_request(tmp_path: Path) -> None:
    """The same texts under the other label are the same request: it cannot depend on the label."""
    for name, swap in (("judgebench", {"A>B": "B>A", "B>A": "A>B"}), ("llmbar", {1: 2, 2: 1})):
        rows: list[Any] = benchmarks.rows(name, 20)
        benchmarks.write(tmp_path / "one", name, rows)
        benchmarks.write(tmp_path / "other", name, [row | {"label": swap[row["label"]]} for row in rows])
        one, other = load(name, tmp_path / "one", 20), load(name, tmp_path / "other", 20)
        assert [pair.request("arena", 60) for pair in one] == [pair.request("arena", 60) for pair in other]
        assert all(left.chosen != right.chosen for left, right in zip(one, other, strict=True))


def test_swapping_the_sides_of_a_trajectory_pair_changes_no_request(tmp_path: Path) -> None:
    rows = benchmarks.rows("plan_rewardbench", 20)
    swapped = [row | {"chosen": row["reject"], "reject": row["chosen"]} for row in rows]
    benchmarks.write(tmp_path / "one", "plan_rewardbench", rows)
    benchmarks.write(tmp_path / "other", "plan_rewardbench", swapped)
    one, other = (load("plan_rewardbench", tmp_path / side, 20) for side in ("one", "other"))
    assert [pair.body for pair in one] == [pair.body for pair in other]
    assert all(left.chosen != right.chosen for left, right in zip(one, other, strict=True))
