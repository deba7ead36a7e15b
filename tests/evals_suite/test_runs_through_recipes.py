"""What a run says of the judge: verdicts against labels, orders, failures, and what it cost."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from judge_agent.models.scripted import ScriptedModel
from tests.evals_suite import benchmarks
from tests.evals_suite.conftest import Ran, lines_of, verdicts
from tests.service.served import Served, serving_in_a_thread

Evals = Callable[..., Ran]
LABEL_WORDS = ("A>B", "B>A", "label", "chosen", "reject", "response_", "output_", "truth", "check_list",
               "explanation", "verdict", benchmarks.SECRET, "pair_id", "uuid", "metadata")  # fmt: skip


@pytest.fixture(scope="module")
def knowing() -> Iterator[Served]:
    with serving_in_a_thread(model=ScriptedModel(otherwise=benchmarks.oracle)) as served:
        yield served


@pytest.mark.parametrize("name", benchmarks.SETS)
def test_a_judge_that_knows_is_right_by_both_kinds_of_recipe(
    name: str, evals: Evals, data: Path, knowing: Served
) -> None:
    ran = evals("run", name, "--data", data, "--recipe", "default", "--recipe", "arena", "--json",
                "--url", knowing.url)  # fmt: skip
    alone, compared = ran.told["summaries"]
    for one in (alone, compared):
        assert verdicts(one) == (4, 0, 0, 0)
        assert (one["total"]["accuracy"], one["total"]["low"], one["total"]["high"]) == (1.0, 0.5101, 1.0)
        assert one["total"]["accuracy_of_decided"] == 1.0
        assert (one["candidates"], one["unscored_share"]) == ({"scored": 8}, 0.0)
        assert (one["crashed"], one["stuck"]) == (0, 0)
        assert one["calls_each"] >= 2
        assert one["prompt_tokens_each"] > one["completion_tokens_each"] > 0
        assert one["wall_seconds"] >= 0 < one["judge_seconds_each"]
        assert (one["decided_by"], one["is_given"]) == (
            "reference" if name == "judgebench" else "human",
            False,
        )
    assert (alone["order_consistency"], compared["order_consistency"]) == (None, 1.0)
    if name == "plan_rewardbench":
        assert compared["decided"]["evidence"] == 8
        assert compared["by_evidence"] == {"decided": 0, "right": 0, "precision": None, "coverage": 0.0}
    else:
        assert (compared["decided"], compared["evidence_share"]) == ({"model": 8}, 0.0)
    assert ran.code == 0


def test_what_is_posted_holds_no_word_and_no_field_of_the_label_side(
    evals: Evals, data: Path, tmp_path: Path
) -> None:
    model = ScriptedModel(otherwise=benchmarks.oracle)
    with serving_in_a_thread(tmp_path / "judge.db", model=model) as served:
        evals("run", *benchmarks.SETS, "--data", data, "--recipe", "default", "--recipe", "arena",
              "--url", served.url)  # fmt: skip
        with sqlite3.connect(tmp_path / "judge.db") as database:
            posted = [text for (text,) in database.execute("SELECT request FROM judgments")]
        database.close()
    assert len(posted) == 24
    for text in posted:
        assert [word for word in LABEL_WORDS if word in text] == []
        request = json.loads(text)
        assert request.keys() <= {"task", "candidates", "recipe", "seed", "budget", "cache", "granularity"}
        assert [candidate["id"] for candidate in request["candidates"]] == ["c1", "c2"]
    prompts = [request.text for request in model.requests]
    assert [word for word in (benchmarks.SECRET, "A>B", "B>A") if any(word in text for text in prompts)] == []


def test_without_tools_the_model_is_asked_alone(evals: Evals, data: Path, knowing: Served) -> None:
    ran = evals("run", "plan_rewardbench", "--data", data, "--recipe", "arena", "--no-tools", "--json",
                "--url", knowing.url)  # fmt: skip
    assert (ran.summary["with_tools"], ran.summary["decided"]) == (False, {"model": 8})
    assert verdicts(ran.summary) == (4, 0, 0, 0)


def test_the_table_has_a_row_for_each_set_and_recipe_and_ends_with_model_machine_and_commit(
    evals: Evals, data: Path, knowing: Served
) -> None:
    ran = evals("run", *benchmarks.SETS, "--data", data, "--recipe", "arena", "--recipe", "default",
                "--limit", 2, "--url", knowing.url)  # fmt: skip
    head, rule, *found, last = ran.out.splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in found]
    assert [row[:2] for row in cells] == [
        [name, recipe] for name in benchmarks.SETS for recipe in ("arena", "default")
    ]
    assert {len(row) for row in cells} == {head.count("|") - 1}
    assert set(rule) <= {"|", "-"}
    place = [cell.strip() for cell in head.strip("|").split("|")].index("orders agree")
    assert {row[place] for row in cells if row[1] == "default"} == {"n/a"}
    assert {row[place] for row in cells if row[1] == "arena"} == {"100.0%"}
    place = [cell.strip() for cell in head.strip("|").split("|")].index("95%")
    assert {row[place] for row in cells} == {"34% to 100%"}
    assert last.startswith('model {"model": "scripted", "revision": "1", "backend": "scripted"}, seed 0, ')
    assert "cores, Python 3." in last
    assert ", commit " in last


def test_a_judge_that_is_wrong_throughout_is_a_figure_and_no_failure_of_the_run(
    evals: Evals, data: Path
) -> None:
    with serving_in_a_thread(model=ScriptedModel(otherwise=benchmarks.contrarian)) as served:
        ran = evals("run", *benchmarks.SETS, "--data", data, "--recipe", "default", "--recipe", "arena",
                    "--json", "--url", served.url)  # fmt: skip
    assert [verdicts(one) for one in ran.told["summaries"]] == [(0, 4, 0, 0)] * 6
    assert ran.code == 0


def test_a_judge_that_prefers_a_place_ties_and_its_orders_do_not_agree(evals: Evals, data: Path) -> None:
    with serving_in_a_thread(model=ScriptedModel(otherwise=benchmarks.scores(9, 1))) as served:
        one = evals("run", "llmbar", "--data", data, "--recipe", "arena", "--json",
                    "--url", served.url).summary  # fmt: skip
    assert verdicts(one) == (0, 0, 4, 0)
    assert (one["total"]["accuracy_of_decided"], one["total"]["accuracy"]) == (None, 0.0)
    assert one["order_consistency"] == 0.0


def test_a_judge_that_says_nothing_of_use_prefers_none_and_the_table_says_why(
    evals: Evals, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with serving_in_a_thread(model=ScriptedModel(otherwise="It depends.")) as served:
        ran = evals("run", "judgebench", "--data", data, "--recipe", "arena", "--json",
                    "--url", served.url, "--out", out)  # fmt: skip
    one = ran.summary
    assert (verdicts(one), one["unscored_share"]) == ((0, 0, 0, 4), 1.0)
    assert (one["candidates"], one["candidate_failures"]) == ({"unscored": 8}, {"model_unparseable": 8})
    assert one["useless_calls"] == one["calls_each"] * 4 > 0
    assert "judgebench by arena: candidates not scored: model_unparseable 8" in ran.out
    assert {line["verdict"] for line in lines_of(out)} == {"none"}
    assert ran.code == 0


def test_each_judgment_leaves_a_line_that_can_be_counted_again(
    evals: Evals, data: Path, tmp_path: Path, knowing: Served
) -> None:
    out = tmp_path / "new" / "out"
    evals("run", "llmbar", "--data", data, "--recipe", "arena", "--url", knowing.url, "--out", out)
    lines = lines_of(out)
    assert sorted(line["item"] for line in lines) == [f"part:{number}" for number in range(1, 5)]
    for line in lines:
        assert (line["set"], line["recipe"], line["outcome"], line["verdict"]) == (
            "llmbar", "arena", "judged", "right",
        )  # fmt: skip
        assert line["ended"] >= line["started"] > 1.7e9
        assert line["usage"]["model_calls"] == 2
        assert line["judgment"].startswith("jdg_")


def test_a_run_with_a_service_of_its_own_judges_and_stops_it(
    evals: Evals, data: Path, tmp_path: Path
) -> None:
    ran = evals("run", "llmbar", "--data", data, "--recipe", "verify", "--limit", 2, "--json",
                "--model", "none", "--data-dir", tmp_path / "service")  # fmt: skip
    assert verdicts(ran.summary) == (0, 0, 0, 2)
    assert ran.summary["candidate_failures"] == {"no_evidence": 4}
    assert ran.told["model"] == {"model": None, "revision": None, "backend": None}
    assert (tmp_path / "service" / "judge.db").exists()
    assert ran.code == 0


def test_a_larger_limit_holds_the_smaller_and_comes_from_all_files(
    evals: Evals, tmp_path: Path, knowing: Served
) -> None:
    data = tmp_path / "data"
    found = benchmarks.rows("llmbar", 30)
    benchmarks.write(data, "llmbar", found[:20], "first")
    benchmarks.write(data, "llmbar", found[20:], "second")
    chosen = {}
    for limit in (4, 8, 100):
        out = tmp_path / f"{limit}"
        evals("run", "llmbar", "--data", data, "--recipe", "arena", "--limit", limit, "--at-once", 8,
              "--url", knowing.url, "--out", out)  # fmt: skip
        chosen[limit] = {line["item"] for line in lines_of(out)}
    assert [len(items) for items in chosen.values()] == [4, 8, 30]
    assert chosen[4] < chosen[8] < chosen[100]
    assert sorted(item.split(":")[0] for item in chosen[4]) == ["first", "first", "second", "second"]
