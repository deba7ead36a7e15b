"""Shares: what a candidate may spend is its own, and no peer, no timing and no restart changes what it gets."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from judge_agent.errors import ModelError
from judge_agent.models import ScriptedModel
from judge_agent.schema import PrincipleSpec
from judge_agent.seams.model import Choice
from judge_agent.seams.tool import Finding, OpeningCall, ToolResult

pytestmark = pytest.mark.anyio
RULES = [
    {"name": f"rule_{index}", "description": f"The answer meets demand number {index}."}
    for index in range(12)
]
SHARE = 3000
GREEDY = "It is 42, for many reasons. " * 60


def verdict(request):
    digest = hashlib.sha256(request.text.encode()).digest()[0]
    return {
        "reason": "seen, and looked at from all sides " * 6,
        "citations": [],
        "choice": str(digest % 5 + 1),
    }


class Slow(ScriptedModel):
    """Answers as the prompt says, each call after another number of turns of the loop."""

    def __init__(self, salt: str = "", **more) -> None:
        super().__init__(otherwise=verdict, **more)
        self._salt = salt
        self.spent = 0

    async def complete(self, messages, **settings):
        digest = hashlib.sha256(f"{self._salt}{messages[-1].content}".encode()).digest()[0]
        for _ in range(digest % 40):
            await asyncio.sleep(0)
        completion = await super().complete(messages, **settings)
        self.spent += completion.usage.prompt + completion.usage.completion
        return completion


def posted(**texts):
    return [{"id": name, "trajectory": {"text": text}} for name, text in texts.items()]


def told(result):
    """What must be equal for equal candidates, whoever else was in the request."""
    principles = [(p.name, p.score, p.choice, p.failure_kind) for p in result.principles]
    return (result.status, result.reward, result.vector, principles)


async def judged(bench, model, texts, share, **body):
    body = {"principles": RULES, "granularity": ["outcome"], "budget": {"model_tokens": share}, **body}
    judgment = await bench(model).judge(candidates=posted(**texts), **body)
    return {result.id: result for result in judgment.candidates}, judgment


@pytest.mark.parametrize("salt", ["", "other", "third"])
async def test_a_candidate_gets_in_a_group_what_it_gets_in_a_post_of_its_own(bench, salt):
    alone, _ = await judged(bench, Slow(), {"a": "It is 42."}, SHARE)
    texts = {"b": GREEDY, "a": "It is 42.", "c": GREEDY + "!", "twin": "It is 42."}
    group, _ = await judged(bench, Slow(salt), texts, 4 * SHARE)
    kinds = {principle.failure_kind for principle in alone["a"].principles}
    assert kinds == {None, "budget_exhausted"}
    assert told(group["a"]) == told(group["twin"]) == told(alone["a"])


async def test_by_default_each_candidate_may_spend_what_the_recipe_gives_to_one(bench):
    long = "It is 42, for many reasons. " * 360
    many = [
        {"name": f"rule_{n}", "description": f"It meets demand {n}. " + "Be exact. " * 300} for n in range(64)
    ]
    alone, _ = await judged(bench, Slow(), {"a": long}, None, principles=many)
    texts = {"a": long, "b": "It is 43.", "c": "It is 44.", "twin": long}
    group, _ = await judged(bench, Slow("x"), texts, None, principles=many)
    assert {principle.failure_kind for principle in alone["a"].principles} == {None, "budget_exhausted"}
    assert told(group["a"]) == told(alone["a"])


async def test_calls_side_by_side_do_not_spend_past_the_budget_together(bench):
    """Each call is small beside the budget; sixteen of them at once are not."""
    model = Slow()
    found, judgment = await judged(bench, model, {"a": "It is 42."}, SHARE)
    kinds = [principle.failure_kind for principle in found["a"].principles]
    assert kinds.count(None) >= 3
    assert kinds.count("budget_exhausted") >= 3
    assert model.spent == judgment.usage.prompt_tokens + judgment.usage.completion_tokens <= SHARE
    reason = next(p.failure_reason for p in found["a"].principles if p.failure_reason)
    assert "budget.model_tokens=3000" in reason


@pytest.mark.parametrize("salt", ["1", "2", "3", "4"])
async def test_which_calls_a_tight_budget_leaves_out_does_not_depend_on_how_fast_the_others_are(bench, salt):
    expected, _ = await judged(bench, Slow(), {"a": "It is 42."}, SHARE)
    found, _ = await judged(bench, Slow(salt), {"a": "It is 42."}, SHARE)
    assert told(found["a"]) == told(expected["a"])
    open_ = [principle.score is None for principle in found["a"].principles]
    assert open_ == sorted(open_), "what comes first in the plan is paid first"


async def test_many_samples_in_one_call_are_reserved_as_many(bench):
    """A sample of themis may have 1200 tokens: eight of them do not fit 6000, and no call is made."""
    model = ScriptedModel(otherwise="Work: all of it holds. " * 200 + "\n<score>1.0</score>")
    judge = bench(model)
    body = {"recipe": "themis", "principles": RULES[:1], "budget": {"samples": 8, "model_tokens": 6000}}
    result = await judge.one(text="It is 42.", **body)
    assert (result.reward, result.failure_kind, model.requests) == (None, "budget_exhausted", [])
    fits = await judge.judge(
        text="It is 42.",
        judgment_id="j2",
        **{**body, "budget": {"samples": 3, "model_tokens": 6000}},
    )
    assert fits.candidates[0].reward == 1.0
    assert fits.usage.prompt_tokens + fits.usage.completion_tokens <= 6000


async def test_a_call_that_failed_gives_back_what_it_held(bench):
    model = ScriptedModel(otherwise=ModelError("model_error", "no luck"))
    found, judgment = await judged(bench, model, {"a": "It is 42."}, SHARE)
    assert {principle.failure_kind for principle in found["a"].principles} == {"model_error"}
    assert judgment.usage.model_calls == len(RULES)


async def test_who_waits_for_a_share_ends_at_the_deadline_and_holds_up_nobody(bench):
    class Hanging(ScriptedModel):
        async def complete(self, messages, **settings):
            await asyncio.Event().wait()

    budget = {"model_tokens": SHARE, "seconds": 0.3}
    found, _ = await judged(bench, Hanging(), {"a": "It is 42."}, None, budget=budget)
    assert {principle.failure_kind for principle in found["a"].principles} == {"deadline"}
    assert found["a"].reward is None


def with_thought(thought):
    said = {"role": "assistant", "content": "It is 42.", "reasoning_content": thought}
    return {"messages": [{"role": "user", "content": "What is six times seven?"}, said]}


async def test_candidates_of_which_the_model_sees_the_same_get_the_same_for_one_call(bench):
    model = Slow()
    candidates = [{"id": name, "trajectory": with_thought(name * 40)} for name in ("a", "b")]
    body = {"principles": RULES, "granularity": ["outcome"], "task": {"prompt": "What is six times seven?"}}
    judgment = await bench(model).judge(candidates=candidates, budget={"model_tokens": 2 * SHARE}, **body)
    first, second = judgment.candidates
    assert told(first) == told(second)
    assert "budget_exhausted" in {principle.failure_kind for principle in first.principles}
    prompts = [request.text for request in model.requests]
    assert len(prompts) == len(set(prompts))


async def test_what_is_asked_once_for_the_task_costs_no_candidate_anything(bench):
    item = {
        "name": "product",
        "description": "The product of six and seven is computed correctly.",
        "dimension": "correctness",
        "weight": 2,
    }
    proposing = [("You prepare the judging", {"principles": [item]})]
    rules = {"granularity": ["outcome"], "principles": None}
    model = Slow(rules=proposing)
    found, judgment = await judged(bench, model, {"a": "It is 42.", "b": "It is 43."}, 2 * 1500, **rules)
    assert [result.status for result in found.values()] == ["scored", "scored"]
    assert "fallback_principles" not in judgment.flags


class Pages:
    """A tool of many opening calls."""

    name, version, description, parameters = "pages", "1", "Reads the pages.", {}

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []

    def principle(self, view):
        return PrincipleSpec(
            description="The pages read well.", name="pages", kind="hard", dimension="correctness"
        )

    def opening_calls(self, view):
        return [OpeningCall({"page": number}) for number in range(4)]

    def offered(self, view):
        return False

    def can_decide(self, principle, view):
        return True

    async def run(self, arguments, view, *, timeout_seconds):
        said = view.trajectory.messages[-1].content if view.trajectory.messages else ""
        self.calls.append((str(said or view.trajectory.final_answer), arguments["page"]))
        await asyncio.sleep(0)
        return ToolResult("ok", "page", (Finding("confirms", "decisive", 1.0, "read"),))


@pytest.mark.parametrize(("tool_calls", "each"), [(9, 3), (11, 3), (12, 4), (2, 0)])
async def test_tool_calls_are_divided_evenly_and_what_is_left_over_is_nobodys(bench, tool_calls, each):
    tool = Pages()
    judge = bench(tools=[tool])
    judgment = await judge.judge(
        candidates=posted(a="It is 42.", b="It is 43.", twin="It is 42."),
        recipe="verify",
        budget={"tool_calls": tool_calls},
    )
    assert len(tool.calls) == 2 * each
    assert len({result.status for result in judgment.candidates}) == 1
    if not each:
        assert {result.failure_kind for result in judgment.candidates} == {"budget_exhausted"}
        reason = judgment.candidates[0].failure_reason
        assert reason is not None
        assert "share" in reason


async def test_candidates_that_are_compared_spend_from_one_pool(bench):
    """A pair is read in both orders or not at all: halves of the budget would be too small for either."""
    winner = Choice('{"reasoning": "The first one is right about it.", "winner": "A"}')
    judge = bench(ScriptedModel(otherwise=winner))
    judgment = await judge.judge(
        candidates=posted(a="It is 42.", b="It is 43."),
        recipe="round-robin",
        principles=RULES[:1],
        budget={"model_tokens": 4000},
    )
    assert {result.status for result in judgment.candidates} == {"scored"}


@pytest.mark.parametrize("at", range(0, 9, 2))
async def test_a_tight_judgment_that_is_stopped_ends_as_its_twin(bench, as_request, at):
    class Stopping(Slow):
        async def complete(self, messages, **settings):
            if len(self.requests) >= at:
                stopped.set()
                await asyncio.Event().wait()
            return await super().complete(messages, **settings)

    body = {
        "candidates": posted(a="It is 42.", b="It is 43."),
        "principles": RULES,
        "granularity": ["outcome"],
        "budget": {"model_tokens": 2 * SHARE},
    }
    twin = await bench(Slow()).judge(**body)
    stopped = asyncio.Event()
    judge = bench(Stopping())
    request = as_request(body)
    running = asyncio.ensure_future(judge.judging.judge(request, judgment_id="j1", tenant="t", created=0.0))
    await stopped.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    resumed = await judge.judge_with(Slow("later")).judge(
        request, judgment_id="j1", tenant="t", created=0.0, resumed=True
    )
    assert [told(result) for result in resumed.candidates] == [told(result) for result in twin.candidates]
