"""The tool `check_state`: calls are replayed by their declared effects, and end where they had to or not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from judge_agent.prompting.results import output_text
from judge_agent.schema import Task, Trajectory
from judge_agent.seams.tool import ToolView
from tests.check_state.shop import DATA, Check, messages, view, world
from tools import CheckState


@pytest.mark.parametrize("case", DATA["case"], ids=lambda case: str(case["name"]))
def test_end_states_are_judged_as_the_case_says(check: Check, case: dict[str, Any]) -> None:
    environment = world(**json.loads(case.get("environment", "{}")))
    says = case.get("says", "").replace("NUMBERS", ", ".join(map(str, range(300)))) or None
    result = check(messages(case["calls"], says), environment, json.loads(case["end"]))
    whole = next(finding for finding in result.findings if finding.step_id is None)
    assert f"{whole.bearing}/{whole.strength}" == case["whole"], whole
    assert whole.score == (
        {"confirms": 1.0, "refutes": 0.0}.get(whole.bearing) if whole.strength == "decisive" else None
    )
    assert case.get("undecided", "") in result.output.get("undecided", "")
    assert ("undecided" in case) == ("state_not_decided" in result.flags) or "said" in case["end"]
    checked = {"writing_calls": case.get("done"), "failed_calls": case.get("failed")}
    assert all(result.checked[name] == count for name, count in checked.items() if count is not None)
    pointers = [one["reference_only"]["pointer"] for one in result.output.get("differences", ())]
    assert pointers == case.get("differences", pointers)
    blamed = [finding.step_id for finding in result.findings if finding.step_id is not None]
    assert blamed == case.get("blamed", blamed)


def test_no_prompt_shows_what_is_required(check: Check) -> None:
    end = {"contains": {"orders": {"O1": {"status": "secret"}}}, "said": ["secret too"]}
    result = check(messages([]), world(), end)
    assert "secret" in json.dumps(result.output)
    assert "secret" not in output_text(result.output)
    assert not any("secret" in finding.reason for finding in result.findings)


def test_equal_candidates_get_equal_findings(check: Check) -> None:
    calls = messages(['cancel_order {"id":"O1"}', 'pay {"customer":"ann","amount":3}'])
    assert check(calls, world(), {"calls": []}) == check(calls, world(), {"calls": []})


def test_the_given_state_is_not_changed(check: Check) -> None:
    environment = world()
    before = json.dumps(environment)
    seen = view(messages(['cancel_order {"id":"O1"}']), environment, {"calls": []})
    check(messages(['cancel_order {"id":"O1"}']), environment, {"calls": []})
    assert json.dumps(environment) == before
    assert seen.resources.environment is not None


def test_the_tool_applies_only_where_there_are_records_and_something_to_hold_them_to() -> None:
    tool = CheckState(None)
    assert tool.opening_calls(view([], world(), {"calls": []}))
    assert not tool.opening_calls(view([], world(), None))
    assert not tool.opening_calls(ToolView(Task(prompt="t"), Trajectory()))
    claim = {"name": "c", "pattern": "x", "check": "true"}
    assert tool.opening_calls(view([], world(claims=[claim]), None))


def test_results_are_found_for_calls_without_ids(check: Check) -> None:
    paid = {"customer": "ann", "amount": 1}
    trajectory = [
        {"role": "assistant", "tool_calls": [{"function": {"name": "pay", "arguments": paid}}]},
        {"role": "tool", "name": "pay", "content": "done"},
    ]
    result = check(trajectory, world(), {"contains": {"customers": {"ann": {"balance": 99}}}})
    assert result.findings[0].bearing == "confirms"
