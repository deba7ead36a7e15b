"""The judge plugin in verifiers' own `Task.score`: what a trace is given, and that a failure gives it nothing."""

from __future__ import annotations

import asyncio
import copy
import json
import multiprocessing
import os
import pickle
import sys
import time
from typing import Any

import pytest
import verifiers.v1 as vf
from verifiers.v1.errors import TaskError
from verifiers.v1.types import AssistantMessage, Tool, UserMessage
from verifiers.v1.utils.loaders import judge_class, load_judge

from judge_agent.trainers.verifiers import ServiceJudge, ServiceJudgeConfig
from tests.trainers.answering import Reply, answering, judgment, scored, unscored
from tests.trainers.failing_services import WAYS, Answer, seconds_for
from tests.trainers_verifiers.traces import Row, answered, node, task_at, trace_of, with_tools

pytestmark = [pytest.mark.trainers, pytest.mark.anyio]
TESTS = {"kind": "call", "entry_point": "add", "hidden": [{"args": [2, 3], "expected": 5}]}


def code(operator: str) -> str:
    return f"```python\ndef add(a, b):\n    return a {operator} b\n```"


async def test_the_plugin_is_found_by_the_name_of_the_package() -> None:
    for name in ("judge-agent", "judge_agent", "owner/judge-agent@0.1"):
        assert judge_class(name) is ServiceJudge
    assert type(task_at(None).config.judges[0]) is ServiceJudgeConfig


async def test_without_verifiers_a_star_import_takes_only_the_client() -> None:
    script = (
        "from judge_agent import *; import sys; print('ServiceJudge' in dir(), 'verifiers' in sys.modules)"
    )
    run = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    out, _ = await run.communicate()
    assert out.split() == [b"False", b"False"]


async def test_a_real_service_rewards_what_the_tests_confirm(judge_url: str) -> None:
    task = task_at(judge_url, Row(prompt="Write add(a, b).", tests=TESTS), seconds=60.0)
    right, wrong, empty = answered(task, code("+")), answered(task, code("-")), answered(task, None)
    for trace in (right, wrong, empty):
        await task.score(trace)
    assert [trace.reward for trace in (right, wrong, empty)] == [1.0, 0.0, 0.0]
    assert right.metrics["judge-agent/passed"] == 1.0


async def test_the_reward_has_the_weight_of_the_configuration() -> None:
    with answering() as server:
        task = task_at(server.url, weight=2.0, name="quality", dimensions=["correctness"])
        await task.score(trace := answered(task, "12345"))
    assert trace.rewards["quality"].score == 0.5
    assert trace.reward == 1.0
    assert trace.metrics["quality/dimension/correctness"] == 0.5
    assert "quality/dimension/process" not in trace.metrics
    assert trace.info["judge_agent"]["quality"]["judgment_id"] == "jdg_1"
    assert trace.info["judge_agent"]["quality"]["vector"] == {"correctness": 0.5, "process": 0.25}


async def test_what_the_judge_used_is_not_the_policys() -> None:
    with answering() as server:
        task = task_at(server.url)
        await task.score(trace := answered(task, "4"))
    assert trace.usage is None
    assert [(used.prompt_tokens, used.completion_tokens) for used in trace.extra_usage] == [(30, 10)]


@pytest.mark.parametrize(("answer", "kind"), WAYS.values(), ids=WAYS.keys())
async def test_a_judge_that_failed_raises_and_leaves_no_reward(answer: Answer, kind: str) -> None:
    with answering(answer) as server:
        task = task_at(server.url, seconds=seconds_for(kind), dimensions=["correctness", "process"])
        with pytest.raises(TaskError, match=kind):
            await task.score(trace := answered(task, "4"))
    assert trace.rewards == {"judge-agent": None}
    assert trace.metrics["judge-agent/failed"] == 1.0
    assert trace.info["judge_agent"]["judge-agent"]["failure_kind"] == kind


@pytest.mark.parametrize("dimensions", [["correctness", "process"], None])
async def test_metrics_have_the_same_names_when_the_judge_failed(dimensions: list[str] | None) -> None:
    names = []
    answers: list[Answer] = [
        lambda body: judgment(body, lambda _: scored(0.5)),
        lambda body: judgment(body, lambda _: unscored()),
        lambda _: Reply(500),
    ]
    for answer in answers:
        with answering(answer) as server:
            task = task_at(server.url, dimensions=dimensions, retry_seconds=0.1)
            trace = answered(task, "4")
            try:
                await task.score(trace)
            except TaskError:
                assert trace.rewards == {"judge-agent": None}
            names.append((set(trace.metrics), set(trace.info["judge_agent"]["judge-agent"])))
    assert names == [names[0]] * 3
    assert len(names[0][0]) == 4 + len(dimensions or ())


async def test_each_dimension_can_be_a_reward_of_its_own() -> None:
    with answering() as server:
        task = task_at(server.url, dimensions=["correctness", "process"], rewards="vector")
        await task.score(trace := answered(task, "12345"))
    assert {name: reward.score for name, reward in trace.rewards.items()} == {
        "judge-agent/correctness": 0.5,
        "judge-agent/process": 0.25,
    }


async def test_a_vector_with_a_hole_is_no_reward() -> None:
    with answering(
        lambda body: judgment(body, lambda _: scored(0.5, correctness=0.5, process=None))
    ) as server:
        task = task_at(server.url, dimensions=["correctness", "process"], rewards="vector")
        with pytest.raises(TaskError, match="process"):
            await task.score(trace := answered(task, "4"))
    assert trace.rewards == {"judge-agent": None}


async def test_hidden_reasoning_is_not_handed_over_and_the_call_is() -> None:
    with answering() as server:
        task = task_at(server.url)
        trace = with_tools(task)
        trace.tools.append(Tool(name="add", parameters={"type": "object"}))
        await task.score(trace)
    (body,) = server.bodies
    assert "SECRET" not in json.dumps(body)
    messages = body["candidates"][0]["trajectory"]["messages"]
    assert [message["role"] for message in messages] == ["assistant", "tool", "assistant", "assistant"]
    assert messages[0]["tool_calls"][0]["function"] == {"name": "add", "arguments": '{"a": 2, "b": 2}'}
    assert body["candidates"][0]["trajectory"]["tools"][0]["function"]["name"] == "add"
    assert body["task"]["messages"] == [{"role": "user", "content": "2+2?"}]
    assert body["task"]["reference"] == {"answer": "4"}


def stepped(*scores: float | None) -> Answer:
    steps = [{"step_id": f"s{at}", "score": score} for at, score in enumerate(scores)]
    return lambda body: judgment(body, lambda _: scored(0.5) | {"steps": steps})


async def test_turn_rewards_stand_at_the_turns_that_were_sampled() -> None:
    with answering(stepped(0.1, 0.2, None)) as server:
        task = task_at(server.url, steps=True)
        await task.score(trace := with_tools(task))
        assert trace.info["turn_rewards"] == [0.1, None]
    assert server.bodies[0]["granularity"] == ["outcome", "steps"]


async def test_turns_of_another_branch_have_no_reward_and_the_root_reply_says_which_is_read() -> None:
    with answering(stepped(0.7)) as server:
        task = task_at(server.url, steps=True)
        nodes = [
            node(UserMessage(content="2+2?"), None),
            node(AssistantMessage(content="four"), 0),
            node(UserMessage(content="a subagent's task"), None),
            node(AssistantMessage(content="subagent"), 2),
        ]
        trace = trace_of(task, nodes)
        trace.root_reply = "four"
        await task.score(trace)
    assert trace.info["turn_rewards"] == [0.7, None]
    assert trace.metrics["judge-agent/unread_branches"] == 1.0
    assert server.bodies[0]["candidates"][0]["trajectory"]["messages"][0]["content"] == "four"


async def test_turn_rewards_that_the_task_set_are_kept_and_own_ones_are_replaced() -> None:
    with answering([stepped(0.1, 0.2, 0.3), stepped(0.4, 0.5, 0.6)]) as server:
        task = task_at(server.url, steps=True)
        trace = with_tools(task)
        await task.score(trace)
        await task.score(trace)
        assert trace.info["turn_rewards"] == [0.4, 0.6]
        other = with_tools(task)
        other.info["turn_rewards"] = [9.0, 9.0]
        await task.score(other)
    assert other.info["turn_rewards"] == [9.0, 9.0]
    assert other.info["judge_agent"]["judge-agent"]["turn_rewards_taken"] is False


async def test_a_trace_that_was_saved_is_scored_again_as_it_was() -> None:
    with answering([stepped(0.1, 0.2, 0.3), stepped(0.4, 0.5, 0.6)]) as server:
        task = task_at(server.url, steps=True)
        trace = with_tools(task)
        await task.score(trace)
        again = vf.WireTrace.model_validate(json.loads(json.dumps(trace.to_record())))
        await task.score(again)
    assert again.info["turn_rewards"] == [0.4, 0.6]
    assert server.bodies[0] == server.bodies[1]


async def test_steps_that_do_not_match_the_turns_are_given_to_none() -> None:
    with answering(stepped(0.1)) as server:
        task = task_at(server.url, steps=True)
        await task.score(trace := with_tools(task))
    assert trace.info["turn_rewards"] == [None, None]


async def test_a_large_trace_arrives_whole() -> None:
    with answering() as server:
        task = task_at(server.url)
        await task.score(trace := answered(task, "x" * 1_000_000))
    assert trace.reward == 1.0
    assert len(server.bodies[0]["candidates"][0]["trajectory"]["messages"][0]["content"]) == 1_000_000


async def test_equal_traces_have_equal_rewards() -> None:
    with answering() as server:
        task = task_at(server.url)
        traces = [answered(task, "1234") for _ in range(16)]
        await asyncio.gather(*(task.score(trace) for trace in traces))
    assert {trace.reward for trace in traces} == {0.4}
    assert len({json.dumps(body, sort_keys=True) for body in server.bodies}) == 1


async def test_a_trace_without_a_turn_is_judged_as_empty() -> None:
    with answering() as server:
        task = task_at(server.url, Row(prompt="2+2?", system_prompt="Be brief."))
        await task.score(trace_of(task, []))
    (body,) = server.bodies
    assert [message["role"] for message in body["task"]["messages"]] == ["system", "user"]
    assert body["candidates"][0]["trajectory"] == {"messages": []}


async def test_a_scoring_that_is_called_off_ends_at_once() -> None:
    hang, _ = WAYS["it hangs"]
    with answering(hang) as server:
        task = task_at(server.url)
        trace = answered(task, "4")
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await task.score(trace)
    assert time.monotonic() - started < 5
    assert trace.rewards == {"judge-agent": None}


@pytest.mark.parametrize("of_the_agent", [True, False])
async def test_a_slow_judge_is_an_error_before_verifiers_takes_its_silence_for_zero(
    of_the_agent: bool,
) -> None:
    hang, _ = WAYS["it hangs"]
    limits = vf.TaskTimeout() if of_the_agent else vf.TaskTimeout(scoring=0.5)
    with answering(hang) as server:
        task = task_at(server.url, Row(prompt="2+2?", timeout=limits))
        trace = answered(task, "4")
        trace.agent.config.timeout.scoring = 0.5 if of_the_agent else None
        trace.timing.scoring.start = time.time()
        with pytest.raises(TaskError, match="judge_timeout"):
            async with asyncio.timeout(0.5):
                await task.score(trace)
    assert trace.metrics["judge-agent/failed"] == 1.0


async def test_traces_of_one_task_share_their_judge_and_copies_of_the_task_work() -> None:
    with answering() as server:
        task = task_at(server.url)
        for one in (task, copy.deepcopy(task), vf.Task(task.data, task.config.model_copy(deep=True))):
            await one.score(trace := answered(one, "12345"))
            assert trace.reward == 0.5
    assert task.config.judges[0].rollout_judge() is task.config.judges[0].rollout_judge()


def test_one_task_scores_in_several_loops() -> None:
    with answering() as server:
        task = task_at(server.url)
        for _ in range(2):
            asyncio.run(task.score(trace := answered(task, "12345")))
            assert trace.reward == 0.5


def score_in_child(task: vf.Task[Row], send: Any) -> None:
    asyncio.run(task.score(trace := answered(task, "12345")))
    send.send(trace.reward)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_scores_after_its_parent_did() -> None:
    with answering() as server:
        task = task_at(server.url)
        asyncio.run(task.score(answered(task, "1")))
        receive, send = multiprocessing.Pipe()
        child = multiprocessing.get_context("fork").Process(target=score_in_child, args=(task, send))
        child.start()
        assert receive.poll(20)
        assert receive.recv() == 0.5
        child.join(20)


def test_a_pickled_judge_scores_and_holds_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUDGE_API_KEY", "sk-hidden-key")
    with answering() as server:
        task = task_at(server.url)
        judge = load_judge(task.config.judges[0])
        written = pickle.dumps(judge)
        assert b"sk-hidden-key" not in written
        assert "sk-hidden-key" not in task.config.model_dump_json()
        trace = answered(task, "12345")
        assert asyncio.run(pickle.loads(written).score(task.data, trace)) == 0.5
    assert server.keys == [f"Bearer {os.environ['JUDGE_API_KEY']}"]


@pytest.mark.parametrize(
    "given",
    [
        {"model": "gpt-9"},
        {"base_url": "http://elsewhere"},
        {"timeout": {"connect": 1.0}},
        {"rewards": "vector"},
    ],
)
def test_a_setting_that_would_be_ignored_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"says nothing here|needs `dimensions`"):
        task_at(None, **given)
