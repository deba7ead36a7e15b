"""Foreign trajectories become canonical ones; what is lost is named, and labels never get through."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from judge_agent.errors import InvalidRequest
from judge_agent.importers import IMPORTERS, canonical, from_plan_rewardbench, request_from
from judge_agent.schema import ForeignTrajectory, JudgmentRequest, Trajectory
from judge_agent.schema.messages import AnyTrajectory
from judge_agent.trajectory import code_under_test, final_answer, read

SYSTEM = {"role": "system", "content": "the policy"}
USER = {"role": "user", "content": "book a flight"}
CALL = {"id": "c1", "type": "function", "function": {"name": "book", "arguments": '{"flight": "HAT1"}'}}
TAU: dict[str, Any] = {
    "task_id": 3,
    "trial": 1,
    "reward": 1.0,
    "info": {"task": {"instruction": "SECRET"}, "reward_info": {"actions": ["SECRET"]}},
    "traj": [
        SYSTEM,
        USER,
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "name": "book", "content": "booked"},
        {"role": "assistant", "content": "done"},
    ],
}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


def pair(name: str, arguments: str) -> dict[str, str]:
    return {"role": "tool_call", "content": repr({"name": name, "arguments": arguments})}


PLAN: dict[str, Any] = {
    "query": "q",
    "uuid": "u-1",
    "_lcp_bucket": "x",
    "tools": [TOOL],
    "chosen": {
        "messages": [
            {"role": "user", "content": "q"},
            pair("f", '{"a": 1}'),
            pair("g", '{"b": 2}'),
            {"role": "tool_response", "content": "two", "name": "g"},
            {"role": "tool_response", "content": "one", "name": "f"},
            {"role": "assistant", "content": "the good end"},
        ]
    },
    "reject": {
        "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "the bad end"}]
    },
}


def imported(format: str, data: Any) -> Trajectory:
    return canonical(ForeignTrajectory.model_validate({"format": format, "data": data})).trajectory


def lost(format: str, data: Any) -> tuple[str, ...]:
    return canonical(ForeignTrajectory.model_validate({"format": format, "data": data})).lost


def test_every_format_of_the_schema_has_an_importer() -> None:
    formats = get_args(ForeignTrajectory.model_fields["format"].annotation)
    assert tuple(importer.format for importer in IMPORTERS) == formats


def test_a_canonical_trajectory_passes_unchanged() -> None:
    trajectory = Trajectory.model_validate({"messages": [USER]})
    assert canonical(trajectory).trajectory is trajectory
    assert canonical(trajectory).lost == ()


def test_a_text_is_a_step_an_answer_and_code() -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(AnyTrajectory)
    trajectory = canonical(adapter.validate_python({"text": "def f():\n    return 1\n"})).trajectory
    assert len(read(trajectory).steps) == 1
    assert final_answer(trajectory).startswith("def f")
    code = code_under_test(trajectory)
    assert code is not None
    assert code.source.startswith("def f")


def test_openai_messages_come_as_a_list_or_in_a_request_body() -> None:
    body = {"messages": [USER], "tools": [TOOL], "model": "m", "temperature": 0}
    assert imported("openai", body).messages == imported("openai", [USER]).messages
    assert imported("openai", body).tools == (TOOL,)
    assert lost("openai", body) == ("model", "temperature")


def test_openai_messages_of_the_old_function_form_are_read() -> None:
    old = [
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "ok"},
    ]
    trajectory = imported("openai", {"messages": old, "functions": [TOOL["function"]]})
    assert [call.name for _, call in read(trajectory).calls] == ["f"]
    assert read(trajectory).turns[1].answers == "m0.0"
    assert trajectory.tools == (TOOL,)


def test_dict_arguments_missing_ids_and_unknown_fields_are_taken() -> None:
    message = {
        "role": "assistant",
        "refusal": None,
        "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}],
    }
    transcript = read(imported("openai", [message]))
    assert transcript.calls[0][1].arguments == {"a": 1}
    assert transcript.ignored_fields == 1


def test_tau_bench_carries_no_label() -> None:
    trajectory = imported("tau_bench", TAU)
    assert "SECRET" not in trajectory.model_dump_json()
    assert lost("tau_bench", TAU) == ("info (label side)", "reward (label side)", "task_id", "trial")
    assert read(trajectory).calls[0][1].answered


def test_plan_rewardbench_pairs_become_calls_with_ids() -> None:
    trajectory = imported("plan_rewardbench", {**PLAN, "side": "chosen"})
    transcript = read(trajectory)
    assert [call.name for _, call in transcript.calls] == ["f", "g"]
    assert len(transcript.steps) == 2
    assert [turn.answers for turn in transcript.turns if turn.role == "tool"] == ["m1.1", "m1.0"]
    assert transcript.calls[0][1].arguments == {"a": 1}
    assert trajectory.tools == (TOOL,)


def test_plan_rewardbench_loses_the_same_on_both_sides() -> None:
    sides = [from_plan_rewardbench(PLAN, side) for side in ("chosen", "reject")]
    assert sides[0].lost == sides[1].lost
    assert "uuid" in sides[0].lost
    assert "the good end" not in sides[1].trajectory.model_dump_json()


@pytest.mark.parametrize(
    "content", ["{'name': __import__('os')}", "{" * 5000, "nothing", "[1]", "{'name': 5}", ""]
)
def test_a_call_that_cannot_be_read_is_kept_and_named(content: str) -> None:
    data = {
        "messages": [{"role": "tool_call", "content": content}, {"role": "tool_response", "content": "r"}]
    }
    trajectory = imported("plan_rewardbench", data)
    assert trajectory.messages[0].role == "tool_call"
    assert any("messages.0" in item for item in lost("plan_rewardbench", data))
    assert read(trajectory).calls[0][1].problem


BAD: list[tuple[str, Any, str]] = [
    ("openai", 5, "data"),
    ("openai", {}, "data.messages"),
    ("openai", {"messages": "hi"}, "data.messages"),
    ("openai", {"messages": [5]}, "data.messages.0"),
    ("openai", {"messages": [USER, {"role": "robot"}]}, "data.messages.1.role"),
    ("openai", [USER, {"role": "robot"}], "data.1.role"),
    ("openai", {"messages": [], "tools": [5]}, "data.tools.0"),
    ("openai", {"messages": [], "tools": "all"}, "data.tools"),
    (
        "openai",
        [{"role": "assistant", "tool_calls": [{"function": {}}]}],
        "data.0.tool_calls.0.function.name",
    ),
    ("text", 5, "data"),
    ("text", {"txt": "x"}, "data"),
    ("tau_bench", [], "data"),
    ("tau_bench", {"reward": 1}, "data.traj"),
    ("tau_bench", {"traj": ["x"]}, "data.traj.0"),
    ("tau_bench", {"traj": [{"role": "robot"}]}, "data.traj.0.role"),
    ("plan_rewardbench", PLAN, "data.side"),
    ("plan_rewardbench", {**PLAN, "side": "best"}, "data.side"),
    ("plan_rewardbench", {"side": "chosen"}, "data.chosen"),
    ("plan_rewardbench", {"side": "chosen", "chosen": {}}, "data.chosen.messages"),
    ("plan_rewardbench", {"messages": [], "tools": 5}, "data.tools"),
    ("plan_rewardbench", {"messages": [{"role": "robot"}]}, "data.messages.0.role"),
]


@pytest.mark.parametrize(("format", "data", "field"), BAD)
def test_a_wrong_field_is_named(format: str, data: Any, field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        imported(format, data)
    assert refused.value.field == field
    assert len(refused.value.message) < 300


def test_a_request_of_a_tau_bench_row_has_the_policy_as_its_task() -> None:
    made = request_from("tau_bench", TAU, recipe="verify")
    request = JudgmentRequest.model_validate(made.request)
    assert [message.content for message in request.task.messages] == ["the policy", "book a flight"]
    assert made.labels == {"c1": {"reward": 1.0}}
    assert "SECRET" not in json.dumps(made.request)


def test_a_request_of_a_pair_tells_neither_by_id_nor_by_order_which_is_chosen() -> None:
    made = request_from("plan_rewardbench", PLAN)
    swapped = request_from("plan_rewardbench", {**PLAN, "chosen": PLAN["reject"], "reject": PLAN["chosen"]})
    JudgmentRequest.model_validate(made.request)
    assert made.request == swapped.request
    assert set(made.labels.values()) == {"chosen", "reject"}
    assert made.labels != swapped.labels
    assert not any(word in json.dumps(made.request) for word in ("chosen", "reject", "u-1"))


def test_a_row_without_a_task_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        request_from("tau_bench", {"traj": [{"role": "assistant", "content": "x"}]})
    with pytest.raises(InvalidRequest):
        request_from("openai", [USER])  # type: ignore[arg-type]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "messages",
                    "traj",
                    "tools",
                    "role",
                    "content",
                    "tool_calls",
                    "function",
                    "name",
                    "side",
                    "chosen",
                    "text",
                ]
            ),
            inner | st.sampled_from(["user", "assistant", "tool", "tool_call", "tool_response", "chosen"]),
            max_size=4,
        )
    ),
    max_leaves=10,
)


@given(st.sampled_from([importer.format for importer in IMPORTERS]), anything)
def test_any_data_is_read_or_refused_with_a_field(format: str, data: Any) -> None:
    field = "data"
    try:
        read(imported(format, data))
    except InvalidRequest as refused:
        field = refused.field
    assert field.split(".")[0] == "data"
