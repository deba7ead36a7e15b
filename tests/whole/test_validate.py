"""`judge-agent validate`: a good set of requests is fit, a broken one is told by the request that breaks it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from judge_agent.cli import main
from judge_agent.models.instances import by_hash, first
from judge_agent.models.scripted import Answer, ScriptedModel, ScriptedRequest, by_schema
from judge_agent.probes import probes
from tests.service.served import serving_in_a_thread
from tests.trainers.answering import Reply, answering

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
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if (problems := done.stdout.count("PROBLEM ")) and "--json" not in options:
        told = "1 problem" if problems == 1 else f"{problems} problems"
        assert done.stdout.splitlines()[-1] == told
    return done


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
    assert done.returncode == 1
    assert "1 of 1 requests have no answer that must score full" in done.stdout


def bare(name: str, *, hidden: list[Any], kind: str = "assert", **changes: Any) -> dict[str, Any]:
    """A row of RL: tests, and no solution."""
    tests = {"kind": kind, "entry_point": name, "hidden": hidden}
    return {"recipe": "verify", "task": {"prompt": f"Write {name}.", "reference": {"tests": tests}}} | changes


def test_one_good_request_does_not_make_many_fit_of_which_nothing_is_known(
    verify_service: str, tmp_path: Path
) -> None:
    many = [bare("any", hidden=["assert True"]) for _ in range(3)]
    done = validate(verify_service, tmp_path, [*GOOD, *many], "--json")
    assert done.returncode == 1
    assert "fit to reward with" not in done.stdout
    assert "PROBLEM 3 of 6 requests have no answer that must score full (at most 10% may)" in done.stdout
    assert "task.reference.solution" in done.stdout
    numbers = json.loads(done.stdout.splitlines()[-1])
    assert (numbers["without_reference"], numbers["judged"]["reference"]) == (3, 3)


def test_answers_that_do_nothing_are_tried_without_a_reference_too(
    verify_service: str, tmp_path: Path
) -> None:
    empty = bare("any", kind="stdio", hidden=[{"stdin": "", "stdout": ""}])
    tests = bare("double", kind="call", hidden=[{"args": [2], "expected": 4}])
    done = validate(verify_service, tmp_path, [empty, tests], "--json")
    numbers = json.loads(done.stdout.splitlines()[-1])
    assert numbers["judged"] == {"empty": 2, "idle": 2}
    assert done.returncode == 1
    assert "no reference could be broken" not in done.stdout, "there is none to break"


def test_few_requests_without_a_reference_leave_a_set_fit(verify_service: str, tmp_path: Path) -> None:
    lines = [
        call_task(
            f"times_{n}", f"n * {n}", [{"args": [2], "expected": 2 * n}, {"args": [3], "expected": 3 * n}]
        )
        for n in range(2, 11)
    ]
    lone = bare("double", kind="call", hidden=[{"args": [2], "expected": 4}])
    done = validate(verify_service, tmp_path, [*lines, lone])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "10 requests, 1 of them without a reference" in done.stdout


def test_requests_without_a_reference_do_not_keep_those_of_others_from_being_tried() -> None:
    lines = [{"task": {"prompt": "?", "reference": {"answer": text}}} for text in ("four", "five")]
    kinds = {one.kind for one in probes([lines[0], {"task": {"prompt": "?"}}, lines[1]]) if one.index == 0}
    assert "foreign" in kinds


def call_set(rules: dict[str, Any]) -> list[dict[str, Any]]:
    """Two tasks whose references are tool calls."""
    return [
        {
            "recipe": "verify",
            "task": {
                "prompt": f"Book flight {flight} and pay.",
                "reference": {
                    "tool_calls": [
                        {"name": "book", "arguments": {"flight": flight}},
                        {"name": "pay", "arguments": {"amount": 10 * flight, "note": "x"}},
                    ],
                    "tool_call_rules": rules,
                },
            },
        }
        for flight in (7, 9)
    ]


def test_probes_without_a_score_say_nothing_and_the_set_is_not_called_fit(
    verify_service: str, tmp_path: Path
) -> None:
    done = validate(verify_service, tmp_path, call_set({}), "--json")
    numbers = json.loads(done.stdout.splitlines()[-1])
    assert (numbers["full"]["reference"], numbers["unscored"]["cut"], numbers["full"]["cut"]) == (2, 2, 0)
    assert done.returncode == 1
    assert "6 of 6 broken references are unscored (at most 10% may be)" in done.stdout
    assert [numbers[what]["idle"] for what in ("judged", "unscored", "full")] == [2, 0, 0]
    assert "fit to reward with" not in done.stdout


def test_where_other_calls_are_wrong_ones_every_broken_reference_falls(
    verify_service: str, tmp_path: Path
) -> None:
    rules = {"exact": True, "ignored_arguments": {"pay": ["note"]}, "number_tolerance": 5}
    done = validate(verify_service, tmp_path, call_set(rules), "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    numbers = json.loads(done.stdout.splitlines()[-1])
    assert numbers["judged"]["altered"] == 2
    assert [numbers[what].get("altered", 0) for what in ("full", "unscored")] == [0, 0]


def moody(asked: ScriptedRequest) -> Answer:
    """The answers of a model whose choices depend on the seed it is asked with."""
    by_seed = by_hash(asked.text, asked.seed or 0)

    def choose(path: tuple[str | int, ...], options: Sequence[Any]) -> Any:
        return by_seed(path, options) if path == ("choice",) else first(path, options)

    return by_schema(choose)(asked)


def test_the_noise_of_a_reward_is_that_of_another_seed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    principle = {"name": "right", "description": "The answer is right.", "dimension": "correctness"}
    requests = [
        {
            "task": {"prompt": f"{n} + {n}?", "reference": {"answer": f"It is {2 * n}."}},
            "principles": [principle],
        }
        for n in range(4)
    ]
    path = tmp_path / "requests.jsonl"
    path.write_text("\n".join(map(json.dumps, requests)))
    with serving_in_a_thread(model=ScriptedModel(otherwise=moody)) as served:
        main(["validate", str(path), "--url", served.url, "--json"])
    numbers = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert numbers["judged"]["again"] == 4
    assert numbers["unscored"]["again"] == 0
    assert numbers["noise"]["largest"] >= numbers["noise"]["mean"] > 0


BAD_LINES = json.loads((Path(__file__).parent / "data" / "bad_validate_lines.json").read_text())


@pytest.mark.parametrize("case", BAD_LINES, ids=[case["field"] for case in BAD_LINES])
def test_a_line_that_is_no_request_is_told_by_line_field_and_value(
    case: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "requests.jsonl"
    path.write_text(f"{json.dumps(GOOD[0])}\n{json.dumps(case['request'])}\n")
    assert main(["validate", str(path), "--url", "http://127.0.0.1:9"]) == 3
    said = capsys.readouterr().err
    assert f"line 2: {case['field']}: " in said
    assert f"it is {case['value']}" in said


def test_a_set_whose_references_cannot_be_broken_is_not_called_fit(
    verify_service: str, tmp_path: Path
) -> None:
    one: dict[str, Any] = {
        "recipe": "verify",
        "task": {"prompt": "Book.", "reference": {"tool_calls": [{"name": "book"}]}},
    }
    one["task"]["reference"]["tool_call_rules"] = {"exact": True}
    fit = validate(verify_service, tmp_path, [one])
    assert fit.returncode == 0, fit.stdout + fit.stderr  # no call at all is a broken one
    lone: dict[str, Any] = {"recipe": "verify", "task": {"prompt": "?"}}
    lone["candidates"] = [{"id": "gold", "trajectory": {"messages": [{"role": "assistant", "content": "4"}]}}]
    done = validate(verify_service, tmp_path, [lone])
    assert (done.returncode, "no reference could be broken" in done.stdout) == (1, True)


def test_a_reference_of_many_messages_is_cut_in_the_middle() -> None:
    messages = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "4"}]
    trajectory = {"messages": [*messages, *messages], "final_answer": "4"}
    request = {"task": {"prompt": "?"}, "candidates": [{"id": "gold", "trajectory": trajectory}]}
    found = {one.kind: one.request["candidates"][0]["trajectory"] for one in probes([request])}
    assert found["cut"] == {"messages": messages, "final_answer": None}
    assert found["reference"] == found["again"] == trajectory
    assert "altered" not in found


def test_a_number_of_any_length_can_be_altered() -> None:
    [altered] = [
        one.request["candidates"][0]["trajectory"]["text"]
        for one in probes([{"task": {"prompt": "?", "reference": {"answer": "9" * 5000}}}])
        if one.kind == "altered"
    ]
    assert altered == "9" * 4999 + "0"


def test_what_cannot_be_read_or_judged_is_an_error_that_says_where(
    verify_service: str, tmp_path: Path
) -> None:
    torn = validate(verify_service, tmp_path, [GOOD[0], "{torn"])
    assert (torn.returncode, "line 2: no JSON" in torn.stderr) == (3, True)
    unknown = validate(verify_service, tmp_path, [{**GOOD[0], "recipe": "no such"}])
    assert (unknown.returncode, "recipe" in unknown.stderr) == (3, True)
    nobody = validate("http://127.0.0.1:9", tmp_path, [GOOD[0]], "--at-once", "0")
    assert (nobody.returncode, "--at-once: 0 must be at least 1" in nobody.stderr) == (3, True)


def test_judgments_that_come_back_without_candidates_say_nothing_of_the_set(tmp_path: Path) -> None:
    with answering(lambda _: Reply(body='{"id": "jdg_1", "state": "done", "created": 1.0}')) as service:
        found = validate(service.url, tmp_path, [GOOD[0]])
    assert (found.returncode, found.stderr) == (1, "")
    assert "the reference is unscored, internal: judgment jdg_1 came back without candidates" in found.stdout


def test_a_run_is_neither_pinned_nor_filled_by_its_probes(verify_service: str, tmp_path: Path) -> None:
    held = {"run": {"id": "grpo-validated", "step": 0, "pin": True}}
    joined = {"group": {"group_id": "validated", "index": 0, "size": 8}}
    done = validate(verify_service, tmp_path, [GOOD[0] | held | joined, GOOD[1] | held])
    assert done.returncode == 0, done.stdout + done.stderr
    told = httpx.get(f"{verify_service}/v1/runs/grpo-validated", trust_env=False)
    assert told.status_code == 404, told.text
