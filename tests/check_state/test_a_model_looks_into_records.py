"""A model judge asks for records, and what it gets is evidence that it can cite; what is required stays hidden."""

from __future__ import annotations

import json

import pytest

from judge_agent.journal import MemoryJournal, MemorySharedResults
from judge_agent.judge import Judge
from judge_agent.log import MemoryLog
from judge_agent.models import ScriptedModel
from judge_agent.schema import JudgmentRequest
from tests.check_state.shop import messages, world
from tools import CheckState

pytestmark = pytest.mark.anyio
ASKS = json.dumps(
    {
        "thought": "Look.",
        "call": {"tool": "check_state", "arguments": {"pointer": "/orders/O1", "when": "start"}},
    }
)
ENOUGH = json.dumps({"thought": "Enough.", "call": {"tool": "done"}})
JUDGES = json.dumps({"reason": "It is polite.", "citations": [], "choice": "5"})


async def test_where_calls_cannot_be_told_the_model_looks_for_itself() -> None:
    queue = [ASKS, ENOUGH]
    model = ScriptedModel(rules=[("you may check facts", lambda asked: queue.pop(0))], otherwise=JUDGES)
    judge = Judge(
        model=model,
        tools=[CheckState(None)],
        journal=MemoryJournal(),
        shared=MemorySharedResults(),
        log=MemoryLog(),
    )
    body = {
        "task": {
            "prompt": "Cancel order O1.",
            "reference": {"final_state": {"contains": {"orders": {"O1": {"note": "hidden wish"}}}}},
        },
        "resources": {"environment": world()},
        "candidates": [{"id": "a", "trajectory": {"messages": messages(["wipe_all {}"], "Done.")}}],
        "principles": [{"name": "polite", "description": "The agent was polite."}],
        "granularity": ["outcome"],
    }
    request = JudgmentRequest.model_validate(body)
    judge.check(request)
    judgment = await judge.judge(request, judgment_id="j1", tenant="t", created=0.0)
    looked = [one for one in judgment.evidence if one.arguments == {"pointer": "/orders/O1", "when": "start"}]
    assert [one.output["value"]["status"] for one in looked] == ["open"]
    assert not any("hidden wish" in asked.text for asked in model.requests)
    (polite,) = [one for one in judgment.candidates[0].principles if one.name == "polite"]
    assert polite.decided_by == "model"
