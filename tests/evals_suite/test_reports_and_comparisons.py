"""Reports are self-contained and escape what they show; two runs are compared item by item, or not at all."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from judge_agent.models.scripted import ScriptedModel
from tests.evals_suite import benchmarks
from tests.evals_suite.conftest import Ran, lines_of, verdicts
from tests.service.served import serving_in_a_thread

Evals = Callable[..., Ran]
HOSTILE = "<script>alert(1)</script>\"'&"


class Page(HTMLParser):
    """The tags, attributes and words of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.attributes, self.words = set[str](), dict[str, str](), ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name: value or "" for name, value in attrs}

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.fixture
def two_runs(evals: Evals, data: Path, tmp_path: Path) -> tuple[Path, Path]:
    """The same items by a judge that is wrong throughout, and by one that is right."""
    folders = (tmp_path / "a", tmp_path / "b")
    for folder, answers in zip(folders, (benchmarks.contrarian, benchmarks.oracle), strict=True):
        with serving_in_a_thread(model=ScriptedModel(otherwise=answers)) as served:
            evals("run", "llmbar", "judgebench", "--data", data, "--recipe", "arena", "--url", served.url,
                  "--out", folder)  # fmt: skip
    return folders


def test_a_report_is_one_page_without_requests_and_the_same_as_json(
    evals: Evals, data: Path, tmp_path: Path
) -> None:
    rows = [row | {"source": HOSTILE} for row in benchmarks.rows("judgebench", 3)]
    benchmarks.write(data, "judgebench", rows)
    out = tmp_path / "out"
    with serving_in_a_thread(model=ScriptedModel(otherwise=benchmarks.oracle)) as served:
        ran = evals("run", "judgebench", "--data", data, "--recipe", "arena", "--url", served.url,
                    "--out", out, "--json")  # fmt: skip
    text = (out / "report.html").read_text("utf-8")
    page = Page(text)
    assert json.loads((out / "report.json").read_text("utf-8")) == ran.told
    assert list(ran.summary["categories"]) == [HOSTILE]
    assert HOSTILE in page.words
    assert page.tags.isdisjoint({"script", "link", "img", "iframe", "object", "form"})
    assert page.attributes.keys().isdisjoint({"src", "href", "srcset", "onload", "onclick"})
    assert re.search(r"url\(|@import|https?://", text) is None
    assert "judgebench by arena, with tools" in page.words
    assert "100.0%" in page.words
    # Wilson of three of three: 3 / 6.8416; resampling would say 100% to 100%.
    assert "43% to 100%" in page.words
    assert "model: scripted" in page.words
    assert page.words.count("judgebench by arena, with tools") == 1


def test_a_report_of_several_sets_begins_with_all_of_them(evals: Evals, data: Path, tmp_path: Path) -> None:
    with serving_in_a_thread(model=ScriptedModel(otherwise=benchmarks.oracle)) as served:
        evals("run", "llmbar", "judgebench", "--data", data, "--recipe", "arena", "--url", served.url,
              "--out", tmp_path)  # fmt: skip
    words = Page((tmp_path / "report.html").read_text("utf-8")).words
    first = words.index("Label by")
    for name in ("llmbar by arena, with tools", "judgebench by arena, with tools"):
        assert words.index(name) < first
        assert words.count(name) == 2


def test_a_length_bias_is_told_beside_what_the_labels_say(evals: Evals, data: Path) -> None:
    rows = [
        row | {"output_1": row["output_1"] + " indeed" * 20} for row in benchmarks.rows("llmbar", 8, (1, 2))
    ]
    benchmarks.write(data, "llmbar", rows)
    with serving_in_a_thread(model=ScriptedModel(otherwise=benchmarks.oracle)) as served:
        one = evals(
            "run", "llmbar", "--data", data, "--recipe", "arena", "--url", served.url, "--json"
        ).summary
    assert one["length_bias"] == {"pairs": 8, "better_is_longer": 0.5, "prefers_longer": 0.5, "bias": 0.0}


def test_two_runs_are_compared_item_by_item(evals: Evals, two_runs: tuple[Path, Path]) -> None:
    ran = evals("compare", *two_runs, "--json")
    by_set = {one["set"]: one for one in ran.told["differences"]}
    assert ran.code == 0
    assert by_set.keys() == {"llmbar", "judgebench", "all"}
    assert (by_set["all"]["a_right"], by_set["all"]["b_right"], by_set["all"]["items"]) == (0, 8, 8)
    assert (by_set["all"]["difference"], by_set["all"]["low"], by_set["all"]["high"]) == (1.0, 0.3512, 1.0)
    assert by_set["all"]["p_value"] == pytest.approx(2 / 2**8, abs=1e-6)
    assert by_set["llmbar"]["p_value"] == 0.125
    assert {(one["a"], one["b"]) for one in ran.told["items"]} == {("wrong", "right")}
    assert "llmbar part:1: wrong -> right" in ran.out


def test_a_run_beside_itself_does_not_differ(evals: Evals, two_runs: tuple[Path, Path]) -> None:
    ran = evals("compare", two_runs[1], two_runs[1], "--json")
    assert ran.told["items"] == []
    assert {(one["difference"], one["p_value"]) for one in ran.told["differences"]} == {(0.0, 1.0)}


def test_runs_over_different_items_are_refused_unless_the_common_ones_are_asked_for(
    evals: Evals, two_runs: tuple[Path, Path]
) -> None:
    file = two_runs[0] / "items.jsonl"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:-3]))
    refused = evals("compare", *two_runs)
    assert (refused.code, refused.out) == (2, "")
    assert "3 stand in one only" in refused.err
    common = evals("compare", *two_runs, "--common", "--json")
    assert common.told["differences"][-1]["items"] == 5


def test_items_of_one_id_that_are_not_the_same_are_refused(
    evals: Evals, data: Path, two_runs: tuple[Path, Path], tmp_path: Path
) -> None:
    (path,) = (data / "llmbar").iterdir()
    rows = json.loads(path.read_text("utf-8"))
    rows[2] = rows[2] | {"input": "Name an even number."}
    path.write_text(json.dumps(rows), "utf-8")
    with serving_in_a_thread(model=ScriptedModel(otherwise=benchmarks.oracle)) as served:
        evals("run", "llmbar", "judgebench", "--data", data, "--recipe", "arena", "--url", served.url,
              "--out", tmp_path / "c")  # fmt: skip
    for more in ((), ("--common",)):
        refused = evals("compare", two_runs[0], tmp_path / "c", *more)
        assert (refused.code, refused.out) == (2, "")
        assert "1 items of one id are not the same, such as llmbar part:3" in refused.err


def test_of_a_file_of_several_judges_the_last_one_is_compared(
    evals: Evals, data: Path, two_runs: tuple[Path, Path]
) -> None:
    with serving_in_a_thread(model=ScriptedModel(otherwise=benchmarks.oracle)) as served:
        evals("run", "llmbar", "judgebench", "--data", data, "--recipe", "arena", "--url", served.url,
              "--out", two_runs[0], "--seconds", "77")  # fmt: skip
    ran = evals("compare", *two_runs, "--json")
    assert ran.told["differences"][-1]["a_right"] == 8
    assert "8 results of other settings or another judge are not compared" in ran.err


def test_what_crashed_is_not_right_and_is_told(evals: Evals, two_runs: tuple[Path, Path]) -> None:
    file = two_runs[1] / "items.jsonl"
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    lines[0] |= {"outcome": "crashed", "verdict": "none"}
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")
    ran = evals("compare", *two_runs, "--json")
    assert ran.told["differences"][-1]["b_right"] == 7
    assert "B, counted as not right: 1 crashed" in ran.out


def test_a_run_of_several_recipes_must_be_told_which(evals: Evals, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with serving_in_a_thread(model=ScriptedModel(otherwise=benchmarks.oracle)) as served:
        for more in ((), ("--no-tools",)):
            evals(
                "run", "llmbar", "--data", data, "--recipe", "arena", "--url", served.url, "--out", out, *more
            )
    refused = evals("compare", out, out)
    assert refused.code == 2
    assert "say with --a or --b which of arena, arena/no-tools" in refused.err
    ran = evals("compare", out, out, "--a", "arena/no-tools", "--b", "arena", "--json")
    assert ran.told["differences"][0]["items"] == 4
    assert evals("compare", out, out, "--a", "j1", "--b", "arena").code == 2
    assert evals("compare", out, tmp_path / "nowhere").code == 2


def test_all_judges_each_set_with_and_without_tools_and_writes_the_table(
    evals: Evals, data: Path, tmp_path: Path
) -> None:
    out, readme = tmp_path / "out", tmp_path / "README.md"
    readme.write_text("before\n<!-- evals all: begin -->\nold\n<!-- evals all: end -->\nafter\n")
    model = ScriptedModel(otherwise=benchmarks.oracle)
    with serving_in_a_thread(model=model) as served:
        arguments = ("all", "--data", data, "--limit", 2, "--url", served.url, "--out", out, "--json")
        ran = evals(*arguments, "--write", readme)
        calls = len(model.requests)
        again = evals(*arguments)
        assert len(model.requests) == calls
    assert ran.code == 0
    found = {(one["set"], one["with_tools"]): verdicts(one) for one in ran.told["summaries"]}
    assert found == {(name, tools): (2, 0, 0, 0) for name in benchmarks.SETS for tools in (True, False)}
    assert again.told["summaries"] == ran.told["summaries"]
    text = readme.read_text()
    assert text.startswith("before\n<!-- evals all: begin -->")
    assert text.endswith("<!-- evals all: end -->\nafter\n")
    assert "old" not in text
    assert "| judgebench | reference | 2 | 2 of 2 (100.0%) | 34% to 100% | 2 of 2 (100.0%) |" in text
    assert "model scripted" in text
    assert {line["with_tools"] for line in lines_of(out)} == {True, False}


def test_all_begins_nothing_after_its_minutes_and_goes_on_from_there(
    evals: Evals, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with serving_in_a_thread(model=ScriptedModel(otherwise=benchmarks.oracle)) as served:
        arguments: tuple[Any, ...] = ("all", "--data", data, "--limit", 1, "--url", served.url, "--out", out)
        stopped = evals(*arguments, "--minutes", 1e-9, "--json")
        assert [one["total"]["items"] for one in stopped.told["summaries"]] == [0] * 6
        assert [one["asked"] for one in stopped.told["summaries"]] == [1] * 6
        ended = evals(*arguments, "--json")
    assert [verdicts(one) for one in ended.told["summaries"]] == [(1, 0, 0, 0)] * 6


def test_a_file_without_marks_is_told_before_anything_is_judged(
    evals: Evals, data: Path, tmp_path: Path
) -> None:
    (tmp_path / "README.md").write_text("no table here")
    ran = evals("all", "--data", data, "--url", "http://127.0.0.1:9", "--write", tmp_path / "README.md")
    assert ran.code == 2
    assert "has no lines <!-- evals all: begin -->" in ran.err
    assert evals("all", "--data", tmp_path / "none", "--url", "http://127.0.0.1:9").code == 2
