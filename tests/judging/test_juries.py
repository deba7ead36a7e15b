"""Juries: several models give the critiques, one that fails costs its own samples alone."""

from __future__ import annotations

import pytest

from judge_agent.errors import InvalidRequest, ModelError, PromptError
from judge_agent.journal import MemoryJournal, MemorySharedResults
from judge_agent.judge import Judge
from judge_agent.log import MemoryLog
from judge_agent.models import ScriptedModel

pytestmark = pytest.mark.anyio
SOFT = [{"name": "right", "description": "The answer is right."}]
BODY = {"recipe": "variant", "granularity": ["outcome"], "text": "It is 42.", "principles": SOFT}
JURY = 'models = true\njury = ["own", "second", "third"]'


def said(choice):
    return {"reason": "That is what the answer comes to.", "citations": [], "choice": choice}


class Court:
    """A judge with a jury, and what each of its models was asked."""

    def __init__(self, prompts, as_request, *answers, shared=None, named="model"):
        self.models = [
            ScriptedModel(otherwise=one if isinstance(one, ModelError) else said(one), id=f"{named}-{at}")
            for at, one in enumerate(answers)
        ]
        own, second, *third = self.models
        self.shared = shared or MemorySharedResults()
        self.journal, self._as_request = MemoryJournal(), as_request
        self.judge_it = Judge(
            model=own,
            tools=(),
            journal=self.journal,
            shared=self.shared,
            log=MemoryLog(),
            prompts=prompts,
            jury={"second": second, **({"third": third[0]} if third else {})},
        )

    async def judge(self, resumed=False, judgment_id="j", **more):
        request = self._as_request({**BODY, **more})
        self.judge_it.check(request)
        return await self.judge_it.judge(
            request, judgment_id=judgment_id, tenant="t", created=0.0, resumed=resumed
        )


@pytest.fixture
def court(variant, as_request):
    def made(*answers, **more):
        return Court(variant("one-pass", **{"models = true": JURY}), as_request, *answers, **more)

    return made


async def test_each_model_gives_a_sample_and_the_vote_is_of_all(court):
    jury = court("5", "3", "1")
    judgment = await jury.judge()
    (found,) = judgment.candidates[0].principles
    assert [(one.model, one.choice) for one in found.samples] == [
        ("own", "5"),
        ("second", "3"),
        ("third", "1"),
    ]
    assert found.score == 0.5
    assert [len(model.requests) for model in jury.models] == [1, 1, 1]
    assert [model.requests[0].temperature for model in jury.models] == [0.0] * 3


async def test_samples_are_of_each_model_so_many(court):
    jury = court("5", "3", "1")
    judgment = await jury.judge(budget={"samples": 2})
    assert [one.model for one in judgment.candidates[0].principles[0].samples] == [
        "own",
        "second",
        "third",
    ] * 2


async def test_a_model_that_fails_costs_its_own_sample_alone(court):
    judgment = await court("5", ModelError("model_error", "no luck"), "4").judge()
    (found,) = judgment.candidates[0].principles
    assert (found.score, found.valid) == (0.875, True)
    assert [one.failure_kind for one in found.samples] == [None, "model_error", None]


async def test_without_a_quorum_there_is_no_verdict_and_the_reason_is_the_failure(court):
    broken = ModelError("model_timeout", "too slow")
    judgment = await court("5", broken, broken).judge()
    (found,) = judgment.candidates[0].principles
    assert (found.score, found.failure_kind) == (None, "model_timeout")
    assert found.failure_reason.startswith("1 of 3 models of the jury gave a verdict, of 2 that must")


@pytest.mark.parametrize(("quorum", "valid"), [(1, True), (2, True), (3, False)])
async def test_the_recipe_says_how_many_must_be_heard(variant, as_request, quorum, valid):
    settings = {"models = true": JURY, "[budget]": f"[samples]\nquorum = {quorum}\n\n[budget]"}
    jury = Court(variant("one-pass", **settings), as_request, "5", ModelError("model_error", "no"), "4")
    judgment = await jury.judge()
    assert judgment.candidates[0].principles[0].valid is valid


@pytest.mark.parametrize(("quorum", "score"), [("", None), ("[samples]\nquorum = 1\n\n", 1.0)])
async def test_a_jury_that_mostly_cannot_assess_has_no_verdict_unless_its_quorum_says_so(
    variant, as_request, quorum, score
):
    settings = {
        "models = true": JURY,
        "[budget]": f"{quorum}[budget]",
        "max_citations = 2": "max_citations = 2\ncannot_assess = true",
    }
    jury = Court(variant("one-pass", **settings), as_request, "5", "cannot_assess", "cannot_assess")
    judgment = await jury.judge()
    assert judgment.candidates[0].score == score


async def test_the_record_and_the_pin_name_every_model(court):
    jury = court("5", "3", "1")
    judgment = await jury.judge()
    told = {name: model["id"] for name, model in judgment.provenance.jury.items()}
    assert told == {"own": "model-0", "second": "model-1", "third": "model-2"}
    pin = await jury.judge_it.pin("variant")
    assert {name: pin.parts[f"jury.{name}.id"] for name in told} == told


async def test_a_result_is_remembered_for_the_same_models_only(court):
    first = court("5", "3", "1")
    await first.judge()
    same = court("1", "1", "1", shared=first.shared)
    other = court("1", "1", "1", shared=first.shared, named="changed")
    again, anew = await same.judge(judgment_id="j2"), await other.judge(judgment_id="j3")
    assert (again.candidates[0].score, again.usage.model_calls) == (0.5, 0)
    assert (anew.candidates[0].score, anew.usage.model_calls) == (0.0, 3)


async def test_a_jury_that_is_not_configured_is_refused_at_the_door(court):
    with pytest.raises(InvalidRequest, match="'third' is not configured here"):
        await court("5", "3").judge()


async def test_a_resumed_judgment_asks_no_model_again(court):
    jury = court("5", "3", "1")
    first = await jury.judge(cache="no")
    asked = [len(model.requests) for model in jury.models]
    again = await jury.judge(cache="no", resumed=True)
    assert again.candidates == first.candidates
    assert [len(model.requests) for model in jury.models] == asked


@pytest.mark.parametrize(
    ("base", "more", "problem"),
    [
        ("default", {}, "neither a blind pass"),
        ("round-robin", {}, "only cited critiques"),
        ("one-pass", {"[budget]": "[samples]\nquorum = 4\n\n[budget]"}, "quorum=4"),
    ],
)
async def test_a_recipe_whose_jury_cannot_sit_is_refused(variant, bench, base, more, problem):
    with pytest.raises(PromptError, match=problem):
        bench(prompts=variant(base, **{"models = true": JURY, **more}))
