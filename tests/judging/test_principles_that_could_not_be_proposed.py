"""When the model cannot be asked for principles, the recipe's own give a record and no reward."""

from __future__ import annotations

import pytest

from judge_agent.errors import ModelError
from judge_agent.models import ScriptedModel
from judge_agent.schema import PrincipleSpec
from judge_agent.seams.tool import Finding, OpeningCall, ToolResult

pytestmark = pytest.mark.anyio
PROPOSING = "You prepare the judging"
ITEM = {
    "name": "right product",
    "description": "The product of six and seven is computed correctly.",
    "dimension": "correctness",
    "weight": 2,
}
VERDICT = '{"reason": "seen", "citations": [], "choice": "4"}'
TRANSIENT = ["model_error", "model_timeout", "model_unreachable"]


class Recovering(ScriptedModel):
    """Fails the first time that it is asked for principles, and never again."""

    def __init__(self, kind: str) -> None:
        self.failed = False

        def propose(request):
            if not self.failed:
                self.failed = True
                return ModelError(kind, "no luck")
            return {"principles": [ITEM]}

        super().__init__(rules=[(PROPOSING, propose)], otherwise=VERDICT)


@pytest.mark.parametrize("kind", TRANSIENT)
async def test_of_two_equal_posts_none_gets_another_reward_than_the_other(bench, kind):
    judge = bench(Recovering(kind))
    first = await judge.judge(text="It is 42.", judgment_id="j1")
    second = await judge.judge(text="It is 42.", judgment_id="j2")
    (unlucky,), (lucky,) = first.candidates, second.candidates
    assert (unlucky.status, unlucky.reward, unlucky.failure_kind) == ("partial", None, kind)
    assert unlucky.needs_review
    assert unlucky.flags["fallback_principles"] == first.flags["fallback_principles"]
    assert "no luck" in unlucky.flags["fallback_principles"]["reason"]
    assert (lucky.status, lucky.reward) == ("scored", 0.75)
    assert [p.name for p in lucky.principles] == ["right_product"]
    assert "fallback_principles" not in {**lucky.flags, **second.flags}


@pytest.mark.parametrize("kind", TRANSIENT)
async def test_the_same_post_judged_again_keeps_what_its_journal_has(bench, as_request, kind):
    judge = bench(Recovering(kind))
    first = await judge.judge(text="It is 42.")
    again = await judge.judging.judge(
        as_request({"text": "It is 42."}), judgment_id="j1", tenant="t", created=0.0, resumed=True
    )
    assert again.candidates[0].principles == first.candidates[0].principles


async def test_every_candidate_of_the_post_is_flagged_and_a_bare_opener_gets_its_minimum(bench):
    candidates = [
        {"id": name, "trajectory": {"text": text}}
        for name, text in {"a": "It is 42.", "twin": "It is 42.", "empty": "Solution"}.items()
    ]
    judgment = await bench(Recovering("model_error")).judge(candidates=candidates)
    assert {c.id: c.reward for c in judgment.candidates} == {"a": None, "twin": None, "empty": 0.0}
    assert all("fallback_principles" in c.flags for c in judgment.candidates)


async def test_a_proposal_that_is_of_no_use_stands_in_for_every_post_alike(bench):
    """What the model said is kept and shared, so all posts of the task have the same principles."""
    judge = bench(ScriptedModel(rules=[(PROPOSING, "nonsense")], otherwise=VERDICT))
    posts = [await judge.judge(text="It is 42.", judgment_id=f"j{number}") for number in range(2)]
    assert {judgment.candidates[0].reward for judgment in posts} == {0.75}
    assert all("fallback_principles" in judgment.candidates[0].flags for judgment in posts)


class Tests:
    name, version, description, parameters = "runs", "1", "Runs the answer.", {}

    def principle(self, view):
        return PrincipleSpec(description="It runs.", name="runs", kind="hard", dimension="correctness")

    def opening_calls(self, view):
        return [OpeningCall()]

    def offered(self, view):
        return False

    def can_decide(self, principle, view):
        return True

    async def run(self, arguments, view, *, timeout_seconds):
        return ToolResult("ok", "ran", (Finding("refutes", "decisive", 0.0, "it broke"),))


async def test_what_evidence_decides_is_in_the_record_all_the_same(bench):
    judge = bench(ScriptedModel(otherwise=ModelError("model_error", "no luck")), tools=[Tests()])
    result = await judge.one(text="It is 42.")
    assert next(p for p in result.principles if p.name == "runs").decided_by == "evidence"
    assert (result.status, result.reward) == ("partial", None)
