"""What a run says of the judge: verdicts against labels, orders, failures, and what it cost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from judge_agent.models.scripted import ScriptedModel
from tests.evals_pairs import benchmarks
from tests.evals_pairs.conftest import Ran, lines_of
from tests.service.served import Served, serving_in_a_thread

Evals = Callable[..., Ran]


@pytest.fixture(scope="module")
def knowing() -> Iterator[Served]:
    with serving_in_a_thread(model=ScriptedModel(otherwise=benchmarks.oracle)) as served:
        yield served


@pytest.mark.parametrize("name", benchmarks.SETS)
def test_a_judge_that_knows_is_right_by_both_kinds_of_recipe(
    name: str, evals: Evals, data: Path, knowing: Served
) -> None:
    ran = evals("pairs", data, "--set", name, "--recipe", "default", "--recipe", "arena", "--json",
                "--service", knowing.url)  # fmt: skip
    alone, compared = ran.told["tallies"]
    for tally in (alone, compared):
        assert (tally["pairs"], tally["right"], tally["wrong"], tally["tie"], tally["none"]) == (
            4,
            4,
            0,
            0,
            0,
        )
        assert (tally["accuracy_of_decided"], tally["accuracy_of_all"]) == (1.0, 1.0)
        assert tally["candidates"] == {"scored": 8}
        assert (tally["crashed"], tally["stuck"]) == (0, 0)
        assert tally["model_calls"] >= 8
        assert tally["prompt_tokens"] > tally["completion_tokens"] > 0
        assert tally["wall_seconds"] >= 0 < tally["judge_seconds_each"]
    assert (alone["order_consistency"], compared["order_consistency"]) == (None, 1.0)
    by_tools = {"evidence": 8} if name == "plan_rewardbench" else {}
    assert compared["principles"] == {"model": 8, **by_tools}
    assert ran.code == 0


def test_the_table_has_a_row_for_each_set_and_recipe_and_ends_with_model_machine_and_commit(
    evals: Evals, data: Path, knowing: Served
) -> None:
    ran = evals("pairs", data, "--recipe", "arena", "--recipe", "default", "--count", 2,
                "--service", knowing.url)  # fmt: skip
    head, rule, *found, last = ran.out.splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in found]
    assert [row[:2] for row in cells] == [
        [name, recipe] for name in benchmarks.SETS for recipe in ("arena", "default")
    ]
    assert {len(row) for row in cells} == {head.count("|") - 1}
    assert set(rule) <= {"|", "-"}
    assert {row[9] for row in cells if row[1] == "default"} == {"n/a"}
    assert {row[9] for row in cells if row[1] == "arena"} == {"100.0%"}
    assert last.startswith('model {"model": "scripted", "revision": "1", "backend": "scripted"}, ')
    assert "cores, Python 3." in last
    assert ", commit " in last


def test_a_judge_that_is_wrong_throughout_is_a_figure_and_no_failure_of_the_run(
    evals: Evals, data: Path
) -> None:
    with serving_in_a_thread(model=ScriptedModel(otherwise=benchmarks.contrarian)) as served:
        ran = evals("pairs", data, "--recipe", "default", "--recipe", "arena", "--json",
                    "--service", served.url)  # fmt: skip
    assert [(tally["right"], tally["wrong"]) for tally in ran.told["tallies"]] == [(0, 4)] * 6
    assert ran.code == 0


def test_a_judge_that_prefers_a_place_ties_and_its_orders_do_not_agree(evals: Evals, data: Path) -> None:
    with serving_in_a_thread(model=ScriptedModel(otherwise=benchmarks.scores(9, 1))) as served:
        tally = evals("pairs", data, "--set", "llmbar", "--recipe", "arena", "--json",
                      "--service", served.url).tally  # fmt: skip
    assert (tally["right"], tally["wrong"], tally["tie"], tally["none"]) == (0, 0, 4, 0)
    assert (tally["accuracy_of_decided"], tally["accuracy_of_all"]) == (None, 0.0)
    assert tally["order_consistency"] == 0.0


def test_a_judge_that_says_nothing_of_use_prefers_none_and_the_table_says_why(
    evals: Evals, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    with serving_in_a_thread(model=ScriptedModel(otherwise="It depends.")) as served:
        ran = evals("pairs", data, "--set", "judgebench", "--recipe", "arena", "--json",
                    "--service", served.url, "--out", out)  # fmt: skip
    tally = ran.tally
    assert (tally["right"], tally["wrong"], tally["tie"], tally["none"]) == (0, 0, 0, 4)
    assert (tally["candidates"], tally["candidate_failures"]) == ({"unscored": 8}, {"model_unparseable": 8})
    assert tally["useless_calls"] == tally["model_calls"] > 0
    assert "judgebench by arena: candidates not scored: model_unparseable 8" in ran.out
    assert {line["verdict"] for line in lines_of(out)} == {"none"}
    assert ran.code == 0


def test_each_judgment_leaves_a_line_that_can_be_counted_again(
    evals: Evals, data: Path, tmp_path: Path, knowing: Served
) -> None:
    out = tmp_path / "new" / "out.jsonl"
    evals("pairs", data, "--set", "llmbar", "--recipe", "arena", "--service", knowing.url, "--out", out)
    lines = lines_of(out)
    assert sorted(line["pair"] for line in lines) == [f"part:{number}" for number in range(1, 5)]
    for line in lines:
        assert (line["set"], line["recipe"], line["outcome"], line["verdict"]) == (
            "llmbar", "arena", "judged", "right",
        )  # fmt: skip
        assert line["preferred"] == line["chosen"]
        rewards = {candidate["id"]: candidate["reward"] for candidate in line["candidates"]}
        assert max(rewards, key=rewards.__getitem__) == line["chosen"]
        assert line["ended"] >= line["started"] > 1.7e9
        assert line["usage"]["model_calls"] == 2
        assert line["judgment"].startswith("jdg_")


def test_a_run_with_a_service_of_its_own_judges_and_stops_it(
    evals: Evals, data: Path, tmp_path: Path
) -> None:
    ran = evals("pairs", data, "--set", "llmbar", "--recipe", "verify", "--count", 2, "--json",
                "--model", "none", "--data-dir", tmp_path / "service")  # fmt: skip
    assert (ran.tally["none"], ran.tally["candidate_failures"]) == (2, {"no_evidence": 4})
    assert ran.told["model"] == {"model": None, "revision": None, "backend": None}
    assert (tmp_path / "service" / "judge.db").exists()
    assert ran.code == 0


def test_more_pairs_hold_the_fewer_and_come_from_all_files(
    evals: Evals, tmp_path: Path, knowing: Served
) -> None:
    data = tmp_path / "data"
    found = benchmarks.rows("llmbar", 30)
    benchmarks.write(data, "llmbar", found[:20], "first")
    benchmarks.write(data, "llmbar", found[20:], "second")
    chosen = {}
    for count in (4, 8, 100):
        out = tmp_path / f"{count}.jsonl"
        evals("pairs", data, "--set", "llmbar", "--recipe", "arena", "--count", count, "--at-once", 8,
              "--service", knowing.url, "--out", out)  # fmt: skip
        chosen[count] = {line["pair"] for line in lines_of(out)}
    assert [len(pairs) for pairs in chosen.values()] == [4, 8, 30]
    assert chosen[4] < chosen[8] < chosen[100]
    assert sorted(pair.split(":")[0] for pair in chosen[4]) == ["first", "first", "second", "second"]
    assert json.dumps(sorted(chosen[8])) != json.dumps(sorted(chosen[100])[:8])
