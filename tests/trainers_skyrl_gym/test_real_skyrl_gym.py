"""The mixin in real environments of SkyRL-gym: what the last step is worth, and what a failure is."""

from __future__ import annotations

import asyncio
import multiprocessing
import pickle
import threading
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import skyrl_gym
from skyrl_gym.envs.registration import register

from judge_agent.errors import InvalidRequest
from judge_agent.trainers import Asking, FailurePolicy, JudgeUnavailable, RolloutJudge
from judge_agent.trainers.skyrl_gym import JudgedEpisode
from tests.trainers.answering import Body, Reply, answering, judgment, scored, text_of, unscored
from tests.trainers.failing_services import WAYS, Answer, seconds_for
from tests.trainers_skyrl_gym.judged_envs import (
    DIMENSIONS,
    PROMPT,
    TESTS,
    JudgedMath,
    JudgedTurns,
    SummedTurns,
    asked_at,
)

pytestmark = pytest.mark.trainers


def made(kind: type[JudgedEpisode], **extras: Any) -> Any:
    """Make it as the generator does: registered by its entry point, with the row as `extras`."""
    name = uuid.uuid4().hex
    register(id=name, entry_point=kind)
    spec = {"method": "rule", "ground_truth": extras.pop("truth", "4")}
    return skyrl_gym.make(name, env_config={}, extras={"reward_spec": spec, **extras})


def episode(env: Any, actions: Sequence[str], prompt: Any = PROMPT) -> list[Any]:
    env.init(prompt)
    return [env.step(action) for action in actions]


def test_a_real_service_rewards_what_the_tests_confirm(judge_url: str) -> None:
    kind = asked_at(judge_url, JudgedMath, dimensions=("correctness",), seconds=60.0)
    found = []
    for operator in ("+", "-"):
        code = f"```python\ndef add(a, b):\n    return a {operator} b\n```"
        (step,) = episode(made(kind, truth=None, tests=TESTS), [code])
        found.append(step["reward"])
    (empty,) = episode(made(kind, truth=None, tests=TESTS), [""])
    assert [*found, empty["reward"]] == [1.0, 0.0, 0.0]


def test_the_whole_episode_is_judged_when_it_is_done() -> None:
    with answering() as server:
        env = made(asked_at(server.url, JudgedTurns))
        first, last = episode(env, ["ab tail", "cd"])
    assert (first["reward"], first["metadata"]) == (0.25, {"turn": 1})
    assert last["reward"] == 1.0
    assert last["metadata"]["turn"] == 2
    assert last["metadata"]["judge"]["env_reward"] == 0.25
    assert last["metadata"]["judge"]["judgment_id"] == "jdg_1"
    (body,) = server.bodies
    assert body["task"] == {"messages": PROMPT, "reference": {"answer": "4"}}
    said = body["candidates"][0]["trajectory"]["messages"]
    assert [message["content"] for message in said] == ["ab", "<result>5</result>", "cd"]


def test_the_environments_own_reward_can_be_kept() -> None:
    with answering(lambda body: judgment(body, lambda _: scored(0.5))) as server:
        *_, last = episode(made(asked_at(server.url, SummedTurns)), ["a", "b"])
    assert last["reward"] == 0.75


@pytest.mark.parametrize("dimensions", [DIMENSIONS, ()])
def test_metrics_are_averaged_by_skyrl_and_have_the_same_names_on_failure(
    dimensions: tuple[str, ...],
) -> None:
    policy = FailurePolicy()
    answers = [
        lambda body: judgment(body, lambda _: scored(0.6)),
        lambda body: judgment(body, lambda _: unscored()),
    ]
    with answering(answers) as server:
        kind = asked_at(server.url, JudgedTurns, policy, dimensions)
        envs = [made(kind), made(kind)]
        steps = [episode(env, ["a", "b"])[-1] for env in envs]
    assert [step["reward"] for step in steps] == [0.6, 0.6]
    metrics = [env.get_metrics() for env in envs]
    assert metrics[0].keys() == metrics[1].keys()
    assert steps[0]["metadata"]["judge"].keys() == steps[1]["metadata"]["judge"].keys()
    averaged = kind.aggregate_metrics(metrics)
    assert averaged["judge/judge_failed"] == 0.5
    assert averaged["judge/score"] == pytest.approx(0.6)
    assert averaged["turns"] == 2
    assert steps[0]["metadata"]["judge"]["vector"] == {"correctness": 0.6, "process": 0.3}


def test_a_failure_is_not_paid_the_mean_that_another_class_has_seen() -> None:
    with answering([lambda body: judgment(body, lambda _: scored(0.4)), lambda _: Reply(500)]) as server:
        judges = [RolloutJudge(server.url, asking=Asking(recipe=name), retry_seconds=0.1) for name in "ab"]
        kinds = [type(f"Judged{at}", (JudgedMath,), {"judge": one}) for at, one in enumerate(judges)]
        assert episode(made(kinds[0]), ["x"])[-1]["reward"] == 0.4
        with pytest.raises(JudgeUnavailable, match="no mean yet"):
            episode(made(kinds[1]), ["x"])
        assert episode(made(kinds[0]), ["x"])[-1]["reward"] == 0.4


def test_a_class_keeps_the_settings_of_the_policy_above_it() -> None:
    class Strict(JudgedMath):
        failure_policy = FailurePolicy(on_failure="raise")

    class Stricter(Strict):
        judge = RolloutJudge("http://127.0.0.1:1")

    class Shared(JudgedMath):
        failure_policy = Strict.failure_policy

    assert Stricter.failure_policy == Strict.failure_policy
    assert Stricter.failure_policy is not Strict.failure_policy
    assert Shared.failure_policy is Strict.failure_policy


def test_an_episode_that_never_ended_is_not_judged() -> None:
    with answering() as server:
        env = made(asked_at(server.url, JudgedTurns))
        episode(env, ["a"])
    assert env.get_metrics() == {"turns": 1, "judge/judged": 0.0}
    assert server.bodies == []


@pytest.mark.parametrize(("answer", "kind"), WAYS.values(), ids=WAYS.keys())
def test_a_failure_without_a_mean_of_its_group_raises(answer: Answer, kind: str) -> None:
    with answering(answer) as server:
        env = made(asked_at(server.url, JudgedTurns, seconds=seconds_for(kind)))
        env.init(PROMPT)
        env.step("a")
        with pytest.raises(JudgeUnavailable, match=kind):
            env.step("b")
    assert env.get_metrics()["judge/judged"] == 0.0


@pytest.mark.parametrize(("answer", "kind"), WAYS.values(), ids=WAYS.keys())
def test_a_failure_is_worth_the_mean_of_its_group_and_says_so(answer: Answer, kind: str) -> None:
    good = [lambda body, x=x: judgment(body, lambda _: scored(x)) for x in (0.2, 0.6)]
    with answering([*good, answer]) as server:
        judged = asked_at(server.url, JudgedMath, FailurePolicy(max_failed_share=0.5), seconds=20.0)
        for _ in good:
            episode(made(judged), ["x"])
        if kind == "judge_timeout":
            judged.judge = RolloutJudge(server.url, asking=judged.judge.asking, seconds=0.3)
        env = made(judged)
        (step,) = episode(env, ["x"])
    assert step["reward"] == pytest.approx(0.4)
    assert step["metadata"]["judge"]["judge_failed"] == 1.0
    assert step["metadata"]["judge"]["failure_kind"] == kind
    assert env.get_metrics()["judge/judge_failed"] == 1.0


def test_a_failure_waits_for_the_mean_of_siblings_that_other_threads_have_judged() -> None:
    gate, has_failed = threading.Event(), threading.Event()

    def answer(body: Body) -> Reply:
        if "fails" not in text_of(body["candidates"][0]["trajectory"]):
            return Reply(body=judgment(body, lambda _: scored(0.6)).body, hold=gate)
        threading.Timer(0.1, gate.set).start()
        has_failed.set()
        return judgment(body, lambda _: unscored())

    with answering(answer) as server, ThreadPoolExecutor(2) as pool:
        kind = asked_at(server.url, JudgedMath, FailurePolicy(max_failed_share=1.0))
        sibling = pool.submit(episode, made(kind), ["is well"])
        while not server.bodies:
            threading.Event().wait(0.01)
        failed = pool.submit(episode, made(kind), ["fails"])
        assert [one.result()[-1]["reward"] for one in (sibling, failed)] == [0.6, 0.6]
    assert has_failed.is_set()


def test_another_prompt_has_another_mean() -> None:
    answers = [
        lambda body: judgment(body, lambda _: scored(0.9)),
        lambda body: judgment(body, lambda _: unscored()),
    ]
    with answering(answers) as server:
        kind = asked_at(server.url, JudgedMath)
        episode(made(kind), ["x"])
        with pytest.raises(JudgeUnavailable, match="no mean"):
            episode(made(kind), ["x"], [{"role": "user", "content": "another"}])


def test_raise_raises_at_once() -> None:
    with answering([judgment, lambda body: judgment(body, lambda _: unscored())]) as server:
        kind = asked_at(server.url, JudgedMath, FailurePolicy("raise"))
        episode(made(kind), ["x"])
        with pytest.raises(JudgeUnavailable, match="'raise'"):
            episode(made(kind), ["x"])


def test_an_environment_that_starts_again_forgets_the_last_episode() -> None:
    with answering() as server:
        env = made(asked_at(server.url, JudgedMath))
        episode(env, ["one"])
        episode(env, ["other"])
    said = [body["candidates"][0]["trajectory"]["messages"] for body in server.bodies]
    assert [[message["content"] for message in messages] for messages in said] == [["one"], ["other"]]


def test_an_environment_can_hand_over_messages_that_it_kept_itself() -> None:
    with answering() as server:
        env = made(asked_at(server.url, JudgedTurns))
        outcome, settled = env.judge_on_done([*PROMPT, {"role": "assistant", "content": "12345"}])
    assert (outcome.reward, settled.reward, settled.failed) == (0.5, 0.5, False)


def test_sixteen_threads_share_one_judge_inside_a_running_loop() -> None:
    async def generate(kind: type[JudgedEpisode]) -> list[float]:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(16) as pool:
            envs = [made(kind) for _ in range(16)]
            steps = await asyncio.gather(
                *(loop.run_in_executor(pool, episode, env, ["12345", "67890"]) for env in envs)
            )
        return [taken[-1]["reward"] for taken in steps]

    with answering() as server:
        kind = asked_at(server.url, JudgedTurns)
        assert asyncio.run(generate(kind)) == [1.0] * 16
        assert asyncio.run(generate(kind)) == [1.0] * 16


def test_a_large_episode_arrives_whole() -> None:
    with answering() as server:
        (step,) = episode(made(asked_at(server.url, JudgedMath)), ["x" * 1_000_000])
    assert step["reward"] == 1.0
    assert len(server.bodies[0]["candidates"][0]["trajectory"]["messages"][0]["content"]) == 1_000_000


def reward_in_child(env: Any, send: Any) -> None:
    send.send(episode(env, ["12345"])[-1]["reward"])


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_judges_after_its_parent_did() -> None:
    with answering() as server:
        kind = asked_at(server.url, JudgedMath)
        episode(made(kind), ["1"])
        receive, send = multiprocessing.Pipe()
        child = multiprocessing.get_context("fork").Process(target=reward_in_child, args=(made(kind), send))
        child.start()
        assert receive.poll(20)
        assert receive.recv() == 0.5
        child.join(20)


def test_an_environment_in_the_middle_of_an_episode_can_be_pickled() -> None:
    with answering() as server:
        JudgedTurns.judge, default = asked_at(server.url, JudgedTurns).judge, JudgedTurns.judge
        try:
            env = JudgedTurns(env_config={}, extras={"reward_spec": {"ground_truth": "4"}})
            episode(env, ["12345"])
            assert pickle.loads(pickle.dumps(env)).step("67890")["reward"] == 1.0
        finally:
            JudgedTurns.judge = default


@pytest.mark.parametrize("setting", [{"shape": "z"}, {"join": True}])
def test_an_environment_knows_no_group_and_refuses_a_judge_that_needs_one(setting: dict[str, Any]) -> None:
    asking = Asking(recipe="verify", **setting)
    judge = RolloutJudge("http://127.0.0.1:1", asking=asking)
    kind = type("Shaped", (JudgedMath,), {"judge": judge})
    with pytest.raises(InvalidRequest, match=f"^{next(iter(setting))}: "):
        made(kind)
