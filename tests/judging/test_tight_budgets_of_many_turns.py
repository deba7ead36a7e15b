"""What a tight budget leaves out follows the plan, where a sample takes several calls, retries or many comparisons."""

from __future__ import annotations

import asyncio
import hashlib
import json
import tomllib
from pathlib import Path

import pytest

from judge_agent.models import ScriptedModel
from judge_agent.models.scripted import by_schema, of_tokens
from judge_agent.seams.model import Choice

pytestmark = pytest.mark.anyio
CASES = tomllib.loads((Path(__file__).parent / "data" / "tight_budgets.toml").read_text())["case"]
by_default = by_schema()


def number(*of) -> int:
    return int(hashlib.sha256(repr(of).encode()).hexdigest(), 16)


def answer(request):
    """An answer of any length that follows from the prompt and the seed alone; a ninth of them cannot be read."""
    drawn = number(request.seed, request.text, request.sample)
    schema = json.dumps(request.schema or {})
    if request.logprobs:
        share = (drawn % 98 + 1) / 100
        return of_tokens({"Yes": share, "No": 1 - share})
    if drawn % 9 == 0:
        return "This cannot be read. " * (drawn % 31)
    drawn //= 9
    said = "It is so for a reason. " * (drawn % 40)
    if '"winner"' in schema:
        return json.dumps({"reasoning": f"because {said}", "winner": "AB"[drawn % 2]})
    if '"choice"' in schema:
        choices = request.schema["properties"]["choice"]["enum"]
        return {
            "reason": f"I looked at it closely. {said}",
            "citations": [],
            "choice": choices[drawn % len(choices)],
        }
    if "<type>" in request.text:
        return f"{said}<type>{'Reasoning' if drawn % 2 else 'Chat'}</type>"
    if "<solution>" in request.text:
        return f"<solution>{said}s</solution><eval>e</eval><answer>[[{'AB'[drawn % 2]}]]</answer>"
    if "<rubric>" in request.text:
        rubric = "<rubric>a 100% <justify>j</justify></rubric>"
        return f"{rubric}<eval>{said}e</eval><answer>[[{'AB'[drawn % 2]}]]</answer>"
    if "<score>" in request.text:
        return f"Work: {said}\n<score>{(drawn % 21 - 10) / 10}</score>"
    if "because" in request.text or not schema or schema == "{}":
        return f"because {said}"
    return by_default(request)


class Paced(ScriptedModel):
    """Each call is answered after another number of turns of the loop; `counting` makes counting take turns, too."""

    def __init__(self, salt: int, stop_at: int | None = None) -> None:
        super().__init__(otherwise=answer)
        self._salt, self._stop_at, self._made = salt, stop_at, 0
        self.stopped = asyncio.Event()

    async def count_tokens(self, messages):
        await self._pause(messages)
        return await super().count_tokens(messages)

    async def complete(self, messages, **settings):
        made, self._made = self._made, self._made + 1
        await self._pause(messages, settings["seed"])
        if made == self._stop_at:
            self.stopped.set()
            await asyncio.Event().wait()
        return await super().complete(messages, **settings)

    async def _pause(self, messages, seed=0):
        for _ in range(number(self._salt, messages[-1].content, seed) % 9):
            await asyncio.sleep(0)


def body_of(case, tokens):
    candidates = [
        {"id": f"k{index}", "trajectory": {"text": f"An answer of quality {index}. " * (index + 1)}}
        for index in range(case["candidates"])
    ]
    rules = [
        {"name": f"p{index}", "description": f"It is good by measure {index}.", "scale": "1-5"}
        for index in range(case["principles"])
    ]
    return {
        "recipe": case["recipe"],
        "candidates": candidates,
        "seed": 7,
        "granularity": ["outcome"],
        "budget": {"samples": case["samples"], "model_tokens": tokens},
        **({"principles": rules} if rules else {}),
    }


def told(judgment):
    """All that a trainer reads, and how many calls it took."""
    return (
        [
            (
                result.status,
                result.reward,
                result.failure_kind,
                [
                    (p.name, p.score, p.choice, [sample.failure_kind for sample in p.samples])
                    for p in result.principles
                ],
            )
            for result in judgment.candidates
        ],
        judgment.ranking,
        judgment.usage.model_calls,
    )


@pytest.mark.parametrize("tokens", range(3))
@pytest.mark.parametrize("case", CASES, ids=[f"{case['recipe']}-{case['samples']}" for case in CASES])
async def test_the_speed_of_the_model_does_not_decide_what_a_tight_budget_is_enough_for(bench, case, tokens):
    body = body_of(case, case["tokens"][tokens])
    found = [told(await bench(Paced(salt)).judge(**body)) for salt in range(4)]
    assert found[1:] == found[:-1]


@pytest.mark.parametrize("case", CASES, ids=[f"{case['recipe']}-{case['samples']}" for case in CASES])
async def test_a_judgment_of_many_turns_that_is_stopped_ends_as_its_twin(bench, as_request, case):
    request = as_request(body_of(case, case["tokens"][1]))
    twin = await bench(Paced(1)).judging.judge(request, judgment_id="j1", tenant="t", created=0.0)
    for at in range(0, twin.usage.model_calls, max(1, twin.usage.model_calls // 4)):
        model = Paced(1, stop_at=at)
        judge = bench(model)
        running = asyncio.ensure_future(
            judge.judging.judge(request, judgment_id="j1", tenant="t", created=0.0)
        )
        await model.stopped.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        resumed = await judge.judge_with(Paced(2)).judge(
            request, judgment_id="j1", tenant="t", created=0.0, resumed=True
        )
        assert told(resumed) == told(twin), f"stopped at call {at}"


async def test_a_wide_budget_holds_up_nobody(bench):
    """All first calls of twelve principles are on their way before the first one is answered."""
    release, seen = asyncio.Event(), []

    class Waiting(ScriptedModel):
        async def complete(self, messages, **settings):
            seen.append(messages)
            if len(seen) == 12:
                release.set()
            await release.wait()
            return await super().complete(messages, **settings)

    rules = [{"name": f"p{n}", "description": f"It is good by measure {n}."} for n in range(12)]
    result = await bench(Waiting()).one(
        text="It is 42. " * 400, principles=rules, granularity=["outcome"], budget={"seconds": 20}
    )
    assert result.status == "scored"


async def test_what_comes_first_in_the_plan_is_paid_with_its_second_try_before_what_comes_after(bench):
    def unreadable_once(request):
        if "measure 0" in request.text and "could not be used" not in request.text:
            return Choice("no verdict here")
        return {"reason": "I looked at it closely, in all of its parts.", "citations": [], "choice": "4"}

    rules = [
        {"name": f"p{n}", "description": f"It is good by measure {n}.", "scale": "1-5"} for n in range(6)
    ]
    result = await bench(ScriptedModel(otherwise=unreadable_once)).one(
        text="It is 42.", principles=rules, granularity=["outcome"], budget={"model_tokens": 2000}
    )
    scored = [principle.score is not None for principle in result.principles]
    assert scored[0]
    assert scored == sorted(scored, reverse=True)
    assert not all(scored)


@pytest.mark.parametrize("peer", ["", "It is 42.", "It is forty-two, I am sure of it. " * 50, "Solution:"])
async def test_what_a_peer_is_does_not_matter_for_the_share_of_a_candidate(bench, peer):
    """Twice the budget for two is the budget for one, whether the other one costs anything or not."""
    rules = [
        {"name": f"p{n}", "description": f"It is good by measure {n}.", "scale": "1-5"} for n in range(12)
    ]
    alone = await bench(ScriptedModel(otherwise=answer)).one(
        text="It is 42.", principles=rules, granularity=["outcome"], budget={"model_tokens": 3000}
    )
    posted = [
        {"id": name, "trajectory": {"text": text}} for name, text in (("a", "It is 42."), ("peer", peer))
    ]
    group = await bench(ScriptedModel(otherwise=answer)).judge(
        candidates=posted, principles=rules, granularity=["outcome"], budget={"model_tokens": 6000}
    )
    kinds = {principle.failure_kind for principle in alone.principles}
    assert "budget_exhausted" in kinds
    both = [
        [(p.name, p.score, p.failure_kind) for p in one.principles] for one in (alone, group.candidates[0])
    ]
    assert both[0] == both[1]
