"""Rollouts in the forms that trainers have, judged by the real service without a model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from judge_agent.trainers import Asking, Rollout, RolloutJudge
from tests.service.served import serving_in_a_thread

PROMPT = [{"role": "user", "content": "Weather in Rome and in Oslo?"}]
SCHEMA = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


@pytest.fixture(scope="module")
def judge() -> Iterator[RolloutJudge]:
    with serving_in_a_thread() as served:
        found = RolloutJudge(served.url, asking=Asking(recipe="verify", agent_tools=[SCHEMA]), seconds=20)
        yield found
        found.close()


def calls(*arguments: dict[str, Any]) -> list[dict[str, Any]]:
    """A tool rollout as TRL writes it: dict arguments, no ids, results in the order of the calls."""
    made = [{"type": "function", "function": {"name": "weather", "arguments": given}} for given in arguments]
    results = [{"role": "tool", "name": "weather", "content": "mild"} for _ in made]
    last = {"role": "assistant", "content": "Mild in both."}
    return [{"role": "assistant", "content": "", "tool_calls": made}, *results, last]


def test_parallel_calls_without_ids_are_checked_against_the_agents_tools(judge: RolloutJudge) -> None:
    good = Rollout(PROMPT, calls({"city": "Rome"}, {"city": "Oslo"}))
    bad = Rollout(PROMPT, calls({"city": "Rome"}, {"town": "Oslo"}))
    right, wrong = judge.outcomes_now([good, bad])
    assert (right.reward, right.passed, right.vector["tool_use"]) == (1.0, True, 1.0)
    assert (wrong.reward, wrong.passed) == (0.0, False)
    assert len(right.steps) == len(wrong.steps) == 2
    assert wrong.steps[0] == 0.0


def test_an_empty_completion_is_judged_as_one_in_every_form(judge: RolloutJudge) -> None:
    empty = ["", [], [{"role": "assistant", "content": ""}], [{"role": "assistant", "content": None}]]
    outcomes = judge.outcomes_now([Rollout("Say something.", completion) for completion in empty])
    assert {(outcome.status, outcome.reward) for outcome in outcomes} == {("scored", 0.0)}


def test_what_no_evidence_decides_has_no_reward_and_says_so(judge: RolloutJudge) -> None:
    (outcome,) = judge.outcomes_now([Rollout("What is 2+2?", "It is 4.")])
    assert (outcome.reward, outcome.status, outcome.failure_kind) == (None, "unscored", "no_evidence")
    assert set(outcome.vector) == {"correctness", "tool_use", "robustness"}


def test_a_megabyte_beside_others_is_judged(judge: RolloutJudge) -> None:
    long = [*calls({"city": "Rome"}), {"role": "user", "content": "x" * 1_000_000}]
    outcomes = judge.outcomes_now([Rollout(PROMPT, long), Rollout(PROMPT, calls({"city": "Rome"}))])
    assert [outcome.reward for outcome in outcomes] == [1.0, 1.0]


def test_a_message_that_the_service_refuses_is_refused_alone(judge: RolloutJudge) -> None:
    odd = [{"role": "narrator", "content": "Meanwhile."}]
    refused, judged = judge.outcomes_now([Rollout(PROMPT, odd), Rollout(PROMPT, calls({"city": "Rome"}))])
    assert (refused.failure_kind, judged.reward) == ("judge_refused", 1.0)
