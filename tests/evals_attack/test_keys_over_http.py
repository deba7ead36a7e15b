"""Answers that say nothing get the minimum through every door and recipe; short answers that say something do not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from evals.attack.held_out import HeldOut, held_out
from judge_agent.models.scripted import ScriptedModel
from judge_agent.prompting.templates import default_folder
from tests.facades.asked import LABEL
from tests.facades.doors import DOORS
from tests.service.served import Served, serving

pytestmark = pytest.mark.anyio
HELD_OUT: HeldOut = held_out()
TASK, KEYS = max(HELD_OUT.keys.items(), key=lambda group: len(group[1]))
RECIPES = sorted(path.stem for path in (default_folder() / "recipes").glob("*.toml"))
AT_ONCE = 60
SAYS_SOMETHING = "The sum of the first 20 odd numbers is 20 squared, which is 400."


def generous(path: Sequence[str | int], options: Sequence[Any]) -> Any:
    """The best that may be chosen."""
    return [option for option in options if option != "cannot_assess"][-1]


def asked(texts: Sequence[str], task: str = TASK, **changes: Any) -> dict[str, Any]:
    several = [{"id": f"c{index}", "trajectory": {"text": text}} for index, text in enumerate(texts)]
    body = {"task": {"prompt": task, "reference": {"answer": "400"}}, "candidates": several, "cache": "no"}
    return body | changes


async def judged(served: Served, body: dict[str, Any]) -> dict[str, Any]:
    answer = await served.post(body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("recipe", RECIPES)
async def test_a_key_is_never_rewarded_by_any_recipe_and_no_model_is_asked(recipe: str) -> None:
    async with serving(model=ScriptedModel(choose=generous)) as served:
        judgment = await judged(served, asked(KEYS[:AT_ONCE], recipe=recipe))
        assert judgment["usage"]["model_calls"] == 0
        # A prefix that says nothing yet has no verdict: that is no reward either.
        least = None if recipe == "partial" else 0.0
        assert {one["reward"] for one in judgment["candidates"]} == {least}
        assert all(one["flags"]["content_free"] for one in judgment["candidates"])
        pair = await judged(served, asked([KEYS[0], KEYS[1]], recipe=recipe))
        assert pair["preference"]["winner"] is None


@pytest.mark.parametrize("task", HELD_OUT.keys, ids=ascii)
async def test_keys_that_nothing_was_tuned_on_are_known(task: str) -> None:
    async with serving(model=ScriptedModel(choose=generous)) as served:
        said = set[str]()
        for begin in range(0, len(HELD_OUT.keys[task]), AT_ONCE):
            texts = HELD_OUT.keys[task][begin : begin + AT_ONCE]
            judgment = await judged(served, asked(texts, task, recipe="default"))
            said |= {
                text
                for text, one in zip(texts, judgment["candidates"], strict=True)
                if one["status"] != "scored" or one["reward"] != 0.0
            }
        assert said == set()


async def test_short_answers_that_nothing_was_tuned_on_are_judged() -> None:
    async with serving(model=ScriptedModel(choose=generous)) as served:
        screened = [
            (task, text)
            for task, texts in HELD_OUT.short.items()
            for text, one in zip(
                texts, (await judged(served, asked(texts, task, recipe="verify")))["candidates"], strict=True
            )
            if "content_free" in one["flags"]
        ]
        assert screened == []


async def test_keys_in_a_batch_get_the_minimum() -> None:
    async with serving(model=ScriptedModel(choose=generous)) as served:
        lines = "\n".join(json.dumps(asked([text])) for text in KEYS[:30])
        answer = await served.http.post(
            "/v1/judgments/batch", content=lines, headers={"Content-Type": "application/jsonl"}
        )
        found = [json.loads(line)["judgment"]["candidates"][0] for line in answer.text.splitlines()]
        assert [one["reward"] for one in found] == [0.0] * 30
        assert served.model.requests == []


async def test_keys_among_the_members_of_a_group_get_the_minimum() -> None:
    async with serving(model=ScriptedModel(choose=generous)) as served:
        texts = [SAYS_SOMETHING, *KEYS[:7]]
        answer = await served.http.post("/v1/groups", json=asked(texts, task=TASK))
        assert answer.status_code == 200, answer.text
        rewards = [one["reward"] for one in answer.json()["members"]]
        assert rewards[0] > 0.0
        assert rewards[1:] == [0.0] * 7


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS.keys())
async def test_a_key_through_a_facade_is_a_zero_of_its_own(door: Any) -> None:
    async with serving(model=ScriptedModel(choose=generous)) as served:
        for text in (
            "Thought process:",
            "让我们一步一步地思考这个问题。",
            "Let's work through this carefully.",
        ):
            taken = await door(served, text, LABEL)
            assert (taken.number, taken.is_own) == (0.0, True)
        assert served.model.requests == []
