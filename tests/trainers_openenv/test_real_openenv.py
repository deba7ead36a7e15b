"""Rubrics in OpenEnv's own containers and environments: what a step is worth, and that a failure is worth nothing."""

from __future__ import annotations

import asyncio
import math
import multiprocessing
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from openenv.core.env_server.http_server import create_app
from openenv.core.env_server.mcp_types import CallToolAction, CallToolObservation
from openenv.core.rubrics import Gate, Rubric, RubricDict, Sequential, WeightedSum

from judge_agent.trainers import JudgeUnavailable
from judge_agent.trainers.openenv import (
    BlockingJudgeRubric,
    BlockingJudgeTrajectoryRubric,
    JudgeRubric,
    JudgeTrajectoryRubric,
    OrUnscored,
)
from tests.trainers.answering import Body, Reply, answering, judgment, scored, text_of, unscored
from tests.trainers.failing_services import WAYS, Answer, seconds_for
from tests.trainers_openenv.judged_env import Heard, Room, Say, Style, judge_at

pytestmark = [pytest.mark.trainers, pytest.mark.anyio]
TESTS = {"kind": "call", "entry_point": "add", "hidden": [{"args": [2, 3], "expected": 5}]}


def gives(score: float) -> Answer:
    return lambda body: judgment(body, lambda _: scored(score))


def fails(body: Body) -> Reply:
    return judgment(body, lambda _: unscored())


async def test_a_real_service_rewards_what_the_tests_confirm(judge_url: str) -> None:
    judge = judge_at(judge_url, 60.0, dimensions=("correctness",))
    rubric = JudgeRubric(judge, prompt="Write add(a, b).", columns={"tests": TESTS})
    found = []
    for text in ("```python\ndef add(a, b):\n    return a + b\n```", "```python\nadd = 1\n```"):
        found.append((await Room(rubric).step_async(Say(text=text))).reward)
    assert found == [1.0, 0.0]


async def test_what_was_done_and_observed_is_judged_and_what_is_the_environments_is_not() -> None:
    with answering() as server:
        rubric = JudgeRubric(judge_at(server.url))
        about = {"prompt": "Say hi.", "answer": "hi", "secret": "S"}
        observation = Heard(answer="hello", volume=3, metadata=about)
        await rubric(Say(text="hi", metadata={"secret": "S"}), observation)
    (body,) = server.bodies
    assert body["task"] == {"prompt": "Say hi.", "reference": {"answer": "hi"}}
    assert body["candidates"][0]["trajectory"]["messages"] == [
        {"role": "assistant", "content": "hi"},
        {"role": "user", "content": '{"answer": "hello", "volume": 3}'},
    ]


async def test_a_call_of_a_tool_is_judged_as_one() -> None:
    with answering() as server:
        rubric = JudgeRubric(judge_at(server.url), prompt="2+2?")
        action = CallToolAction(tool_name="add", arguments={"a": 2})
        await rubric(action, CallToolObservation(tool_name="add", result={"sum": object()}))
    call, result = server.bodies[0]["candidates"][0]["trajectory"]["messages"]
    assert call["tool_calls"][0]["function"] == {"name": "add", "arguments": '{"a": 2}'}
    assert result["role"] == "tool"
    assert result["tool_call_id"] == call["tool_calls"][0]["id"]
    assert result["content"] == '{"result": {"sum": "<object>"}}'


@pytest.mark.parametrize(("answer", "kind"), WAYS.values(), ids=WAYS.keys())
async def test_a_judge_that_failed_gives_no_number(answer: Answer, kind: str) -> None:
    with answering(answer) as server:
        rubric = JudgeRubric(judge_at(server.url, seconds_for(kind)))
        assert (await Room(rubric).step_async(Say(text="hi"))).reward is None
    assert rubric.last_score is None
    assert rubric.last_outcome is not None
    assert rubric.last_outcome.failure_kind == kind


@pytest.mark.parametrize(("answer", "kind"), WAYS.values(), ids=WAYS.keys())
async def test_a_blocking_judge_that_failed_gives_no_number(answer: Answer, kind: str) -> None:
    with answering(answer) as server:
        rubric = BlockingJudgeRubric(judge_at(server.url, seconds_for(kind)))
        assert Room(rubric).step(Say(text="hi")).reward is None


CONTAINERS: dict[str, tuple[Callable[[Any], Rubric], float]] = {
    "a sum": (lambda judge: WeightedSum([judge, Style(0.5)], [0.6, 0.4]), 0.68),
    "a gate": (lambda judge: Gate(judge, threshold=0.5), 0.8),
    "a gate that is closed": (lambda judge: Gate(judge, threshold=0.9), 0.0),
    "a sequence": (lambda judge: Sequential(judge, Style(0.25)), 0.25),
    "a sequence that ends with it": (lambda judge: Sequential(Style(0.25), judge), 0.8),
    "a sum of gates": (lambda judge: WeightedSum([Style(0.0), Gate(judge, 0.5)], [0.5, 0.5]), 0.4),
    "a sum of two judges": (lambda judge: WeightedSum([judge, judge], [0.5, 0.5]), 0.8),
}


@pytest.mark.parametrize("rubric_type", [JudgeRubric, BlockingJudgeRubric])
@pytest.mark.parametrize(("contain", "expected"), CONTAINERS.values(), ids=CONTAINERS.keys())
async def test_containers_calculate_with_the_score(
    rubric_type: type[Any], contain: Callable[[Any], Rubric], expected: float
) -> None:
    with answering(gives(0.8)) as server:
        judge = rubric_type(judge_at(server.url))
        for rubric in (contain(judge), OrUnscored(contain(judge))):
            room = Room(rubric)
            assert (await room.step_async(Say(text="hi"))).reward == pytest.approx(expected)
            assert rubric.last_score == pytest.approx(expected)


@pytest.mark.parametrize("rubric_type", [JudgeRubric, BlockingJudgeRubric])
@pytest.mark.parametrize("contain", [contain for contain, _ in CONTAINERS.values()], ids=CONTAINERS.keys())
async def test_no_container_makes_a_number_of_a_failure(
    rubric_type: type[Any], contain: Callable[[Any], Rubric]
) -> None:
    with answering([gives(0.8), gives(0.8), fails]) as server:
        bare = contain(rubric_type(judge_at(server.url)))
        rubric = OrUnscored(bare)
        room = Room(rubric)
        await room.step_async(Say(text="hi"))
        with answering(fails) as broken:
            for part in rubric.rubrics():
                if isinstance(part, rubric_type):
                    part.judge = judge_at(broken.url)
            assert (await room.step_async(Say(text="hi"))).reward is None
            assert rubric.last_score is None
            assert bare.last_score is None
            with pytest.raises((JudgeUnavailable, TypeError)):
                await bare(Say(text="hi"), Heard())


async def test_a_judge_that_joins_its_container_late_is_watched_too() -> None:
    with answering(fails) as server:
        choice = RubricDict({})

        class Dispatch(Rubric):
            def __init__(self) -> None:
                super().__init__()
                self.choice = choice

            def forward(self, action: Any, observation: Any) -> Any:
                return self.choice["late"](action, observation)

        rubric = OrUnscored(Gate(Dispatch(), 0.5))
        choice["late"] = JudgeRubric(judge_at(server.url))
        assert await rubric(Say(text="hi"), Heard()) is None


async def test_errors_that_are_not_the_judges_pass_through() -> None:
    class Broken(Rubric):
        def forward(self, action: Any, observation: Any) -> float:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        OrUnscored(Broken())(Say(text="hi"), Heard())


async def test_one_dimension_can_be_the_score_and_one_that_was_not_judged_is_none() -> None:
    with answering(
        lambda body: judgment(body, lambda _: scored(0.9, correctness=0.3, process=None))
    ) as server:
        for dimension, expected in (("correctness", 0.3), ("process", None), (None, 0.9)):
            rubric = JudgeRubric(judge_at(server.url), dimension=dimension)
            assert await rubric(Say(text="hi"), Heard()) == expected
        rubric = JudgeRubric(judge_at(server.url), dimension="process", on_failure="raise")
        with pytest.raises(JudgeUnavailable, match="'process' was not judged"):
            await rubric(Say(text="hi"), Heard())


async def test_the_score_of_a_step_before_does_not_stand_for_one_that_failed() -> None:
    with answering([gives(0.8), fails]) as server:
        rubric = JudgeRubric(judge_at(server.url), on_failure="raise")
        assert await rubric(Say(text="a"), Heard()) == 0.8
        with pytest.raises(JudgeUnavailable, match="the model hung"):
            await rubric(Say(text="b"), Heard())
    assert rubric.last_score is None


def stepped(*scores: float | None) -> Answer:
    steps = [{"step_id": f"s{at}", "score": score} for at, score in enumerate(scores)]
    return lambda body: judgment(body, lambda _: scored(0.8) | {"steps": steps})


async def test_an_episode_is_judged_once_when_it_is_done_with_a_reward_for_each_step() -> None:
    with answering(stepped(0.1, None, 0.9)) as server:
        rubric = JudgeTrajectoryRubric(judge_at(server.url, granularity=("outcome", "steps")), prompt="Talk.")
        room = Room(rubric, turns=3)
        room.reset()
        found = [(await room.step_async(Say(text=text))).reward for text in "abc"]
    assert found == [0.0, 0.0, 0.8]
    assert rubric.compute_step_rewards() == [0.1, None, 0.9]
    (body,) = server.bodies
    said = body["candidates"][0]["trajectory"]["messages"]
    assert [message["content"] for message in said if message["role"] == "assistant"] == ["a", "b", "c"]


def test_a_blocking_episode_does_the_same() -> None:
    with answering(stepped(0.1, 0.9)) as server:
        judge = judge_at(server.url, granularity=("outcome", "steps"))
        rubric = BlockingJudgeTrajectoryRubric(judge, intermediate_reward=0.05)
        room = Room(rubric, turns=2)
        assert [room.step(Say(text=text)).reward for text in "ab"] == [0.05, 0.8]
        assert rubric.compute_step_rewards() == [0.1, 0.9]


async def test_steps_that_a_recipe_judges_unasked_leave_the_others_their_intermediate_reward() -> None:
    with answering(stepped(None, 1.0)) as server:
        rubric = JudgeTrajectoryRubric(judge_at(server.url), intermediate_reward=0.05)
        room = Room(rubric, turns=2)
        for text in "ab":
            await room.step_async(Say(text=text))
    assert rubric.compute_step_rewards() == [0.05, 0.8]


@pytest.mark.parametrize("steps", [(), (0.5,), (None, None)])
async def test_without_judged_steps_the_outcome_is_the_last_steps(steps: tuple[float | None, ...]) -> None:
    with answering(stepped(*steps)) as server:
        rubric = JudgeTrajectoryRubric(judge_at(server.url))
        room = Room(rubric, turns=2)
        for text in "ab":
            await room.step_async(Say(text=text))
    assert rubric.compute_step_rewards() == [0.0, 0.8]


async def test_steps_of_an_episode_whose_judge_failed_are_unscored_and_a_reset_forgets_them() -> None:
    with answering([fails, gives(0.8)]) as server:
        rubric = JudgeTrajectoryRubric(judge_at(server.url))
        room = Room(rubric, turns=2)
        assert [(await room.step_async(Say(text=text))).reward for text in "ab"] == [0.0, None]
        assert rubric.compute_step_rewards() == [None, None]
        room.reset()
        assert rubric.compute_step_rewards() == []
        await room.step_async(Say(text="c"))
        assert rubric.compute_step_rewards() == [0.0]


@pytest.mark.parametrize(("answer", "reward"), [(gives(0.8), 0.8), (fails, None)])
def test_over_openenvs_server_an_unscored_step_is_null(answer: Answer, reward: float | None) -> None:
    with answering(answer) as server:
        judge = judge_at(server.url)
        app = create_app(lambda: Room(OrUnscored(WeightedSum([JudgeRubric(judge)], [1.0]))), Say, Heard)
        with TestClient(app) as client:
            answered = client.post("/step", json={"action": {"text": "hi"}})
    assert answered.status_code == 200
    assert answered.json()["reward"] == reward


async def test_an_empty_action_is_judged_as_empty() -> None:
    with answering() as server:
        assert await JudgeRubric(judge_at(server.url))(Say(text=""), Heard()) is not None
    assert server.bodies[0]["candidates"][0]["trajectory"]["messages"][0]["content"] == ""


async def test_a_large_step_arrives_whole_and_equal_steps_are_worth_the_same() -> None:
    with answering(lambda body: judgment(body, lambda text: scored(len(text) / 2_000_000))) as server:
        rubric = JudgeRubric(judge_at(server.url))
        found = await asyncio.gather(*(rubric(Say(text="x" * 1_000_000), Heard()) for _ in range(4)))
    assert len(set(found)) == 1
    assert math.isclose(found[0], 0.5, rel_tol=1e-3)
    assert {len(text_of(body["candidates"][0]["trajectory"])) >= 1_000_000 for body in server.bodies} == {
        True
    }


def test_one_rubric_serves_several_loops() -> None:
    with answering(gives(0.8)) as server:
        rubric = JudgeRubric(judge_at(server.url))
        assert [asyncio.run(rubric(Say(text="a"), Heard())) for _ in range(2)] == [0.8, 0.8]


def test_rubrics_can_be_pickled_without_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUDGE_API_KEY", "sk-hidden-key")
    with answering(gives(0.8)) as server:
        rubric = OrUnscored(WeightedSum([JudgeRubric(judge_at(server.url)), Style(0.5)], [0.5, 0.5]))
        asyncio.run(rubric(Say(text="a"), Heard()))
        written = pickle.dumps(rubric)
        assert b"sk-hidden-key" not in written
        assert asyncio.run(pickle.loads(written)(Say(text="a"), Heard())) == pytest.approx(0.65)
    assert server.keys == ["Bearer sk-hidden-key"] * 2


def score_in_child(rubric: Any, send: Any) -> None:
    send.send(rubric(Say(text="a"), Heard()))


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_judges_after_its_parent_did() -> None:
    with answering(gives(0.8)) as server:
        rubric = BlockingJudgeRubric(judge_at(server.url))
        rubric(Say(text="a"), Heard())
        receive, send = multiprocessing.Pipe()
        child = multiprocessing.get_context("fork").Process(target=score_in_child, args=(rubric, send))
        child.start()
        assert receive.poll(20)
        assert receive.recv() == 0.8
        child.join(20)
