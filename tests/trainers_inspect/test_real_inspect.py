"""The scorer in Inspect's own `eval` with its mock model: values by dimension, and no number for a failure."""

from __future__ import annotations

import asyncio
import json
import math
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.dataset import Sample
from inspect_ai.log import read_eval_log
from inspect_ai.model import (
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageTool,
    ChatMessageUser,
    ContentImage,
    ContentReasoning,
    ContentText,
    ModelName,
    ModelOutput,
)
from inspect_ai.scorer import Target
from inspect_ai.solver import Generate, Solver, TaskState, generate, solver, use_tools
from inspect_ai.tool import ToolCall, tool

from judge_agent.errors import InvalidRequest
from judge_agent.trainers.inspect import judged
from tests.trainers.answering import answering, judgment, scored, unscored
from tests.trainers.failing_services import WAYS, Answer, seconds_for
from tests.trainers_inspect.judged_evals import evaluated, metric, scores_of

pytestmark = pytest.mark.trainers
TESTS = {"kind": "call", "entry_point": "add", "hidden": [{"args": [2, 3], "expected": 5}]}
PICTURE = "data:image/png;base64,iVBORw0KGgo="


@tool
def add() -> Any:
    async def execute(a: int, b: int) -> str:
        """Add two numbers.

        Args:
            a: One number.
            b: Another one.
        """
        return str(a + b)

    return execute


def test_a_real_service_scores_what_the_tests_confirm(judge_url: str, tmp_path: Path) -> None:
    codes = [f"```python\ndef add(a, b):\n    return a {operator} b\n```" for operator in "+-"]
    samples = [Sample(input="Write add(a, b).", metadata={"tests": TESTS}) for _ in range(3)]
    log = evaluated(tmp_path, judge_url, [*codes, ""], samples, dimensions=None, seconds=60.0)
    found = scores_of(log)
    assert [score.as_dict()["reward"] for score in found] == [1.0, 0.0, 0.0]
    assert found[0].metadata is not None
    assert found[0].metadata["judgment_id"]
    assert found[0].explanation
    assert found[0].answer == codes[0]
    assert metric(log, "reward") == pytest.approx(1 / 3)


def test_values_are_by_dimension_and_each_has_its_metrics(tmp_path: Path) -> None:
    with answering() as server:
        log = evaluated(tmp_path, server.url, ["12345", "1234567890"])
    assert [score.value for score in scores_of(log)] == [
        {"correctness": 0.5, "process": 0.25, "reward": 0.5},
        {"correctness": 1.0, "process": 0.5, "reward": 1.0},
    ]
    assert (metric(log, "correctness"), metric(log, "process"), metric(log, "reward")) == (0.75, 0.375, 0.75)
    assert server.bodies[0]["task"]["reference"] == {"answer": "4"}


@pytest.mark.parametrize(("answer", "kind"), WAYS.values(), ids=WAYS.keys())
def test_a_sample_whose_judge_failed_is_unscored_and_in_no_metric(
    tmp_path: Path, answer: Answer, kind: str
) -> None:
    good = (lambda body: judgment(body, lambda _: scored(0.8))) if kind != "judge_timeout" else answer
    with answering([good, answer]) as server:
        log = evaluated(tmp_path, server.url, ["a", "b"], seconds=seconds_for(kind))
    found = scores_of(log)[-1]
    assert isinstance(found.value, float)
    assert math.isnan(found.value)
    assert found.reason == ("scoring_failed" if kind == "judge_refused" else "grader_failed")
    assert found.metadata is not None
    assert found.metadata["failure_kind"] == kind
    assert kind in (found.explanation or "")
    assert log.results is not None
    if kind != "judge_timeout":
        assert metric(log, "reward") == 0.8
        assert {score.unscored_samples for score in log.results.scores} == {1}


def test_a_dimension_that_was_not_judged_is_in_no_mean(tmp_path: Path) -> None:
    answers = [
        lambda body: judgment(body, lambda _: scored(0.8, correctness=0.8, process=None)),
        lambda body: judgment(body, lambda _: scored(0.4, correctness=0.4, process=0.6)),
    ]
    with answering(answers) as server:
        log = evaluated(tmp_path, server.url, ["a", "b"])
    assert metric(log, "process") == 0.6
    assert metric(log, "correctness") == pytest.approx(0.6)


def test_epochs_are_reduced_over_those_that_were_scored(tmp_path: Path) -> None:
    answers = [
        lambda body: judgment(body, lambda _: scored(0.8)),
        lambda body: judgment(body, lambda _: unscored()),
        lambda body: judgment(body, lambda _: scored(0.4)),
    ]
    with answering(answers) as server:
        log = evaluated(tmp_path, server.url, ["a", "b", "c"], [Sample(input="?", target="4")], epochs=3)
    assert metric(log, "reward") == pytest.approx(0.6)


def test_the_log_reads_back_and_holds_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUDGE_API_KEY", "sk-hidden-key")
    with answering([judgment, lambda body: judgment(body, lambda _: unscored())]) as server:
        log = evaluated(tmp_path, server.url, ["a", "b"])
    assert server.keys == ["Bearer sk-hidden-key"] * 2
    again = read_eval_log(log.location)
    assert "sk-hidden-key" not in again.model_dump_json()
    assert math.isnan(scores_of(again)[1].as_float())


def test_an_agents_calls_are_judged_with_the_tools_that_it_had(tmp_path: Path) -> None:
    call = ModelOutput.for_tool_call("mockllm/model", "add", {"a": 2, "b": 2})
    with answering() as server:
        log = evaluated(
            tmp_path,
            server.url,
            [call, "4"],
            [Sample(input="2+2?", target=["4", "four"])],
            solver=[use_tools(add()), generate()],
        )
    assert len(scores_of(log)) == 1
    (body,) = server.bodies
    trajectory = body["candidates"][0]["trajectory"]
    assert [message["role"] for message in trajectory["messages"]] == ["assistant", "tool", "assistant"]
    assert trajectory["messages"][0]["tool_calls"][0]["function"] == {
        "name": "add",
        "arguments": {"a": 2, "b": 2},
    }
    assert trajectory["messages"][1]["content"] == "4"
    declared = trajectory["tools"][0]["function"]
    assert declared["name"] == "add"
    assert declared["parameters"]["required"] == ["a", "b"]
    assert body["task"]["reference"]["answer"] == '["4", "four"]'


def state_of(*messages: Any, output: str = "", **given: Any) -> TaskState:
    state = TaskState(ModelName("mockllm/model"), "s", 1, "2+2?", list(messages), **given)
    state.output = ModelOutput.from_content("mockllm/model", output)
    return state


def score_now(url: str, state: TaskState, target: str = "4", **scorer: Any) -> Any:
    made = judged(url, recipe="verify", retry_seconds=0.2, seconds=20.0, **scorer)
    return asyncio.run(made(state, Target(target)))


def test_reasoning_stays_behind_and_pictures_and_errors_of_tools_do_not() -> None:
    seen = [ContentText(text="look"), ContentImage(image=PICTURE)]
    thought = [ContentReasoning(reasoning="SECRET"), ContentText(text="4")]
    state = state_of(
        ChatMessageSystem(content="Be brief.", source="input"),
        ChatMessageUser(content=seen, source="input"),
        ChatMessageAssistant(content="an example", source="input"),
        ChatMessageUser(content="2+2?", source="input"),
        ChatMessageAssistant(content=thought, tool_calls=[ToolCall(id="1", function="add", arguments={})]),
        ChatMessageTool(
            content="", tool_call_id="1", function="add", error={"type": "parsing", "message": "no a"}
        ),
        ChatMessageAssistant(content="4", source="generate"),
        output="4",
    )
    with answering() as server:
        score_now(server.url, state)
    (body,) = server.bodies
    assert "SECRET" not in json.dumps(body)
    assert [message["role"] for message in body["task"]["messages"]] == [
        "system",
        "user",
        "assistant",
        "user",
    ]
    assert body["task"]["messages"][1]["content"][1]["image_url"]["url"] == PICTURE
    said = body["candidates"][0]["trajectory"]["messages"]
    assert [message["role"] for message in said] == ["assistant", "tool", "assistant"]
    assert said[1]["content"] == "no a"
    assert "tools" not in body["candidates"][0]["trajectory"]


def test_an_output_that_a_solver_set_is_what_is_judged() -> None:
    with answering() as server:
        state = state_of(
            ChatMessageUser(content="2+2?", source="input"),
            ChatMessageAssistant(content="5", source="generate"),
            output="I mean 4",
        )
        assert score_now(server.url, state).answer == "I mean 4"
    said = server.bodies[0]["candidates"][0]["trajectory"]["messages"]
    assert [message["content"] for message in said] == ["5", "I mean 4"]


def test_columns_name_what_the_metadata_hold() -> None:
    with answering() as server:
        state = state_of(ChatMessageUser(content="q"), output="4", metadata={"gold": "42", "answer": "no"})
        score_now(server.url, state, columns={"answer": "gold"})
        score_now(server.url, state, columns={"solution": "target"})
        score_now(server.url, state, target="")
    references = [body["task"]["reference"] for body in server.bodies]
    assert references == [{"answer": "42"}, {"solution": "4"}, {"answer": "no"}]


def test_a_column_that_is_not_there_leaves_the_sample_unscored() -> None:
    with answering() as server:
        found = score_now(server.url, state_of(output="4"), columns={"answer": "gold"})
    assert found.reason == "scoring_failed"
    assert found.metadata["failure_kind"] == "rollout_invalid"
    assert server.bodies == []


def test_a_dimension_cannot_take_the_place_of_the_reward() -> None:
    with pytest.raises(InvalidRequest, match="the name of the whole"):
        judged(dimensions=["reward"])


def test_steps_are_in_the_metadata() -> None:
    steps = [{"step_id": "s0", "score": 0.3}]
    with answering(lambda body: judgment(body, lambda _: scored(0.5) | {"steps": steps})) as server:
        found = score_now(server.url, state_of(output="4"), steps=True)
    assert found.metadata["steps"] == [0.3]
    assert server.bodies[0]["granularity"] == ["outcome", "steps"]


def test_an_empty_completion_is_judged_as_empty_and_a_large_one_arrives_whole() -> None:
    with answering() as server:
        assert score_now(server.url, state_of(output="")).value["reward"] == 0.0
        assert score_now(server.url, state_of(output="x" * 1_000_000)).value["reward"] == 1.0
    large = server.bodies[1]["candidates"][0]["trajectory"]["messages"][0]["content"]
    assert len(large) == 1_000_000


def test_equal_samples_have_equal_scores_and_one_scorer_serves_several_loops() -> None:
    with answering() as server:
        made = judged(server.url, recipe="verify", seconds=20.0)

        async def scores() -> list[Any]:
            return list(await asyncio.gather(*(made(state_of(output="1234"), Target("4")) for _ in range(8))))

        found = [score.value["reward"] for _ in range(2) for score in asyncio.run(scores())]
    assert found == [0.4] * 16


def test_under_trio_the_scorer_works_too() -> None:
    trio = pytest.importorskip("trio")
    with answering() as server:
        made = judged(server.url, recipe="verify", seconds=20.0)
        assert trio.run(made, state_of(output="12345"), Target("4")).value["reward"] == 0.5


def score_in_child(url: str, send: Any) -> None:
    send.send(score_now(url, state_of(output="12345")).value["reward"])


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_scores_after_its_parent_did() -> None:
    with answering() as server:
        score_now(server.url, state_of(output="1"))
        receive, send = multiprocessing.Pipe()
        child = multiprocessing.get_context("fork").Process(target=score_in_child, args=(server.url, send))
        child.start()
        assert receive.poll(20)
        assert receive.recv() == 0.5
        child.join(20)


@solver
def sets_nothing() -> Solver:
    async def solve(state: TaskState, generate: Generate) -> TaskState:
        return state

    return solve


def test_a_solver_that_says_nothing_is_judged_as_empty(tmp_path: Path) -> None:
    with answering() as server:
        log = evaluated(tmp_path, server.url, [], [Sample(input="q", target="4")], solver=sets_nothing())
    assert scores_of(log)[0].as_dict()["reward"] == 0.0
    assert server.bodies[0]["candidates"][0]["trajectory"]["messages"] == [
        {"role": "assistant", "content": ""}
    ]


PROGRAM = """
from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from judge_agent.trainers.inspect import judged

@task
def arithmetic():
    output = ModelOutput.from_content("mockllm/model", "1234567890")
    output.usage = ModelUsage(total_tokens=2)
    return Task(
        dataset=[Sample(input="2+2?", target="4")],
        model=get_model("mockllm/model", custom_outputs=[output]),
        scorer=judged(recipe="verify", retry_seconds=0.2),
    )
"""


def test_the_command_line_of_inspect_runs_it_and_scores_its_log_again_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "arithmetic.py").write_text(PROGRAM, "utf-8")
    with answering() as server:
        environment = {**os.environ, "JUDGE_URL": server.url, "INSPECT_LOG_DIR": str(tmp_path / "logs")}
        inspect = [sys.executable, "-m", "inspect_ai"]
        flags = ["--display", "none"]
        evaluate = [*inspect, "eval", "arithmetic.py", *flags]
        subprocess.run(evaluate, cwd=tmp_path, env=environment, check=True, timeout=120)
        (log,) = (tmp_path / "logs").glob("*.eval")
        # Nothing is left that would import the scorer: its name alone must do.
        (tmp_path / "arithmetic.py").unlink()
        named = ["--scorer", "judge_agent/judged", "-S", "recipe=verify"]
        again = [*inspect, "score", str(log), *named, "--action", "overwrite", "--overwrite", *flags]
        subprocess.run(again, cwd=tmp_path, env=environment, check=True, timeout=120)
    assert len(server.bodies) == 2
    assert metric(read_eval_log(str(log)), "reward") == 1.0
