"""Recipe rlpr: how likely the work makes the reference, less what it is without it; the model writes nothing."""

from __future__ import annotations

import math

import pytest

from judge_agent.errors import ModelError
from judge_agent.seams.model import TokenLogprob

pytestmark = pytest.mark.anyio
TASK = {"prompt": "What is six times seven?", "reference": {"answer": "forty two"}}
GOOD, BAD = "Six sevens are forty two.", "I would say it is a bicycle."


def tells(good=0.9, bad=0.2, alone=0.1):
    """A model that finds each token of the reference so probable after good work, bad work, and none at all."""

    def likelihood(request):
        share = good if GOOD in request.text else bad if BAD in request.text else alone
        return [math.log(share)] * len(request.continuation.split())

    return [likelihood] * 50


def marked(tokens):
    """Tokens of the reference with those of the marks around it; the last of the case is that which ends it."""
    told = [TokenLogprob(token, number) for token, number in tokens]
    return [TokenLogprob("<answer>", -9.0), *told, TokenLogprob("answer>", -9.0)] if told else []


async def test_work_that_leads_to_the_reference_scores_what_it_adds(panel, reads):
    bench = panel(likelihoods=tells())
    judgment = await bench.judge("rlpr", {"a": GOOD, "b": BAD}, task=TASK)
    assert reads.rewards(judgment) == pytest.approx({"a": 0.8, "b": 0.1})
    (found,) = judgment.candidates[0].principles
    numbers = found.samples[0].numbers
    assert (numbers["probability"], numbers["baseline"]) == pytest.approx((0.9, 0.1))
    assert numbers["mean_logprob"] == pytest.approx(math.log(0.9))
    assert numbers["pmi"] == pytest.approx(2 * math.log(9))
    assert (numbers["tokens"], numbers["reference_in_trajectory"]) == (2.0, 1.0)
    assert judgment.candidates[1].principles[0].samples[0].numbers["reference_in_trajectory"] == 0.0
    assert "forty" not in found.reason


async def test_every_recorded_prompt_says_what_makes_the_method(panel, reads, prompt):
    bench = panel(likelihoods=tells())
    await bench.judge("rlpr", {"a": GOOD, "b": BAD}, task=TASK)
    assert len(bench.prompts) == 3
    reads.says_what_it_must(bench.prompts, prompt)


async def test_what_the_model_tells_is_read_as_the_table_says(panel, case):
    tokens, alone = marked(case["tokens"]), marked(case.get("alone", case["tokens"]))
    bench = panel(likelihoods=[tokens, alone])
    judgment = await bench.judge("rlpr", {"a": BAD}, task=TASK)
    (found,) = judgment.candidates[0].principles
    if "failure_kind" in case:
        assert (found.valid, found.score, found.failure_kind) == (False, None, case["failure_kind"])
        assert judgment.candidates[0].reward is None
        assert judgment.usage.useless_calls == 1
        return
    assert found.score == pytest.approx(case["score"])
    assert found.choice == case["choice"]


async def test_no_prompt_shows_the_reference_and_nothing_is_written(panel):
    bench = panel(likelihoods=tells())
    await bench.judge("rlpr", {"a": BAD}, task={**TASK, "reference": {"answer": "  forty two\n"}})
    shown, alone = bench.model.requests
    assert [request.continuation for request in (shown, alone)] == ["<answer>forty two</answer>"] * 2
    assert BAD in shown.text
    assert BAD not in alone.text
    assert "six times seven" in alone.text
    assert not any("forty" in request.text for request in bench.model.requests)


async def test_the_task_alone_is_asked_about_once_for_all_candidates(panel):
    bench = panel(likelihoods=tells())
    judgment = await bench.judge("rlpr", {"a": GOOD, "b": BAD, "c": "It is forty."}, task=TASK)
    assert len(bench.model.requests) == judgment.usage.model_calls == 4


async def test_several_samples_would_be_the_same_so_one_is_taken(panel):
    bench = panel(likelihoods=tells())
    judgment = await bench.judge("rlpr", {"a": GOOD}, task=TASK, budget={"samples": 5})
    assert len(bench.model.requests) == 2
    (rounds,) = judgment.candidates[0].flags["samples"].values()
    assert rounds == [{"stopped": "same each time", "samples": 1, "of": 5}]


@pytest.mark.parametrize("reference", [{}, {"answer": ""}, {"answer": " \n"}, {"solution": "6 * 7 = 42"}])
async def test_without_a_reference_answer_nothing_is_asked_and_the_reason_names_the_field(panel, reference):
    bench = panel(likelihoods=tells())
    judgment = await bench.judge("rlpr", {"a": GOOD}, task={**TASK, "reference": reference})
    (result,) = judgment.candidates
    assert (result.status, result.reward, result.failure_kind) == ("unscored", None, "no_evidence")
    assert "task.reference.answer" in result.failure_reason
    assert bench.model.requests == []


async def test_a_model_that_cannot_tell_leaves_the_candidate_unscored_and_says_what_is_missing(panel):
    cannot = ModelError("model_error", "the model server does not tell prompt_logprobs")
    judgment = await panel(likelihoods=[cannot] * 4).judge("rlpr", {"a": GOOD}, task=TASK)
    (result,) = judgment.candidates
    assert (result.status, result.reward, result.failure_kind) == ("unscored", None, "model_error")
    assert "prompt_logprobs" in result.failure_reason


async def test_what_does_not_fit_the_window_is_too_large_and_is_not_asked(panel):
    bench = panel(likelihoods=tells(), context_window=2000)
    long = {**TASK, "reference": {"answer": "word " * 2000}}
    for task, text in ((long, GOOD), (TASK, "word " * 2000)):
        judgment = await bench.judge("rlpr", {"a": text}, task=task)
        assert judgment.candidates[0].failure_kind == "input_too_large"
    assert bench.model.requests == []


async def test_what_the_recipe_does_not_read_is_named(panel):
    task = {**TASK, "reference": {"answer": "forty two", "solution": "6 * 7"}}
    principles = [{"description": "It is brief."}]
    judgment = await panel(likelihoods=tells()).judge("rlpr", {"a": GOOD}, task=task, principles=principles)
    unread = " ".join(judgment.candidates[0].coverage.unread)
    assert "reference.solution" in unread
    assert "principles" in unread
