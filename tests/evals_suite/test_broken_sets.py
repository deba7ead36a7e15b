"""Data that cannot be used is named by file, line and field before anything is judged."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.evals_loaders import published
from tests.evals_suite import benchmarks
from tests.evals_suite.conftest import Ran
from tests.service.served import serving_in_a_thread

Evals = Callable[..., Ran]
CASES = tomllib.loads((Path(__file__).parent / "broken_rows.toml").read_text("utf-8"))["case"]
# Nothing is asked before the data is read: no service stands here.
NOWHERE = ("--url", "http://127.0.0.1:9")


def write_case(data: Path, case: Mapping[str, Any]) -> Path:
    rows = benchmarks.rows(case["set"], 2)
    rows[1] = {name: value for name, value in rows[1].items() if name != case.get("drop")}
    path = benchmarks.write(data, case["set"], [rows[0], rows[1] | case.get("change", {})])
    if "text" in case:
        text = case["text"].replace("{GOOD_ROW}", json.dumps(rows[0])).replace("{DEEP}", "[" * 100_000)
        path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_broken_file_is_named_with_line_and_field(
    case: Mapping[str, Any], evals: Evals, tmp_path: Path
) -> None:
    path = write_case(tmp_path / "data", case)
    ran = evals("run", case["set"], "--data", tmp_path / "data", *NOWHERE)
    assert (ran.code, ran.out) == (2, "")
    assert len(ran.err.splitlines()) == 1
    assert ran.err.startswith(str(path))
    assert case["says"] in ran.err


def test_a_file_that_is_not_utf_8_is_named_with_its_line(evals: Evals, tmp_path: Path) -> None:
    path = benchmarks.write(tmp_path, "judgebench", benchmarks.rows("judgebench", 2))
    path.write_bytes(path.read_bytes() + b'{"pair_id": "\xff"}\n')
    ran = evals("run", "judgebench", "--data", tmp_path, *NOWHERE)
    assert (ran.code, ran.err.startswith(f"{path}, line 3: is not UTF-8")) == (2, True)


def test_an_id_that_another_file_has_is_named_with_both_places(evals: Evals, tmp_path: Path) -> None:
    rows = benchmarks.rows("judgebench", 2)
    first = benchmarks.write(tmp_path, "judgebench", rows, "a")
    second = benchmarks.write(tmp_path, "judgebench", rows[1:], "b")
    ran = evals("run", "judgebench", "--data", tmp_path, *NOWHERE)
    assert ran.code == 2
    assert ran.err.startswith(f"{second}, line 1 (row 1), field id: ")
    assert f"{first}, line 2" in ran.err


def test_a_set_that_is_not_there_and_a_folder_without_files_are_named(evals: Evals, tmp_path: Path) -> None:
    ran = evals("run", "llmbar", "--data", tmp_path, *NOWHERE)
    assert (ran.code, str(tmp_path / "llmbar") in ran.err) == (2, True)
    (tmp_path / "llmbar").mkdir()
    ran = evals("run", "llmbar", "--data", tmp_path, *NOWHERE)
    assert (ran.code, "holds no .json and no .jsonl file" in ran.err) == (2, True)


def test_a_recipe_that_there_is_not_is_named(evals: Evals, data: Path) -> None:
    with serving_in_a_thread() as served:
        ran = evals("run", *benchmarks.SETS, "--data", data, "--recipe", "fair-coin", "--url", served.url)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("--recipe: 'fair-coin' is none of arena, ")


@pytest.mark.parametrize(
    ("recipe", "name", "says"),
    [("round-robin", "gsm8k", "compares candidates"), ("arena", "processbench", "labels no steps")],
)
def test_a_recipe_that_can_do_nothing_with_a_set_is_refused_before_anything_is_judged(
    recipe: str, name: str, says: str, evals: Evals, tmp_path: Path
) -> None:
    published.write(tmp_path / name, name)
    with serving_in_a_thread() as served:
        ran = evals("run", name, "--data", tmp_path, "--recipe", recipe, "--url", served.url)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"--recipe: {recipe!r} {says}")


def test_a_model_that_there_is_not_is_one_line_and_no_judgment_that_crashed(
    evals: Evals, data: Path, tmp_path: Path
) -> None:
    ran = evals("run", *benchmarks.SETS, "--data", data, "--model", "foo", "--data-dir", tmp_path / "service")
    assert (ran.code, ran.out, len(ran.err.splitlines())) == (2, "", 1)
    assert ran.err.startswith("--model: 'foo' is neither ")


def test_a_folder_in_which_no_service_can_be_started_is_named(
    evals: Evals, data: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    ran = evals("run", *benchmarks.SETS, "--data", data, "--data-dir", tmp_path / "file" / "service")
    assert (ran.code, len(ran.err.splitlines())) == (2, 1)
    assert str(tmp_path / "file") in ran.err


def test_a_result_file_that_cannot_be_written_is_named(evals: Evals, data: Path, tmp_path: Path) -> None:
    (tmp_path / "items.jsonl").mkdir()
    with serving_in_a_thread() as served:
        ran = evals("run", *benchmarks.SETS, "--data", data, "--out", tmp_path, "--url", served.url)
    assert (ran.code, ran.err) == (2, f"{tmp_path / 'items.jsonl'}: cannot be written: Is a directory\n")


@pytest.mark.parametrize("option", ["--limit", "--at-once", "--seconds", "--grace"])
@pytest.mark.parametrize("value", ["0", "-1", "nan", "many"])
def test_numbers_that_make_no_sense_are_refused(
    option: str, value: str, evals: Evals, tmp_path: Path
) -> None:
    with pytest.raises(SystemExit) as refused:
        evals("run", "llmbar", "--data", tmp_path, option, value)
    assert refused.value.code == 2
