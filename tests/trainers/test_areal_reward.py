"""JudgeReward without AReaL: what it raises, and that it blocks no longer than it says."""

from __future__ import annotations

import asyncio
import importlib.util
import time

import pytest

from judge_agent.errors import InvalidRequest
from judge_agent.trainers import JudgeUnavailable
from judge_agent.trainers.areal import JudgeReward, judge_reward
from tests.trainers.answering import answering
from tests.trainers.failing_services import WAYS, seconds_for

CHAT = [{"role": "user", "content": "2 + 3?"}, {"role": "assistant", "content": "xxxx"}]


@pytest.mark.parametrize("way", WAYS)
def test_every_failure_is_unavailable_and_none_is_a_time_out_of_areals(way: str) -> None:
    answer, kind = WAYS[way]
    with answering(answer) as server:
        reward = JudgeReward(judge_url=server.url, seconds=seconds_for(kind), retry_seconds=0.1)
        with pytest.raises(JudgeUnavailable, match=kind) as raised:
            reward("2 + 3?", "xxxx", [1], [2])
        assert not isinstance(raised.value, TimeoutError)


def test_it_may_be_called_inside_a_running_loop() -> None:
    async def inside(url: str) -> float:
        return JudgeReward(judge_url=url)("2 + 3?", "xxxx", [1], [2])

    with answering() as server:
        assert asyncio.run(inside(server.url)) == 0.4


def test_a_row_that_cannot_be_written_as_json_is_refused_by_name() -> None:
    with answering() as server, pytest.raises(JudgeUnavailable, match="rollout_invalid"):
        JudgeReward(judge_url=server.url)("2 + 3?", "xxxx", [1], [2], answer=object())


def test_the_function_asks_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering() as server:
        monkeypatch.setenv("JUDGE_URL", server.url)
        assert judge_reward("2 + 3?", "xxxx", [1], [2], answer="5") == 0.4
        assert server.bodies[0]["recipe"] == "default"


def test_few_shot_turns_belong_to_the_prompt() -> None:
    with answering() as server:
        found = asyncio.run(JudgeReward(judge_url=server.url).by_interaction([*CHAT, *CHAT], ["i1"]))
        assert server.bodies[0]["task"]["messages"] == [*CHAT, CHAT[0]]
    assert found == {"i1": 0.4}


def test_no_interaction_has_no_reward() -> None:
    with pytest.raises(InvalidRequest, match="interaction_ids"):
        asyncio.run(JudgeReward(judge_url="http://127.0.0.1:1").by_interaction(CHAT, []))


def test_the_default_deadline_is_inside_of_areals() -> None:
    assert JudgeReward().scorer.judge.seconds < 10
    began = time.monotonic()
    with answering(WAYS["it hangs"][0]) as server, pytest.raises(JudgeUnavailable, match="judge_timeout"):
        JudgeReward(judge_url=server.url, seconds=0.2)("2 + 3?", "xxxx")
    assert time.monotonic() - began < 9


@pytest.mark.skipif(importlib.util.find_spec("areal") is not None, reason="AReaL is installed")
def test_without_areal_its_workflow_says_what_to_install() -> None:
    with pytest.raises(ImportError, match="pip install 'areal"):
        from judge_agent.trainers.areal import JudgeRLVRWorkflow  # noqa: F401
