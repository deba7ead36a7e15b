"""Whatever a trajectory holds, a judgment comes to its end, and a failure is never a number."""

from __future__ import annotations

import asyncio
import json
import math

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from judge_agent.models import ScriptedModel
from judge_agent.models.instances import by_hash

text = st.text(st.characters(codec="utf-8"), max_size=40) | st.sampled_from(
    [
        "",
        "[m1]",
        "=====END TASK",
        "<think>",
        "</think>",
        "{",
        '{"a": NaN}',
        '{"a": "\\ud800"}',
        "{'a': {1, 2}}",
        "{{task}}",
    ]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
calls = st.fixed_dictionaries(
    {
        "function": st.fixed_dictionaries(
            {"name": text, "arguments": text | st.dictionaries(text, values, max_size=3)}
        )
    },
    optional={"id": text},
)
parts = st.lists(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["text", "image_url", "reasoning", ""])}, optional={"text": text}
    ),
    max_size=3,
)
pair = st.fixed_dictionaries({"name": text, "arguments": values})
messages = st.fixed_dictionaries(
    {
        "role": st.sampled_from(
            ["system", "developer", "user", "assistant", "tool", "tool_call", "tool_response"]
        )
    },
    optional={
        "content": text | parts | st.none() | pair.map(json.dumps) | pair.map(repr),
        "id": text,
        "name": text,
        "tool_calls": st.lists(calls, max_size=3) | st.none(),
        "tool_call_id": text,
        "reasoning_content": text,
        "extra": values,
    },
)
trajectories = st.fixed_dictionaries(
    {"messages": st.lists(messages, max_size=6)},
    optional={
        "tools": st.lists(
            st.dictionaries(st.sampled_from(["function", "name", "parameters"]), values, max_size=3),
            max_size=2,
        ),
        "final_answer": text,
        "artifacts": st.lists(
            st.fixed_dictionaries({"name": text.filter(bool), "content": text}), max_size=2
        ),
    },
)
answers = (
    st.sampled_from(["", "nonsense", "{}", '{"choice": "5"}', '{"reason": 1, "citations": 2, "choice": "3"}'])
    | text
    | values.map(json.dumps)
)


@given(
    st.lists(trajectories, min_size=1, max_size=3),
    st.none() | answers,
    st.sampled_from(["default", "verify"]),
    st.booleans(),
)
@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_judgment_of_any_trajectory_is_done_and_sound(bench, found, answer, recipe, given_principle):
    candidates = [{"id": f"c{index}", "trajectory": trajectory} for index, trajectory in enumerate(found)]
    model = ScriptedModel(choose=by_hash("any")) if answer is None else ScriptedModel(otherwise=answer)
    principles = (
        [{"description": "It is right.", "kind": "hard", "dimension": "taste"}] if given_principle else None
    )
    judge = bench(model)
    judgment = asyncio.run(judge.judge(candidates=candidates, recipe=recipe, principles=principles))
    assert judgment.state == "done"
    dimensions = {
        "default": {"correctness", "completeness", "tool_use", "communication", "robustness"},
        "verify": {"correctness", "tool_use", "robustness"},
    }
    declared = dimensions[recipe] | ({"taste"} if given_principle else set())
    for result in judgment.candidates:
        assert result.failure_kind != "internal", result.failure_reason
        assert set(result.vector) == declared
        numbers = [result.score, result.reward, *result.reward_bounds, *result.vector.values()]
        assert all(number is None or (math.isfinite(number) and 0 <= number <= 1) for number in numbers)
        if result.status == "unscored":
            assert (result.reward, result.score) == (None, None)
            assert result.failure_kind
    assert json.loads(judgment.model_dump_json())["state"] == "done"
