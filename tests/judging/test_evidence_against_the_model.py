"""Second looks where evidence and model disagree, and verdicts that the model may decline."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from judge_agent.errors import ModelError
from judge_agent.models import ScriptedModel
from judge_agent.seams.tool import AskedTool, Finding, OpeningCall, ToolResult

pytestmark = pytest.mark.anyio
BODY = {"recipe": "default", "granularity": ["outcome"], "text": "It is forty two."}
TIED = [{"name": "short", "description": "The answer is short.", "tool": "measure"}]
ANEW = "A first judgment of it stands below"


@dataclass
class Measure(AskedTool):
    """Finds what a test says, of the whole candidate."""

    bearing: str = "refutes"
    strength: str = "strong"
    name: str = "measure"
    version: str = "1"
    description: str = "Measures the answer."

    def __post_init__(self):
        self.parameters = {}

    def opening_calls(self, view):
        return [OpeningCall({})]

    def can_decide(self, principle, view):
        return True

    async def run(self, arguments, view, *, timeout_seconds):
        finding = Finding(self.bearing, self.strength, None, "it was measured")
        return ToolResult("ok", "sixteen characters", (finding,))


def said(choice, reason="That is what the answer comes to."):
    return {"reason": reason, "citations": [], "choice": choice}


def looks(first, second):
    return ScriptedModel(rules=[(ANEW, second)], otherwise=first)


@pytest.mark.parametrize(("bearing", "first"), [("refutes", "5"), ("refutes", "3"), ("confirms", "1")])
async def test_strong_evidence_against_the_choice_is_shown_again_and_the_second_choice_holds(
    bench, bearing, first
):
    judge = bench(looks(said(first, "My own first reason, at length."), said("4")), tools=[Measure(bearing)])
    judgment = await judge.judge(**BODY, principles=TIED)
    (found,) = judgment.candidates[0].principles
    look, (evidence,) = found.second_look, [item for item in judgment.evidence if item.tool == "measure"]
    assert (found.choice, found.score, look.first_choice, look.second.choice) == ("4", 0.75, first, "4")
    assert look.because == (evidence.id,)
    assert [sample.choice for sample in found.samples] == [first]
    (asked,) = [prompt for prompt in judge.prompts if ANEW in prompt]
    assert "What tools found speaks against it: see e1." in asked
    assert f"{first}: My own first reason, at length." in asked
    assert "sixteen characters" in asked


@pytest.mark.parametrize(
    ("bearing", "strength", "choice"),
    [
        ("refutes", "strong", "2"),
        ("confirms", "strong", "5"),
        ("refutes", "hint", "5"),
        ("none", "strong", "5"),
    ],
)
async def test_where_they_agree_nothing_more_is_asked(bench, bearing, strength, choice):
    judge = bench(looks(said(choice), said("1")), tools=[Measure(bearing, strength)])
    (found,) = (await judge.one(**BODY, principles=TIED)).principles
    assert (found.choice, found.second_look, len(judge.prompts)) == (choice, None, 1)


async def test_a_second_look_that_fails_leaves_the_first_choice_to_a_reviewer(bench):
    judge = bench(looks(said("5"), ModelError("model_error", "no luck")), tools=[Measure()])
    result = await judge.one(**BODY, principles=TIED)
    (found,) = result.principles
    assert (found.choice, found.score, result.needs_review) == ("5", 1.0, True)
    assert found.second_look.second.failure_kind == "model_error"


async def test_a_recipe_without_second_looks_keeps_the_first_choice(bench):
    judge = bench(looks(said("5"), said("1")), tools=[Measure()])
    (found,) = (await judge.one(**{**BODY, "recipe": "one-pass"}, principles=TIED)).principles
    assert (found.choice, found.second_look, len(judge.prompts)) == ("5", None, 1)


async def test_an_overturned_pass_is_judged_anew_with_both_views(bench, variant):
    rules = {
        "[budget]": '[refute]\nof = "all"\nprompt = "refute/default.v1"\n\n[budget]',
    }
    overturned = {
        "reason": "The answer says nothing of why it is so.",
        "citations": [{"source": "m0", "quote": "It is forty two."}],
        "reference": "none",
        "verdict": "overturned",
    }
    model = ScriptedModel(rules=[(ANEW, said("4")), ("FIRST JUDGMENT", overturned)], otherwise=said("5"))
    judge = bench(model, prompts=variant("default", **rules))
    (found,) = (
        await judge.one(**{**BODY, "recipe": "variant"}, principles=[{"description": "It is right."}])
    ).principles
    assert (found.choice, found.second_look.because, found.second_look.first_choice) == (
        "4",
        ("refute",),
        "5",
    )
    assert "The answer says nothing of why it is so." in judge.prompts[-1]


async def test_what_cannot_be_assessed_is_null_with_the_reason_and_no_low_score(bench):
    rules = [("kind:", said("cannot_assess", "Nobody is spoken to in it."))]
    judge = bench(ScriptedModel(rules=rules, otherwise=said("4")))
    principles = [
        {"name": "kind", "description": "It is kind."},
        {"name": "right", "description": "It is right."},
    ]
    result = await judge.one(**BODY, principles=principles)
    kind, right = result.principles
    assert (kind.score, kind.valid, kind.failure_kind) == (None, False, "abstained")
    assert "Nobody is spoken to in it." in kind.failure_reason
    assert (right.score, result.score, result.status) == (0.75, 0.75, "partial")
    assert len(judge.prompts) == 2
    assert all('Choose "cannot_assess" when the material does not allow' in one for one in judge.prompts)
