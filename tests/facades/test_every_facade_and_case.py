"""What each facade that judges single rollouts does in each case; those that compare have files of their own."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator

import pytest

from judge_agent.errors import ModelError
from judge_agent.models.scripted import Answer, ScriptedModel, ScriptedRequest
from tests.facades.asked import BROKEN, LABEL, RIGHT, WRONG, grade, held_model, model, was_asked
from tests.facades.doors import DOORS, Door
from tests.service.served import Served, serving

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("door", DOORS.values(), ids=DOORS.keys())]
FAILURES: dict[str, Answer] = {
    "500": ModelError("model_error", "the model server answered 500"),
    "429": ModelError("model_error", "the model server answered 429"),
    "time-out": ModelError("model_timeout", "the model took longer than its time"),
    "refused": ModelError("model_unreachable", "nobody listens"),
    "half a JSON": '{"verdicts": [{"choi',
    "no words": "",
    "NaN": '{"score": NaN}',
}
# What feeds tool_use cannot be judged; it weighs too little for that to cost the reward.
PARTIAL = {
    **LABEL,
    "principles": [
        {**LABEL["principles"][0], "kind": "soft", "weight": 9.0},
        {
            "name": "odd",
            "description": "BROKEN by design.",
            "dimension": "tool_use",
            "kind": "soft",
            "weight": 1.0,
        },
    ],
}


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving(model=model()) as found:
        yield found


def failing(answer: Answer) -> ScriptedModel:
    """Fail in one way on what is BROKEN, and grade the rest."""

    def otherwise(request: ScriptedRequest) -> Answer:
        return answer if BROKEN in request.text else grade(request)

    return ScriptedModel(otherwise=otherwise)


async def test_a_rollout_is_worth_what_the_judge_says(door: Door, served: Served) -> None:
    right, wrong = await door(served, RIGHT), await door(served, WRONG)
    assert (right[:3], wrong[:3]) == ((200, 1.0, True), (200, 0.0, True))
    assert right.keys == wrong.keys


@pytest.mark.parametrize("way", FAILURES)
async def test_a_judge_that_fails_in_any_way_gives_no_number_of_its_own(door: Door, way: str) -> None:
    async with serving(model=failing(FAILURES[way])) as served:
        alone = await door(served, BROKEN)
        assert alone.number is None
        assert (alone.status, alone.problem.get("code")) in ((200, None), (503, "judge_failed"))
        right, wrong = await door(served, RIGHT), await door(served, WRONG)
        among = await door(served, f"{BROKEN} Again.")
        assert (among.number, among.is_own) in ((0.5, False), (None, False))
        assert among.keys == right.keys == wrong.keys


async def test_a_dimension_that_was_not_judged_is_no_nought(door: Door) -> None:
    def otherwise(request: ScriptedRequest) -> Answer:
        return ModelError("model_error", "500") if "BROKEN by design" in request.text else grade(request)

    async with serving(model=ScriptedModel(otherwise=otherwise)) as served:
        found = await door(served, RIGHT, PARTIAL)
        whole = await door(served, RIGHT)
    assert (found.number, found.is_own, found.keys - {"principles"}) == (
        1.0,
        True,
        whole.keys - {"principles"},
    )
    assert found.tool_use in (1.0, None)


async def test_equal_rollouts_cost_one_judgment_and_have_equal_rewards(door: Door) -> None:
    gate = asyncio.Event()
    async with serving(model=held_model(gate)) as served:
        posts = [asyncio.create_task(door(served, RIGHT)) for _ in range(8)]
        await was_asked(served.model)
        gate.set()
        found = [await post for post in posts]
        calls = len(served.model.requests)
        assert {one.number for one in found} == {1.0}
        assert (await door(served, RIGHT)).number == 1.0
        assert len(served.model.requests) == calls


async def test_a_group_that_is_posted_at_one_time_keeps_its_order(door: Door, served: Served) -> None:
    texts = [f"{RIGHT if place % 3 else WRONG} ({place})" for place in range(12)]
    found = await asyncio.gather(*(door(served, text) for text in texts))
    assert [one.number for one in found] == [1.0 if place % 3 else 0.0 for place in range(12)]


@pytest.mark.parametrize("text", ["", "   ", "\n"])
async def test_an_empty_completion_is_judged_as_such(door: Door, served: Served, text: str) -> None:
    found = await door(served, text)
    assert (found.number, found.is_own) == (0.0, True)
    assert not served.model.requests


async def test_a_megabyte_is_judged_or_refused_and_never_a_number_of_nobody(
    door: Door, served: Served
) -> None:
    async with asyncio.timeout(30):
        found = await door(served, f"{RIGHT} " + "word " * 200_000)
    assert found.status in (200, 422, 503)
    assert found.number in (1.0, None)


@pytest.mark.parametrize("text", ["\ud800 It is 4.", "\x00 It is 4.", "It is 4.\u2028\u202e</s>"])
async def test_any_text_is_judged_or_refused_by_name(door: Door, served: Served, text: str) -> None:
    found = await door(served, text)
    assert found.status in (200, 400, 422)
    assert found.number in (1.0, None)


async def test_a_judgment_that_takes_too_long_has_no_number_and_is_told_in_time(door: Door) -> None:
    gate = asyncio.Event()
    async with serving(model=held_model(gate)) as served, asyncio.timeout(10):
        found = await door(served, RIGHT, seconds=0.2)
        assert found.number is None
        assert found.status in (200, 503)
        gate.set()


async def test_a_full_service_says_when_to_come_back(door: Door) -> None:
    gate = asyncio.Event()
    async with serving(model=held_model(gate), max_running=1, max_queued=0) as served:
        first = asyncio.create_task(door(served, RIGHT))
        await was_asked(served.model)
        full = await door(served, WRONG)
        assert (full.status, full.number) == (429, None)
        gate.set()
        assert (await first).number == 1.0


async def test_an_error_that_the_url_asks_for_is_503(door: Door, served: Served) -> None:
    await door(served, RIGHT)
    failed = await door(served, BROKEN, on_failure="error")
    assert (failed.status, failed.number) == (503, None)


async def test_numbers_are_finite(door: Door, served: Served) -> None:
    await door(served, RIGHT)
    for text in (RIGHT, WRONG, BROKEN):
        number = (await door(served, text)).number
        assert number is None or math.isfinite(number)
