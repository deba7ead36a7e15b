"""Penalties through a judgment: the model is not told, comparisons refuse them, empty answers win nothing by them."""

from __future__ import annotations

import pytest

from judge_agent.errors import InvalidRequest
from judge_agent.models import ScriptedModel

pytestmark = pytest.mark.anyio
OUTCOME = {"granularity": ["outcome"], "text": "You fool, it is 42."}
RUDE = {"name": "rude", "description": "The answer insults who asked."}
RIGHT = {"name": "right", "description": "The answer is right."}


def said(choice):
    return {"reason": "That is what the answer comes to.", "citations": [], "choice": choice}


async def test_the_model_sees_the_same_prompts_and_the_fault_lowers_the_reward(bench):
    rewards, prompts = [], []
    for weight in (1, -1):
        model = ScriptedModel(rules=[("rude:", said("5")), ("right:", said("4"))])
        judge = bench(model)
        judged = await judge.one(principles=[RIGHT, {**RUDE, "weight": weight}], **OUTCOME)
        rewards.append(judged.reward)
        prompts.append(judge.prompts)
    assert rewards == [0.875, 0.0]
    assert prompts[0] == prompts[1]


@pytest.mark.parametrize("principles", [[{**RUDE, "weight": -1}], [RIGHT, {**RUDE, "weight": -1}]])
async def test_an_empty_answer_is_at_its_worst_by_penalties_too(bench, principles):
    result = await bench().one(principles=principles, granularity=["outcome"], text="Solution:")
    assert result.reward == 0.0
    assert [one.choice for one in result.principles][-1] == "5"


async def test_a_comparison_shows_no_weights_and_so_takes_no_penalty(bench):
    candidates = [{"id": name, "trajectory": {"text": f"It is {name}."}} for name in ("41", "42")]
    with pytest.raises(InvalidRequest, match="is a penalty"):
        bench().check(recipe="round-robin", candidates=candidates, principles=[{**RUDE, "weight": -1}])
