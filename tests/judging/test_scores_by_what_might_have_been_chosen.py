"""`critique.score = "mean"`: a soft principle's score is the mean over what the model might have chosen."""

from __future__ import annotations

import json
import math

import pytest

from judge_agent.errors import PromptError
from judge_agent.models import ScriptedModel
from judge_agent.recipes import load_recipes
from judge_agent.seams.model import Choice, TokenLogprob

pytestmark = pytest.mark.anyio
REASON = "That is what the answer comes to, in short."
SOFT = {"name": "right", "description": "The answer is right.", "kind": "soft"}
PASSING = {**SOFT, "scale": "pass_fail"}
HARD = {**PASSING, "kind": "hard"}
BODY = {"recipe": "variant", "granularity": ["outcome"], "text": "It is 42."}


def chosen(choice, shares, citations=()):
    """An answer whose choice begins with one token, and how likely each was."""
    head = json.dumps({"reason": REASON, "citations": list(citations)})[:-1] + ', "choice": "'
    top = tuple((label, math.log(share)) for label, share in shares.items())
    tokens = (TokenLogprob(head, -1.0, ((head, -1.0),)), TokenLogprob(choice, math.log(shares[choice]), top))
    return Choice(f'{head}{choice}"}}', logprobs=(*tokens, TokenLogprob('"}', -0.1)))


def means(variant, base="one-pass", **more):
    settings = {"max_citations = 2": 'max_citations = 2\nscore = "mean"\ncannot_assess = true'}
    return variant(base, **settings, **more)


def sampling(variant, samples):
    return means(variant, **{"[citations]": f"[samples]\n{samples}\n\n[citations]"})


def judging(bench, variant, answer, **told):
    return bench(ScriptedModel(otherwise=lambda _: answer, logprobs=True), prompts=means(variant), **told)


async def test_two_that_get_the_same_choice_are_told_apart(bench, variant):
    scores = []
    for shares in ({"4": 0.7, "5": 0.2, "3": 0.1}, {"4": 0.6, "2": 0.4}):
        judge = judging(bench, variant, chosen("4", shares))
        found = await judge.principle(**BODY, principles=[SOFT])
        assert found.choice == "4"
        assert sum(found.distribution.values()) == pytest.approx(1.0)
        scores.append(found.score)
    assert scores == pytest.approx([0.7 * 0.75 + 0.2 + 0.1 * 0.5, 0.6 * 0.75 + 0.4 * 0.25])


async def test_what_cannot_be_assessed_has_no_part_in_the_mean(bench, variant):
    shares = {"pass": 0.5, "fail": 0.25, "cannot": 0.25}
    judge = judging(bench, variant, chosen("pass", shares))
    found = await judge.principle(**BODY, principles=[PASSING])
    assert found.score == pytest.approx(2 / 3)
    assert found.distribution == pytest.approx({"fail": 1 / 3, "pass": 2 / 3})


async def test_a_hard_principle_is_a_gate_and_takes_the_choice(bench, variant):
    quoted = [{"source": "m1", "quote": "It is 42."}]
    judge = judging(bench, variant, chosen("fail", {"fail": 0.7, "pass": 0.3}, quoted))
    found = await judge.principle(**BODY, principles=[HARD])
    assert (found.choice, found.score, found.distribution) == ("fail", 0.0, None)


async def test_a_record_never_says_fail_of_what_would_pass(bench, variant):
    judge = judging(bench, variant, chosen("fail", {"fail": 0.4, "pass": 0.6}))
    found = await judge.principle(**BODY, principles=[PASSING])
    assert (found.choice, found.score, found.distribution) == ("fail", 0.0, None)


@pytest.mark.parametrize("logprobs", [True, False])
async def test_log_probabilities_are_asked_for_where_they_are_told(bench, variant, logprobs):
    model = ScriptedModel(logprobs=logprobs)
    found = await bench(model, prompts=means(variant)).principle(**BODY, principles=[SOFT])
    assert {request.logprobs for request in model.requests} == ({20} if logprobs else {0})
    assert found.choice is not None
    assert found.score is not None


async def test_recipes_that_do_not_say_so_ask_for_none(bench):
    model = ScriptedModel(otherwise=lambda _: chosen("4", {"4": 0.6, "2": 0.4}), logprobs=True)
    found = await bench(model).principle(**{**BODY, "recipe": "one-pass"}, principles=[SOFT])
    assert {request.logprobs for request in model.requests} == {0}
    assert found.score == 0.75


async def test_of_several_in_one_call_each_has_its_own(bench, variant):
    names = ("short", "right")
    principles = [{**SOFT, "name": name, "description": f"The answer is {name}."} for name in names]

    def answer(_):
        head = json.dumps({"reason": REASON, "citations": []})[:-1] + ', "choice": "'
        parts = [
            ('{"p2": ' + head, "4", {"4": 0.5, "5": 0.5}),
            ('"}, "p1": ' + head, "2", {"2": 0.5, "1": 0.5}),
        ]
        tokens, text = [], ""
        for head, choice, shares in parts:
            top = tuple((label, math.log(share)) for label, share in shares.items())
            tokens += [TokenLogprob(head, -1.0), TokenLogprob(choice, math.log(shares[choice]), top)]
            text += head + choice
        return Choice(text + '"}}', logprobs=(*tokens, TokenLogprob('"}}', -0.1)))

    settings = {
        "max_citations = 2": 'max_citations = 2\nscore = "mean"\ncriteria_per_call = "all"',
        "[prompts]": '[prompts]\nseveral = "critique/several.v1"',
    }
    judge = bench(ScriptedModel(otherwise=answer, logprobs=True), prompts=variant("one-pass", **settings))
    result = await judge.one(**BODY, principles=principles)
    assert {one.name: one.score for one in result.principles} == pytest.approx(
        {"short": 0.125, "right": 0.875}
    )


async def test_what_is_kept_of_an_answer_is_the_token_of_its_choice(bench, variant):
    judge = judging(bench, variant, chosen("4", {"4": 0.6, "2": 0.4}))
    await judge.principle(**BODY, principles=[SOFT])
    entries = await judge.journal.load("j1")
    kept = [
        choice["logprobs"]
        for entry in entries.values()
        if "value" in entry.result
        for choice in entry.result["value"]["choices"]
    ]
    assert [[token["token"] for token in tokens] for tokens in kept] == [["4", '"}']]


async def test_the_worst_choice_rules_out_where_the_aggregate_is_a_veto(bench, variant):
    """A mean is hardly ever the worst, so that it would rule out nobody: there it is the choice's own score."""
    principles = [SOFT, {**SOFT, "name": "kind", "description": "The answer is kind."}]

    def answer(request):
        good = chosen("5", {"5": 0.97, "1": 0.03})
        if not request.logprobs:
            good = Choice(good.content)
        return good if "kind:" in request.text else chosen("1", {"1": 0.97, "5": 0.03})

    model = ScriptedModel(otherwise=answer, logprobs=True)
    judge = bench(model, prompts=means(variant))
    ruled_out = await judge.one(**BODY, principles=principles, aggregate="veto")
    assert (ruled_out.score, ruled_out.status) == (0.0, "scored")
    assert {request.logprobs for request in model.requests} == {0}
    assert 0.4 < (await judge.one(**BODY, principles=principles)).score < 0.6


async def test_a_sample_that_tells_no_shares_counts_as_its_choice_in_score_and_distribution_alike(
    bench, variant
):
    answers = iter([chosen("4", {"4": 0.6, "2": 0.4}), Choice(chosen("4", {"4": 1.0}).content)])
    model = ScriptedModel(otherwise=lambda _: next(answers), logprobs=True)
    judge = bench(model, prompts=sampling(variant, "count = 2\ntemperature = 0.7"))
    found = await judge.principle(**BODY, principles=[SOFT])
    assert found.distribution["4"] == pytest.approx(0.8)
    assert found.score == pytest.approx((0.6 * 0.75 + 0.4 * 0.25 + 0.75) / 2)


def test_means_are_not_counted_by_majority(variant):
    with pytest.raises(PromptError, match="majority"):
        load_recipes(sampling(variant, 'count = 3\nvote = "majority"\ntemperature = 0.7').folder)
