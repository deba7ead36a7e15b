"""Resuming with a model that counts its tokens otherwise: what was asked is not asked again, and ends the same."""

from __future__ import annotations

import asyncio

import pytest

from judge_agent.models import ScriptedModel
from judge_agent.seams.model import Choice

pytestmark = pytest.mark.anyio
CANDIDATES = [
    {"id": "a", "trajectory": {"text": "The moon pulls the water."}},
    {"id": "b", "trajectory": {"text": "The sun pulls the water."}},
]


def answer(request):
    """Scores for j1, a ranking for reward-anything, thoughts before it, and whatever a schema asks for."""
    if "score_A" in request.text and request.schema is None:
        return "<score_A>8</score_A><score_B>3</score_B>"
    if request.schema is None:
        return "Hm, let me think. " * 20
    if "best-to-worst" in str(request.schema):
        return {"scores": {"model-1": 4, "model-2": 2}, "best-to-worst": ["model-1", "model-2"]}
    if "choice" in request.schema.get("properties", {}):
        return {"reason": "It is seen in what was said.", "citations": [], "choice": "4"}
    steps = request.schema["required"]
    return {alias: {"reason": "It is seen in it.", "label": "good"} for alias in steps}


class Counting(ScriptedModel):
    """Counts `times` as many tokens as it would, and stops for ever before its call number `at`."""

    def __init__(self, times: float = 1.0, plus: int = 0, at: int | None = None, **more) -> None:
        super().__init__(otherwise=answer, **more)
        self.times, self.plus, self.at, self.stopped = times, plus, at, asyncio.Event()

    async def count_tokens(self, messages):
        return int(await super().count_tokens(messages) * self.times) + self.plus

    async def _received(self, request, room):
        self.requests.append(request)
        return await ScriptedModel.count_tokens(self, request.messages)

    async def complete(self, messages, **settings):
        if len(self.requests) == self.at:
            self.stopped.set()
            await asyncio.Event().wait()
        return await super().complete(messages, **settings)


def essence(judgment):
    return [
        (
            c.status,
            c.reward,
            c.failure_kind,
            [(p.name, p.score, p.failure_kind) for p in c.principles],
            c.steps,
        )
        for c in judgment.candidates
    ]


async def finished_then_resumed(bench, as_request, body, window, **otherwise):
    judge = bench(Counting(context_window=window))
    request = as_request({"candidates": CANDIDATES, **body})
    first = await judge.judging.judge(request, judgment_id="j1", tenant="t", created=0.0)
    other = Counting(context_window=window, **otherwise)
    again = await judge.judge_with(other).judge(
        request, judgment_id="j1", tenant="t", created=0.0, resumed=True
    )
    return first, again, judge.model, other


@pytest.mark.parametrize("otherwise", [{"times": 2.0}, {"times": 0.5}, {"plus": 900}], ids=str)
@pytest.mark.parametrize(
    ("recipe", "window"), [("j1", 3000), ("reward-anything", 3500), ("plan-reward", 2600)]
)
async def test_an_answer_that_got_less_room_is_not_asked_for_again(
    bench, as_request, recipe, window, otherwise
):
    first, again, asked, other = await finished_then_resumed(
        bench, as_request, {"recipe": recipe}, window, **otherwise
    )
    assert asked.requests
    assert other.requests == []
    assert essence(again) == essence(first)


async def test_where_the_window_is_wide_another_count_asks_nothing_again(bench, as_request):
    body = {"recipe": "j1"}
    first, again, _, other = await finished_then_resumed(bench, as_request, body, 32_768, plus=29_000)
    assert other.requests == []
    assert essence(again) == essence(first)


LONG = [{"role": "user", "content": "Explain why there are tides."}]
LONG += [{"role": "assistant", "content": f"Step {n}: " + "the water moves. " * 30} for n in range(12)]


@pytest.mark.parametrize("otherwise", [{"times": 1.6}, {"times": 0.6}], ids=str)
async def test_steps_of_a_long_trajectory_are_shown_in_the_parts_in_which_they_were(
    bench, as_request, otherwise
):
    body = {
        "candidates": [{"id": "a", "trajectory": {"messages": LONG}}],
        "principles": [{"name": "right", "description": "It is right."}],
    }
    first, again, asked, other = await finished_then_resumed(bench, as_request, body, 2200, **otherwise)
    assert any(step.label == "good" for step in first.candidates[0].steps)
    assert len(asked.requests) > 1
    assert other.requests == []
    assert essence(again) == essence(first)


@pytest.mark.parametrize("at", [1, 2, 3])
async def test_what_was_not_asked_yet_is_asked_with_the_room_that_the_model_now_counts(bench, as_request, at):
    model = Counting(context_window=3500, at=at)
    judge = bench(model)
    request = as_request({"candidates": CANDIDATES, "recipe": "reward-anything", "budget": {"samples": 2}})
    running = asyncio.ensure_future(judge.judging.judge(request, judgment_id="j1", tenant="t", created=0.0))
    stopped = asyncio.ensure_future(model.stopped.wait())
    await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    assert not running.done()
    running.cancel()
    other = Counting(context_window=3500, times=1.2)
    await judge.judge_with(other).judge(request, judgment_id="j1", tenant="t", created=0.0, resumed=True)
    asked = [(request.text, request.seed) for request in model.requests]
    assert not {(request.text, request.seed) for request in other.requests} & set(asked)


async def test_a_choice_of_no_room_at_all_stays_input_too_large(bench, as_request):
    model = ScriptedModel(otherwise=Choice("<score_A>8</score_A><score_B>3</score_B>"), context_window=1000)
    judgment = await bench(model).judge(candidates=CANDIDATES, recipe="j1")
    assert {result.failure_kind for result in judgment.candidates} == {"input_too_large"}
