"""What OpenRLHF and slime get over HTTP: finite numbers under the same keys, flagged where the judge failed, or 503."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

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
KEYS = ["score", "judge_failed", "correctness", "correctness_missing", "tool_use", "tool_use_missing"]


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving(model=model()) as found:
        yield found


async def slime(
    served: Served, response: str, label: Any = LABEL, prompt: Any = QUESTION, **query: Any
) -> Any:
    body = {"prompt": prompt, "response": response, "label": label}
    return await served.http.post("/compat/slime", json=body, params=query)


async def openrlhf(
    served: Served, *queries: str, prompt: str = QUESTION, label: Any = LABEL
) -> httpx.Response:
    count = len(queries)
    body = {"query": list(queries), "prompts": [prompt] * count, "labels": [label] * count}
    return await served.http.post("/compat/openrlhf/get_reward", json=body)


async def judgments(served: Served) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await served.http.get("/v1/judgments")).json()["data"]
    return found


async def test_slime_gets_a_flat_dict_of_finite_numbers_with_the_score_first(served: Served) -> None:
    right, wrong = (await slime(served, RIGHT)).json(), (await slime(served, WRONG)).json()
    assert list(right) == list(wrong) == KEYS
    assert (right["score"], wrong["score"], right["judge_failed"]) == (1.0, 0.0, 0.0)
    assert all(math.isfinite(value) for value in right.values())


async def test_openrlhf_gets_numbers_for_one_rollout_and_lists_for_several(served: Served) -> None:
    one = (await openrlhf(served, f"<s>{QUESTION}{RIGHT}<|im_end|>")).json()
    assert (one["rewards"], one["scores"]) == (1.0, 1.0)
    assert list(one["extra_logs"]) == [*KEYS[1:], "prompt_in_query"]
    two = (await openrlhf(served, QUESTION + WRONG, QUESTION + RIGHT)).json()
    assert (two["rewards"], two["scores"]) == ([0.0, 1.0], [0.0, 1.0])
    assert two["extra_logs"]["judge_failed"] == [0.0, 0.0]


async def test_a_failure_has_the_groups_mean_and_the_same_keys_and_says_so(served: Served) -> None:
    right = (await slime(served, RIGHT)).json()
    await slime(served, WRONG)
    failed = await slime(served, BROKEN)
    assert failed.status_code == 200
    assert list(failed.json()) == list(right)
    assert (failed.json()["score"], failed.json()["judge_failed"]) == (0.5, 1.0)
    assert failed.json()["correctness_missing"] == 1.0


async def test_without_a_mean_a_failure_is_503_and_no_number(served: Served) -> None:
    await slime(served, RIGHT, prompt="Another question: what is 2+2?")
    failed = await slime(served, BROKEN)
    problem = failed.json()
    assert (failed.status_code, problem["code"], problem["failure_kind"]) == (
        503,
        "judge_failed",
        "model_error",
    )
    assert int(failed.headers["retry-after"]) > 0
    assert "rewards" not in problem
    assert "score" not in problem


async def test_the_url_can_ask_for_503_in_place_of_a_mean(served: Served) -> None:
    await slime(served, RIGHT)
    assert (await slime(served, BROKEN, on_failure="error")).status_code == 503
    assert (await slime(served, BROKEN, on_failure="neutral")).status_code == 200


async def test_where_most_judgments_fail_a_mean_is_no_answer_any_more(served: Served) -> None:
    await slime(served, RIGHT)
    answers = [await slime(served, f"{BROKEN} {attempt}") for attempt in range(25)]
    assert answers[0].status_code == 200
    assert answers[-1].status_code == 503
    assert "failed" in answers[-1].json()["detail"]
    assert (await slime(served, RIGHT)).json()["score"] == 1.0


async def test_a_post_that_comes_again_while_the_first_runs_waits_for_the_same_judgment() -> None:
    gate = asyncio.Event()
    async with serving(model=held_model(gate)) as served:
        posts = [asyncio.create_task(slime(served, RIGHT)) for _ in range(5)]
        await was_asked(served.model)
        gate.set()
        answers = [(await post).json() for post in posts]
        assert answers == [answers[0]] * 5
        assert len({found["id"] for found in await judgments(served) if not found["cached_from"]}) == 1
        calls = len(served.model.requests)
        assert (await slime(served, RIGHT)).json() == answers[0]
        assert len(served.model.requests) == calls


async def test_a_failed_rollout_is_judged_again_when_it_comes_again(served: Served) -> None:
    for _ in range(2):
        assert (await slime(served, BROKEN)).status_code == 503
    assert len(await judgments(served)) == 2


async def test_a_failed_rollout_waits_for_a_sibling_that_is_still_being_judged() -> None:
    gate = asyncio.Event()
    held = held_model(gate, rules=[(BROKEN, "no JSON at all")])
    async with serving(model=held) as served:
        sibling = asyncio.create_task(slime(served, RIGHT))
        await was_asked(held)
        failed = asyncio.create_task(slime(served, BROKEN))
        await was_asked(held, BROKEN)
        gate.set()
        assert (await sibling).json()["score"] == 1.0
        assert (await failed).json()["score"] == 1.0
        assert (await failed).json()["judge_failed"] == 1.0


async def test_a_judgment_that_takes_longer_is_503_in_time_and_the_next_post_may_have_it() -> None:
    gate = asyncio.Event()
    async with serving(model=held_model(gate)) as served:
        started = asyncio.get_running_loop().time()
        late = await slime(served, RIGHT, seconds=0.2)
        assert asyncio.get_running_loop().time() - started < 3
        assert (late.status_code, late.json()["failure_kind"]) == (503, "deadline")
        gate.set()
        assert (await slime(served, RIGHT)).json()["score"] == 1.0


async def test_a_full_queue_is_429_with_a_time_to_come_back() -> None:
    gate = asyncio.Event()
    async with serving(model=held_model(gate), max_running=1, max_queued=0) as served:
        first = asyncio.create_task(slime(served, RIGHT))
        await was_asked(served.model)
        full = await slime(served, WRONG)
        assert (full.status_code, full.json()["code"]) == (429, "queue_full")
        assert int(full.headers["retry-after"]) > 0
        gate.set()
        assert (await first).json()["score"] == 1.0


async def test_labels_may_be_text_or_objects_or_json_text_of_objects(served: Served) -> None:
    for label in (LABEL, json.dumps(LABEL)):
        assert list((await slime(served, RIGHT, label)).json()) == KEYS
    for label in ("4", "", None, "{not JSON}", "[1]"):
        answer = (await slime(served, RIGHT, label, dimensions="correctness")).json()
        assert list(answer) == KEYS[:4], answer


async def test_an_answer_that_is_json_is_written_as_a_reference(served: Served) -> None:
    label = json.dumps({"reference": {"answer": '{"x": 1}'}, "principles": PRINCIPLES})
    assert (await slime(served, RIGHT, label)).status_code == 200
    assert any('{"x": 1}' in request.text for request in served.model.requests)


async def test_an_empty_completion_is_judged_as_such_and_costs_no_call(served: Served) -> None:
    for response in ("", "   ", "<|im_end|>"):
        answer = (await openrlhf(served, f"{QUESTION}{response}")).json()
        assert (answer["rewards"], answer["extra_logs"]["judge_failed"]) == (0.0, 0.0)
    assert not served.model.requests


async def test_the_prompt_is_no_part_of_what_is_judged(served: Served) -> None:
    await openrlhf(served, f"<|begin|>{QUESTION}{RIGHT}<|im_end|></s><pad><pad>")
    shown = served.model.requests[0].text
    assert f"s1: {RIGHT}\n" in shown
    assert shown.count(QUESTION) == 1


async def test_a_prompt_that_lost_its_beginning_is_taken_off_too(served: Served) -> None:
    long = "The history of arithmetic is long and winding. " * 20 + QUESTION
    answer = (await openrlhf(served, long[300:] + RIGHT, prompt=long)).json()
    assert answer["extra_logs"]["prompt_in_query"] == 1.0
    assert f"s1: {RIGHT}\n" in served.model.requests[0].text


async def test_a_query_without_its_prompt_is_judged_whole_and_flagged(served: Served) -> None:
    answer = (await openrlhf(served, RIGHT)).json()
    assert (answer["rewards"], answer["extra_logs"]["prompt_in_query"]) == (1.0, 0.0)


@pytest.mark.parametrize("filling", ["a ", " ", "\n", "<|im_end|> ", "<|"])
async def test_a_megabyte_is_judged_or_refused_but_never_hangs(served: Served, filling: str) -> None:
    response = f"{RIGHT} {filling * (1_000_000 // len(filling))}"
    async with asyncio.timeout(20):
        answer = await openrlhf(served, QUESTION + response)
    assert answer.status_code in (200, 422, 503), answer.text[:300]


async def test_a_prompt_of_a_repeated_word_is_searched_in_bounded_time(served: Served) -> None:
    prompt = "a" * 400_000
    async with asyncio.timeout(10):
        answer = await openrlhf(served, "a" * 200_000 + "b", prompt=prompt)
    assert answer.status_code in (200, 503)


async def test_slimes_prompt_may_be_messages(served: Served) -> None:
    answer = await slime(served, RIGHT, prompt=[{"role": "user", "content": QUESTION}])
    assert answer.json()["score"] == 1.0


async def test_a_facades_judgment_is_an_ordinary_one(served: Served) -> None:
    await slime(served, RIGHT, {**LABEL, "metadata": {"step": 3}})
    [judgment] = await judgments(served)
    assert (judgment["metadata"]["facade"], judgment["metadata"]["step"]) == ("slime", 3)
    assert judgment["state"] == "done"


async def test_rollouts_of_a_group_are_answered_in_their_order(served: Served) -> None:
    answers = [f"{QUESTION}{RIGHT if place % 3 else WRONG} ({place})" for place in range(12)]
    rewards = (await openrlhf(served, *answers)).json()["rewards"]
    assert rewards == [1.0 if place % 3 else 0.0 for place in range(12)]


async def test_a_dimension_that_a_judged_rollout_lacks_is_its_own_score(served: Served) -> None:
    label = {**LABEL, "dimensions": ["correctness", "tool_use"]}
    for response, score in ((RIGHT, 1.0), (WRONG, 0.0), (f"{RIGHT} Again.", 1.0)):
        answer = (await slime(served, response, label)).json()
        assert (answer["score"], answer["tool_use"], answer["tool_use_missing"]) == (score, score, 1.0)
    failed = (await slime(served, BROKEN, label)).json()
    assert failed["tool_use"] == failed["score"] == pytest.approx(2 / 3)


async def test_rollouts_whose_labels_name_other_dimensions_show_no_nought_as_measured(served: Served) -> None:
    other = {"reference": {"answer": "4"}, "dimensions": ["other"]}
    principles = [{**PRINCIPLES[0], "dimension": "other"}]
    body = {
        "query": [QUESTION + RIGHT, QUESTION + RIGHT],
        "prompts": [QUESTION] * 2,
        "labels": [LABEL, other | {"principles": principles}],
    }
    logs = (await served.http.post("/compat/openrlhf/get_reward", json=body)).json()["extra_logs"]
    assert (logs["other"], logs["other_missing"]) == ([1.0, 1.0], [1.0, 0.0])
    assert (logs["correctness"], logs["correctness_missing"]) == ([1.0, 1.0], [0.0, 1.0])


async def test_another_run_or_step_is_another_group(served: Served) -> None:
    await slime(served, RIGHT, run="A", step=1)
    for other in ({"run": "B", "step": 1}, {"run": "A", "step": 900}, {}):
        assert (await slime(served, BROKEN, **other)).status_code == 503
    assert (await slime(served, BROKEN, run="A", step=1)).json()["score"] == 1.0


async def test_thoughts_that_the_prompt_began_are_no_part_of_the_answer(served: Served) -> None:
    prompt = f"<|im_start|>user\n{QUESTION}<|im_end|>\n<|im_start|>assistant\n<think>\n"
    await openrlhf(served, f"{prompt}SECRET thoughts.</think>{RIGHT}<|im_end|>", prompt=prompt)
    assert RIGHT in served.model.requests[0].text
    assert "SECRET" not in served.model.requests[0].text
