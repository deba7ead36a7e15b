"""A call that is refused, or cannot be made, is said to be so in clear words, and the judgment goes on without it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from judge_agent.models import ScriptedModel

pytestmark = pytest.mark.anyio
HERE = Path(__file__).parent
OPENINGS: dict[str, dict[str, Any]] = tomllib.loads((HERE / "openings.toml").read_text())
ASKED: dict[str, dict[str, Any]] = tomllib.loads((HERE / "asked.toml").read_text())
PEOPLE = "CREATE TABLE people (name TEXT, score INTEGER); INSERT INTO people VALUES ('Ada', 1), ('Bo', 3), ('Cy', 4)"
REFERENCE = "SELECT name FROM people WHERE score > 2"
CHECK = "def check(candidate):\n    assert candidate(7) == 49\n"
LOOK_UP = {
    "type": "function",
    "function": {
        "name": "look_up",
        "parameters": {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]},
    },
}
GOOD = {"tool": "query_sql", "arguments": {"database": "main", "sql": "SELECT count(*) FROM people"}}


def trajectory(answer: str) -> dict[str, Any]:
    """An answer after a call that keeps to the agent's own schema, which needs no box to be judged."""
    call = {
        "id": "c1",
        "type": "function",
        "function": {"name": "look_up", "arguments": '{"word": "square"}'},
    }
    return {
        "tools": [LOOK_UP],
        "messages": [
            {"role": "assistant", "content": "I look it up.", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "name": "look_up", "content": "A number times itself."},
            {"role": "assistant", "content": answer},
        ],
    }


def opening(case: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {"recipe": "verify", "budget": case.get("budget", {})}
    if "code" in case:
        tests = {"kind": "check", "entry_point": "f", "hidden": [case.get("test", CHECK)]}
        task: dict[str, Any] = {"prompt": "Write f.", "reference": {"tests": tests}}
        answer = f"```python\n{case['code']}\n```"
    else:
        task = {"prompt": "Who?", "reference": {"sql": case.get("reference", REFERENCE)}}
        database = {"name": "main", "engine": "sqlite", **case.get("database", {"sql": PEOPLE})}
        body["resources"] = {"databases": [database]}
        answer = f"```sql\n{case['sql']}\n```"
    return {**body, "task": task, "candidates": [{"id": "a", "trajectory": trajectory(answer)}]}


def marked(cases: dict[str, dict[str, Any]]) -> list[Any]:
    return [
        pytest.param(name, marks=[pytest.mark.slow] if case.get("slow") else [])
        for name, case in cases.items()
    ]


@pytest.mark.parametrize("name", marked(OPENINGS))
async def test_a_check_that_cannot_be_made_is_named_and_the_others_are_made(name, judge_with):
    case = OPENINGS[name]
    judgment = await judge_with(opening(case), boxes=case.get("boxes", "real"), files=case.get("files", True))
    (candidate,) = judgment.candidates
    assert (judgment.state, candidate.reward, candidate.vector["correctness"]) == ("done", None, None)
    (open_one,) = [one for one in candidate.principles if one.dimension == "correctness"]
    assert (open_one.score, open_one.failure_kind) == (None, case["kind"])
    if "tool" in case:
        assert case["says"] in candidate.flags["tool_unavailable"][case["tool"]]
        assert case["says"] in str(open_one.failure_reason)
    for flag, value in case.get("flags", {}).items():
        assert candidate.flags[flag] == value
    if "evidence" in case:
        assert any(case["evidence"] in item.reason for item in judgment.evidence)
    assert candidate.vector["tool_use"] == (None if case.get("all_calls") else 1.0)


class Asking:
    """A model that asks for some calls, then judges; `told` is what it was shown before each next call."""

    def __init__(self, *calls: Any) -> None:
        self.told: list[str] = []
        self._calls = [*calls, {"tool": "done"}]
        verdict = {"reason": "It was looked at.", "citations": [], "choice": "4"}
        self.model = ScriptedModel(rules=[("you may check facts", self._next)], otherwise=verdict)

    def _next(self, request: Any) -> str:
        self.told.append(request.text)
        return json.dumps({"thought": "Next.", "call": self._calls.pop(0)})


def written_out(call: Any) -> Any:
    """`LONG` and `DEEP` stand for texts past every limit."""
    texts = {"LONG": "x = 1\n" * 2000, "DEEP": "SELECT " + "(" * 1500 + "1" + ")" * 1500}
    if isinstance(call, dict):
        return {key: written_out(value) for key, value in call.items()}
    return [written_out(one) for one in call] if isinstance(call, list) else texts.get(call, call)


def asked(case: dict[str, Any]) -> dict[str, Any]:
    second = {"name": "second", "engine": "sqlite", "blob": "1" * 64}
    return {
        "recipe": "default",
        "granularity": ["outcome"],
        "task": {"prompt": "Write f, which squares, and count people."},
        "resources": {"databases": [{"name": "main", "engine": "sqlite", "sql": PEOPLE}, second]},
        "principles": [
            {"name": "useful", "description": "The answer is useful.", "dimension": "helpfulness"}
        ],
        "candidates": [
            {
                "id": "a",
                "trajectory": trajectory("```python\ndef f(x): return x * x\n```\nThere are 3 people."),
            }
        ],
    }


@pytest.mark.parametrize("name", marked(ASKED))
async def test_a_call_that_the_model_asks_for_in_vain_is_answered_and_the_next_one_is_made(name, judge_with):
    case = ASKED[name]
    model = Asking(written_out(case["call"]), GOOD)
    judgment = await judge_with(asked(case), model=model.model, boxes=case.get("boxes", "real"))
    (candidate,) = judgment.candidates
    (useful,) = [one for one in candidate.principles if one.name == "useful"]
    assert (judgment.state, candidate.status, useful.score) == ("done", "scored", 0.75)
    gathered = [item for item in judgment.evidence if item.tool not in (None, "check_tool_calls")]
    if "unavailable" in case:
        assert case["unavailable"] in candidate.flags["tool_unavailable"][case["call"]["tool"]]
        assert gathered == []
        return
    assert case["says"] in model.told[1]
    if case.get("flagged"):
        assert candidate.flags["bad_tool_calls"]["count"] == 1
        assert case["says"] in candidate.flags["bad_tool_calls"]["last"]
    else:
        assert "bad_tool_calls" not in candidate.flags
        assert gathered.pop(0).status == case["status"]
    (good,) = gathered
    assert (good.tool, good.status, "[[3]]" in json.dumps(good.output)) == ("query_sql", "ok", True)


async def test_what_the_candidate_asked_of_the_database_in_vain_counts_against_it(judge_with):
    for sql in ("DELETE FROM people", "ATTACH 'x' AS x", "SELECT * FROM persons", "SELECT 1; SELECT 2"):
        judgment = await judge_with(opening({"sql": sql}))
        (candidate,) = judgment.candidates
        assert (candidate.status, candidate.reward, candidate.passed) == ("scored", 0.0, False)
        (item,) = [one for one in judgment.evidence if one.tool == "query_sql"]
        assert (item.bearing, item.strength) == ("refutes", "decisive")
        assert item.status in ("refused", "failed")


async def test_a_program_that_no_box_takes_says_nothing_of_the_candidate(judge_with):
    tests = {"kind": "stdio", "hidden": [{"stdin": "7", "stdout": "49"}]}
    code = "# " + "x" * (17 * 2**20) + "\nprint(int(input()) ** 2)"
    body = {
        "recipe": "verify",
        "task": {"prompt": "Square.", "reference": {"tests": tests}},
        "candidates": [{"id": "a", "trajectory": trajectory(f"```python\n{code}\n```")}],
    }
    (candidate,) = (await judge_with(body)).candidates
    assert (candidate.reward, candidate.vector["tool_use"]) == (None, 1.0)
    assert "a box takes at most program_bytes=16777216" in candidate.flags["tool_unavailable"]["run_tests"]
