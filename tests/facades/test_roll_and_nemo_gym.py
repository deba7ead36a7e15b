"""What ROLL and NeMo Gym get: scores by polling, and rows that are echoed, measured or masked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.compat.nemo_gym import _FAILURES
from tests.facades.asked import (
    BROKEN,
    LABEL,
    PRINCIPLES,
    QUESTION,
    RIGHT,
    WRONG,
    held_model,
    model,
    was_asked,
)
from tests.service.served import Served, serving

pytestmark = pytest.mark.anyio
# The names that its own vocabulary is tested to know (tests/trainers_nemo_gym).
VOCABULARY = set(
    json.loads((Path(__file__).parents[1] / "trainers_nemo_gym" / "failure_kinds.json").read_text("utf-8"))
)


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving(model=model()) as found:
        yield found


async def submit(served: Served, response: str, info: Any = LABEL, **fields: Any) -> httpx.Response:
    body = {
        "priority": 1,
        "project_id": "p",
        "experiment_id": "e",
        "global_step": 3,
        "data_id": "7",
        "rollout_id": "7_0",
        "prompt": QUESTION,
        "response": response,
        "reward_info": info,
        "reward_manager": [{"plugin_name": "judge"}],
        "timeout": 300,
    }
    return await served.http.post("/compat/roll/submit", json=body | fields)


async def polled(served: Served, reward_request_id: str) -> httpx.Response:
    """Poll as ROLL's client does, a GET with a body, until it says that it is not running any more."""
    for _ in range(200):
        body = {"reward_request_id": reward_request_id}
        answer = await served.http.request("GET", "/compat/roll/poll", json=body)
        if answer.status_code != 200 or answer.json()["errcode"] != 1:
            return answer
        await asyncio.sleep(0.01)
    raise TimeoutError("the judgment did not end")


async def rolled(served: Served, response: str, **fields: Any) -> httpx.Response:
    submitted = (await submit(served, response, **fields)).json()
    assert submitted["errcode"] == 0
    return await polled(served, submitted["reward_request_id"])


async def test_roll_submits_polls_and_reads_score_and_dimensions(served: Served) -> None:
    done = (await rolled(served, RIGHT)).json()
    assert (done["errcode"], done["reward_score"], done["judge_failed"]) == (0, 1.0, 0.0)
    assert list(done["dimention_reward_score"]) == ["correctness", "tool_use"]
    for dimension in done["dimention_reward_score"].values():
        assert dimension["debug_info"]["judge"]["time_cost"] >= 0
    assert done["start_time"] <= done["end_time"]


async def test_roll_is_told_that_it_is_running_and_gets_the_same_id_again() -> None:
    gate = asyncio.Event()
    async with serving(model=held_model(gate)) as served:
        first, again = [(await submit(served, RIGHT)).json() for _ in range(2)]
        assert first == again
        await was_asked(served.model)
        running = await served.http.post(
            "/compat/roll/poll", json={"reward_request_id": first["reward_request_id"]}
        )
        assert (running.json()["errcode"], running.json()["reward_score"]) == (1, None)
        gate.set()
        assert (await polled(served, first["reward_request_id"])).json()["reward_score"] == 1.0


async def test_roll_never_gets_a_score_from_a_failure_alone_and_the_mean_once_there_is_one(
    served: Served,
) -> None:
    failed = (await submit(served, BROKEN)).json()["reward_request_id"]
    assert (await polled(served, failed)).status_code == 503
    right = (await rolled(served, RIGHT, rollout_id="7_1")).json()
    now = (await polled(served, failed)).json()
    assert (now["errcode"], now["reward_score"], now["judge_failed"]) == (0, 1.0, 1.0)
    assert now["dimention_reward_score"].keys() == right["dimention_reward_score"].keys()


@pytest.mark.parametrize("info", [{"ground_truth": "4"}, {"ground_truth": LABEL}, LABEL, {}, None])
async def test_rolls_reward_info_is_a_ground_truth_or_a_label(served: Served, info: Any) -> None:
    assert (await submit(served, RIGHT, info)).status_code == 200


async def test_a_roll_poll_for_what_is_not_there_or_is_no_rollout_is_404(served: Served) -> None:
    other = (
        await served.post({"task": {"prompt": "x"}, "candidates": [{"id": "a", "trajectory": {"text": "y"}}]})
    ).json()
    for name in ("jdg_nothing", other["id"]):
        assert (await polled(served, name)).status_code == 404


def message(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}


def row(*output: dict[str, Any], **fields: Any) -> dict[str, Any]:
    params = {"input": [{"role": "user", "content": QUESTION}], "tools": []}
    given = {"principles": PRINCIPLES, "dimensions": ["correctness", "tool_use"]}
    return (
        {"responses_create_params": params, "response": {"id": "r", "output": list(output)}} | given | fields
    )


async def verify(served: Served, body: Any, **query: Any) -> httpx.Response:
    return await served.http.post("/compat/nemo-gym/verify", json=body, params=query)


async def test_nemo_gym_gets_its_row_back_with_reward_and_components(served: Served) -> None:
    sent = row(message(RIGHT), _ng_task_index=3, dataset="d")
    told = (await verify(served, sent)).json()
    assert {name: told[name] for name in sent} == sent
    assert (told["reward"], told["mask_sample"], told["failure_kind"]) == (1.0, False, None)
    assert told["reward_components"] == {"correctness": 1.0, "tool_use": 0.0}
    assert (told["correctness"], told["tool_use_missing"]) == (1.0, 1.0)
    assert "_ng_failure_class" not in told


def test_every_name_of_a_failure_is_one_that_nemo_gym_is_tested_to_know() -> None:
    assert {*_FAILURES.values(), "judge_failed"} == VOCABULARY


async def test_nemo_gym_masks_what_the_judge_could_not_judge(served: Served) -> None:
    right = (await verify(served, row(message(RIGHT)))).json()
    told = (await verify(served, row(message(BROKEN), instance_config={"a": 1}))).json()
    assert (told["reward"], told["mask_sample"], told["_ng_failure_class"]) == (0.0, True, "judge_failed")
    assert told["failure_kind"] in VOCABULARY
    assert "model_error" in told["failure_reason"]
    assert told["instance_config"] == {"a": 1, "mask_sample": True}
    assert told["reward_components"].keys() == right["reward_components"].keys()
    assert right.keys() <= told.keys()


async def test_nemo_gyms_marks_of_an_earlier_failure_are_gone_once_it_is_judged(served: Served) -> None:
    stale = {
        "mask_sample": True,
        "_ng_failure_class": "judge_failed",
        "instance_config": {"mask_sample": True},
    }
    told = (await verify(served, row(message(RIGHT), **stale))).json()
    assert (told["mask_sample"], told["instance_config"], "_ng_failure_class" in told) == (
        False,
        {"mask_sample": False},
        False,
    )


async def test_on_failure_error_makes_it_an_error_of_the_server(served: Served) -> None:
    assert (await verify(served, row(message(BROKEN)), on_failure="error")).status_code == 503


async def test_nemo_gyms_reasoning_calls_and_results_are_one_trajectory(served: Served) -> None:
    output = [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "SECRET"}]},
        {"type": "function_call", "call_id": "c1", "name": "add", "arguments": '{"a": 2, "b": 2}'},
        {"type": "function_call_output", "call_id": "c1", "output": "the sum is 4"},
        message(RIGHT),
    ]
    told = (await verify(served, row(*output))).json()
    shown = served.model.requests[-1].text
    assert told["reward"] == 1.0
    assert "the sum is 4" in shown
    assert "add" in shown
    assert "SECRET" not in shown


@pytest.mark.parametrize(
    "fields", [{"label": "4"}, {"expected_answer": "4"}, {"verifier_metadata": {"ground_truth": "4"}}]
)
async def test_nemo_gyms_data_sets_keep_what_is_right_in_many_places(served: Served, fields: Any) -> None:
    body = row(message(RIGHT), **fields)
    del body["principles"], body["dimensions"]
    assert (await verify(served, body)).status_code == 200
    assert any("REFERENCE" in request.text for request in served.model.requests)


@pytest.mark.parametrize(
    "fields",
    [
        {"label": "4", "dimensions": ["correctness"]},
        {"expected_answer": "4", "recipe": "default"},
        {"label": "4", "principles": PRINCIPLES},
        {"label": "4", "resources": {}},
        {"verifier_metadata": {"ground_truth": "4"}, "dimensions": ["correctness"]},
        {"ground_truth": "4", "verifier_metadata": {"principles": PRINCIPLES}},
        {"label": {"reference": {"answer": "4"}, "recipe": "default"}, "dimensions": ["correctness"]},
        {"reference": {"answer": "4"}, "label": 3},
    ],
)
async def test_what_says_how_to_judge_a_row_does_not_cost_its_reference(served: Served, fields: Any) -> None:
    body = row(message(RIGHT))
    del body["principles"], body["dimensions"]
    told = await verify(served, body | fields)
    assert told.status_code == 200, told.text
    assert any("REFERENCE" in request.text for request in served.model.requests)
    dimensions = fields.get("dimensions")
    assert dimensions is None or list(told.json()["reward_components"]) == dimensions


async def test_a_field_that_a_row_has_in_its_metadata_is_refused_by_that_name(served: Served) -> None:
    body = row(message(RIGHT), label="4", verifier_metadata={"recipe": "no-such"})
    refused = await verify(served, body)
    assert (refused.status_code, refused.json()["field"]) == (422, "verifier_metadata.recipe")
    body = row(message(RIGHT), ground_truth={"answr": "4"})
    assert (await verify(served, body)).json()["field"] == "ground_truth.answr"


@pytest.mark.parametrize(("before", "after"), [(WRONG, RIGHT), (BROKEN, RIGHT), (RIGHT, BROKEN)])
async def test_a_row_that_is_verified_again_has_the_numbers_of_the_last_verdict(
    served: Served, before: str, after: str
) -> None:
    sent = row(message(before), tool_use=7.0, dataset="d")
    first = (await verify(served, sent)).json()
    again = (await verify(served, first | {"response": {"output": [message(after)]}})).json()
    fresh = (await verify(served, sent | {"response": {"output": [message(after)]}})).json()
    for told in (again, fresh):
        told.pop("judgment_id")
        told.pop("instance_config", None)
    assert again == fresh
    assert (again["correctness"], again["correctness_missing"]) == (
        again["reward_components"]["correctness"],
        float(after == BROKEN),
    )
    assert again["tool_use"] == 7.0
    narrower = (await verify(served, first | {"dimensions": ["tool_use"]}, recipe="default")).json()
    assert "correctness" not in narrower


async def test_an_empty_response_is_judged_as_such(served: Served) -> None:
    told = (await verify(served, row())).json()
    assert (told["reward"], told["mask_sample"]) == (0.0, False)


async def test_sessions_keep_nothing_and_say_so(served: Served) -> None:
    for path in ("seed_session", "close_session"):
        url = f"/compat/nemo-gym/{path}"
        assert (await served.http.post(url, json={})).json() == {}
        sent = {"resources_session_id": "s", "episode_id": "e", "task_id": "t", "task_data": {}}
        assert (await served.http.post(url, json=sent)).json() == {"resources_session_id": "s"}
    assert (await served.http.get("/compat/nemo-gym/reverify_mode")).json() == "stateless"


async def test_masked_rows_are_counted_and_averaged_nowhere(served: Served) -> None:
    rows = [
        (await verify(served, row(message(text), _ng_task_index=0))).json() for text in (RIGHT, WRONG, BROKEN)
    ]
    rows = [one | {"_ng_rollout_index": index} for index, one in enumerate(rows)]
    told = (
        await served.http.post("/compat/nemo-gym/aggregate_metrics", json={"verify_responses": rows})
    ).json()
    assert told["key_metrics"]["mean/reward"] == 0.5
    assert told["agent_metrics"]["coverage/masked_rollouts"] == 1
    assert told["group_level_metrics"][0]["_ng_task_index"] == 0
    assert not [name for name in told["agent_metrics"] if "mask_sample" in name]


async def test_only_masked_rows_have_no_mean_at_all(served: Served) -> None:
    body = {"verify_responses": [{"reward": 0.0, "mask_sample": True}]}
    told = (await served.http.post("/compat/nemo-gym/aggregate_metrics", json=body)).json()
    assert "mean/reward" not in told["agent_metrics"]
    empty = await served.http.post("/compat/nemo-gym/aggregate_metrics", json={"verify_responses": []})
    assert empty.json()["agent_metrics"] == {}


async def test_responses_are_compared_and_rewarded_in_their_order(served: Served) -> None:
    texts = [WRONG, RIGHT, WRONG + " Surely."]
    body = {
        "conversation_history": [{"role": "user", "content": QUESTION}],
        "response_objs": [{"output": [message(text)]} for text in texts],
        "principle": "Right is better.",
    }
    params = {"recipe": "reward-anything"}
    told = (await served.http.post("/compat/nemo-gym/compare", json=body, params=params)).json()
    assert len(told["rewards"]) == 3
    assert max(told["rewards"]) == told["rewards"][1]
    body["response_objs"].append({"output": [message(BROKEN)]})
    failed = await served.http.post("/compat/nemo-gym/compare", json=body, params=params)
    assert (failed.status_code, failed.json()["code"]) == (503, "judge_failed")


async def test_numbers_without_bounds_break_neither_rows_nor_metrics(served: Served) -> None:
    huge = 10**400
    told = await verify(served, row(message(RIGHT), cost=huge))
    assert (told.status_code, told.json()["cost"]) == (200, huge)
    rows = [
        {"reward": 1.0, "cost": huge, "_ng_task_index": huge},
        {"reward": 0.0, "cost": 1e99, "_ng_task_index": [1]},
    ]
    answer = await served.http.post("/compat/nemo-gym/aggregate_metrics", json={"verify_responses": rows})
    assert answer.json()["key_metrics"]["mean/reward"] == 0.5
