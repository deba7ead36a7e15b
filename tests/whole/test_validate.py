"""`judge-agent validate`: a good set of requests is fit, a broken one is told by the request that breaks it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

DATABASE = {
    "name": "main",
    "engine": "sqlite",
    "sql": "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO t VALUES (1, 5), (2, 7), (3, 9);",
}


def call_task(name: str, body: str, tests: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    solution = f"def {name}(n):\n    return {body}\n"
    reference = {"solution": solution, "tests": {"kind": "call", "entry_point": name, "hidden": tests}}
    return {"recipe": "verify", "task": {"prompt": f"Write {name}.", "reference": reference}} | changes


GOOD = [
    call_task("double", "n * 2", [{"args": [2], "expected": 4}, {"args": [5], "expected": 10}]),
    # A probe is a group of one: its shape would make all rewards equal.
    call_task(
        "next_one", "n + 1", [{"args": [2], "expected": 3}, {"args": [0], "expected": 1}], shape="rank"
    ),
    {
        "recipe": "verify",
        "task": {"prompt": "Which n are above 6?", "reference": {"sql": "SELECT n FROM t WHERE n > 6"}},
        "resources": {"databases": [DATABASE]},
    },
]


def validate(url: str, folder: Path, lines: list[Any], *options: str) -> subprocess.CompletedProcess[str]:
    path = folder / "requests.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    command = [sys.executable, "-m", "judge_agent.cli", "validate", str(path), "--url", url, *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_a_good_set_is_fit_and_its_numbers_are_told(verify_service: str, tmp_path: Path) -> None:
    done = validate(verify_service, tmp_path, GOOD, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    numbers = json.loads(done.stdout.splitlines()[-1])
    assert (numbers["requests"], numbers["judged"]["reference"], numbers["full"]["reference"]) == (3, 3, 3)
    assert (numbers["full"]["empty"], numbers["full"]["idle"], numbers["full"]["cut"]) == (0, 0, 0)
    assert numbers["noise"] == {"mean": 0.0, "largest": 0.0}
    assert numbers["judgments_per_second"] > 0
    assert "fit to reward with" in done.stdout


def test_a_reference_that_fails_its_own_tests_is_told(verify_service: str, tmp_path: Path) -> None:
    wrong = call_task("double", "n * 3", [{"args": [2], "expected": 4}])
    done = validate(verify_service, tmp_path, [GOOD[0], wrong])
    assert done.returncode == 1
    assert "PROBLEM request 1: the reference does not score full (reward 0.0)" in done.stdout


def test_tests_that_pass_whatever_is_written_are_told(verify_service: str, tmp_path: Path) -> None:
    reference = {"solution": "x = 1\n", "tests": {"kind": "stdio", "hidden": [{"stdin": "", "stdout": ""}]}}
    empty = {"recipe": "verify", "task": {"prompt": "Do it.", "reference": reference}}
    done = validate(
        verify_service, tmp_path, [empty, {**empty, "task": {**empty["task"], "prompt": "Again."}}]
    )
    assert done.returncode == 1
    assert "broken references do not fall" in done.stdout


def test_a_set_without_references_is_no_fit_one(verify_service: str, tmp_path: Path) -> None:
    done = validate(verify_service, tmp_path, [{"recipe": "verify", "task": {"prompt": "x"}}])
    assert (done.returncode, "nothing was checked" in done.stdout) == (1, True)


def test_what_cannot_be_read_or_judged_is_an_error_that_says_where(
    verify_service: str, tmp_path: Path
) -> None:
    torn = validate(verify_service, tmp_path, [GOOD[0], "{torn"])
    assert (torn.returncode, "line 2: no JSON" in torn.stderr) == (3, True)
    unknown = validate(verify_service, tmp_path, [{**GOOD[0], "recipe": "no such"}])
    assert (unknown.returncode, "recipe" in unknown.stderr) == (3, True)
    nobody = validate("http://127.0.0.1:9", tmp_path, [GOOD[0]], "--at-once", "0")
    assert (nobody.returncode, "--at-once: 0 must be at least 1" in nobody.stderr) == (3, True)
