"""A trainer names its run once, and has the run's numbers in its own log."""

from __future__ import annotations

import logging
import math
import pickle
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from judge_agent.client import JudgeClient
from judge_agent.errors import RequestRefused
from judge_agent.trainers import Asking, Rollout, RolloutJudge, RunLogs, log_to
from judge_agent.trainers.trl import judge_rewards
from tests.service.served import Served, request, serving_in_a_thread


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving_in_a_thread() as found:
        yield found


ASKED = {"principles": [{"name": "right", "description": "The answer is right.", "dimension": "correctness"}]}


def test_rollouts_are_counted_in_their_run_and_step_and_hold_it_to_its_pin(served: Served) -> None:
    asking = Asking(run={"id": "a/b", "pin": True}, **ASKED)
    judge = RolloutJudge(served.url, asking=asking)
    outcomes = judge.outcomes_now([Rollout("2+2?", f"It is {n}.", step=4) for n in range(3)])
    assert all(outcome.has_reward for outcome in outcomes)
    with JudgeClient(served.url) as client:
        run = client.run("a/b")
        assert [(one["step"], one["points"]) for one in run["steps"]] == [(4, 3)]
        assert run["pin"]["sha256"] == client.pin("default")
        assert "overall" not in client.run("a/b", overall=False)
        numbers = client.run_metrics("a/b", 4)
        assert numbers["judge/points"] == 3.0
        assert client.run_metrics("a/b", 5) == {}
        with pytest.raises(RequestRefused, match="no such run"):
            client.run_metrics("unknown")
    drifted = RolloutJudge(served.url, asking=Asking(run={"id": "a/b", "pin": "0" * 64}, **ASKED))
    (outcome,) = drifted.outcomes_now([Rollout("2+2?", "It is 4.", step=5)])
    assert (outcome.has_reward, outcome.failure_kind) == (False, "judge_refused")


@pytest.mark.anyio
async def test_trl_reward_functions_name_the_step_of_the_trainer(served: Served) -> None:
    (reward,) = judge_rewards(served.url, asking=Asking(run={"id": "trl"}, **ASKED))
    state = SimpleNamespace(global_step=11)
    rewards = await reward(["2+2?"] * 2, ["It is 4.", "It is 5."], trainer_state=state)
    assert len(rewards) == 2
    with JudgeClient(served.url) as client:
        assert [one["step"] for one in client.run("trl")["steps"]] == [11]


def test_the_numbers_come_into_a_logger_and_a_trainers_log(served: Served) -> None:
    with JudgeClient(served.url) as client:
        for step in (1, 2, 3):
            client.judge(request(run={"id": "logs", "step": step}))
    seen: list[dict[str, float]] = []
    told = log_to(seen.append, "logs", 2, url=served.url)
    assert seen == [told]
    assert told["judge/step"] == 2.0
    assert all(math.isfinite(value) for value in told.values())
    callback = pickle.loads(pickle.dumps(RunLogs("logs", url=served.url)))
    state = SimpleNamespace(is_world_process_zero=True, global_step=2, log_history=[{"step": 2, "loss": 1.0}])
    logs = {"loss": 1.0}
    callback.on_log(None, state, None, logs=logs)
    callback.on_step_end(None, state, None)
    assert logs["judge/step"] == 2.0
    assert state.log_history[-1]["judge/points"] == 1.0
    other = {"loss": 1.0}
    callback.on_log(None, SimpleNamespace(is_world_process_zero=False, global_step=2), None, logs=other)
    assert other == {"loss": 1.0}


def test_a_service_that_does_not_answer_stops_no_training(caplog: pytest.LogCaptureFixture) -> None:
    logs = {"loss": 1.0}
    with caplog.at_level(logging.WARNING):
        RunLogs("logs", url="http://127.0.0.1:9").on_log(
            None, SimpleNamespace(global_step=1), None, logs=logs
        )
    assert logs == {"loss": 1.0}
    assert "not in the log" in caplog.text
