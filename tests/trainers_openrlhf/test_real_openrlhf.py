"""OpenRLHF's own HTTP client against the facade: what its rollouts carry into training."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any

import pytest

from tests.trainers_openrlhf.rollouts import executor_type, rollout

pytestmark = [pytest.mark.trainers, pytest.mark.anyio]
TESTS = {"kind": "call", "entry_point": "add", "hidden": [{"args": [2, 3], "expected": 5}]}
LABEL = json.dumps({"reference": {"tests": TESTS}})
KEYS = {"judge_failed", "prompt_in_query", "correctness", "correctness_missing"}


def code(operator: str, start: str = "") -> str:
    return f"```python\n{start}\ndef add(a, b):\n    return a {operator} b\n```"


def executor(judge_url: str, query: str = "recipe=verify&dimensions=correctness") -> Any:
    return executor_type()(f"{judge_url}/compat/openrlhf/get_reward?{query}")


async def test_rollouts_get_finite_numbers_under_the_same_keys(judge_url: str) -> None:
    prompt = "<|im_start|>user\nWrite add(a, b) for the first test.<|im_end|>\n<|im_start|>assistant\n"
    rewards = executor(judge_url)
    texts = (code("+"), code("-"), "")
    found = await asyncio.gather(*(rollout(rewards, prompt, LABEL, text) for text in texts))
    assert [one["reward"] for one in found] == [one["scores"] for one in found] == [1.0, 0.0, 0.0]
    assert [set(one["extra_logs"]) for one in found] == [KEYS] * 3
    assert all(math.isfinite(value) for one in found for value in one["extra_logs"].values())
    assert [one["extra_logs"]["prompt_in_query"] for one in found] == [1.0] * 3


async def test_a_rollout_that_was_not_judged_has_its_groups_mean_and_says_so(judge_url: str) -> None:
    prompt, rewards = "Write add(a, b) for the second test.", executor(judge_url)
    await rollout(rewards, prompt, LABEL, code("+"))
    await rollout(rewards, prompt, LABEL, code("-"))
    failed = await rollout(rewards, prompt, LABEL, code("*", "import pandas"))
    assert (failed["reward"], failed["extra_logs"]["judge_failed"]) == (0.5, 1.0)
    assert set(failed["extra_logs"]) == KEYS


async def test_a_group_keeps_its_order_and_duplicates_have_one_reward(judge_url: str) -> None:
    prompt, rewards = "Write add(a, b) for the third test.", executor(judge_url)
    texts = [code("+" if place % 2 else "-") for place in range(8)]
    found = await asyncio.gather(*(rollout(rewards, prompt, LABEL, text) for text in texts))
    assert [one["reward"] for one in found] == [0.0, 1.0] * 4


async def test_a_megabyte_is_judged(judge_url: str) -> None:
    prompt = "Write add(a, b) for the fourth test."
    text = "I think about it. " * 55_000 + "\n" + code("+")
    found = await rollout(executor(judge_url), prompt, LABEL, text)
    assert (found["reward"], found["extra_logs"]["judge_failed"]) == (1.0, 0.0)


async def test_a_first_failure_is_no_reward_at_all_for_this_client(judge_url: str) -> None:
    prompt = "Write add(a, b) for the fifth test."
    found = await rollout(executor(judge_url), prompt, LABEL, code("+", "import pandas"))
    assert (found["reward"], found["scores"], found["extra_logs"]) == (None, None, {})
