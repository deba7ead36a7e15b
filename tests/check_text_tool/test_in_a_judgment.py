"""Checks decide rewards: each principle that names a handle by that check alone, the tool's own by all of them."""

from __future__ import annotations

from typing import Any

import pytest

from judge_agent.journal import MemoryJournal, MemorySharedResults
from judge_agent.judge import Judge
from judge_agent.log import MemoryLog
from judge_agent.schema import CandidateResult, JudgmentRequest
from tools.check_text import CheckText

pytestmark = pytest.mark.anyio
CHECKS = [
    {"id": "short", "check": "words", "max": 12},
    {"id": "dear", "check": "starts_with", "texts": ["Dear"]},
]


async def judged(
    sandbox: Any, text: str, rules: dict[str, Any] | None = None, **fields: Any
) -> CandidateResult:
    judge = Judge(
        model=None,
        tools=[CheckText(sandbox)],
        journal=MemoryJournal(),
        shared=MemorySharedResults(),
        log=MemoryLog(),
    )
    reference = {"text_checks": {"checks": CHECKS} | (rules or {})}
    request = JudgmentRequest.model_validate(
        {
            "recipe": "verify",
            "task": {"prompt": "Invite Ann.", "reference": reference},
            "candidates": [{"id": "a", "trajectory": {"text": text}}],
        }
        | fields
    )
    judge.check(request)
    return (await judge.judge(request, judgment_id="j", tenant="t", created=0.0)).candidates[0]


@pytest.mark.parametrize(
    ("text", "rules", "reward"),
    [
        ("Dear Ann, please come to tea on Sunday at four.", {}, 1.0),
        ("Hi Ann, please come to tea on Sunday at four.", {}, 0.0),
        ("Hi Ann, please come to tea on Sunday at four.", {"score": "fraction"}, 0.5),
        ("Dear Ann, come to a well-known place with me and with you.", {}, None),
    ],
)
async def test_the_checks_give_the_reward(sandbox, text, rules, reward) -> None:
    candidate = await judged(sandbox, text, rules)
    assert candidate.reward == reward
    if reward is None:
        assert "text_checks_not_decided" in candidate.flags


async def test_a_principle_is_decided_by_the_check_whose_handle_it_names(sandbox) -> None:
    principles = [
        {"name": name, "description": f"It is {name}.", "tool": "check_text"}
        for name in ("short", "dear", "both")
    ]
    candidate = await judged(sandbox, "Hi Ann, please come to tea on Sunday at four.", principles=principles)
    assert {one.name: one.score for one in candidate.principles} == {"short": 1.0, "dear": 0.0, "both": 0.0}
