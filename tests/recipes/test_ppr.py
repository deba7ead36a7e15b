"""Recipe ppr: steps rated by principles, and an outcome that outweighs them."""

from __future__ import annotations

import itertools

import pytest

from judge_agent.reward.aggregates import Weighed, aggregated

pytestmark = pytest.mark.anyio
TASK = {"prompt": "How high is the tower?", "reference": {"answer": "310 metres"}}


def agent(answer="It is 310 metres."):
    return {"messages": [{"role": "assistant", "content": text} for text in ("I look it up.", answer)]}


def model(ratings, right=True):
    """Rates every step alike, and says whether the outcome is right."""

    def answer(request):
        if "Now rate single steps" in request.text:
            names = request.schema["properties"]["s1"]["properties"]["ratings"]["required"]
            rated = dict(zip(names, itertools.cycle(ratings)))
            return {alias: {"reason": "By what was known then.", "ratings": rated} for alias in ("s1", "s2")}
        passes = right if isinstance(right, bool) else "310" in request.text.partition("TRAJECTORY")[2]
        return {"reason": "The reference says 310 metres.", "choice": "pass" if passes else "fail"}

    return answer


async def judged(panel, answer, **body):
    bench = panel(answer)
    return bench, (await bench.judge("ppr", {"a": agent()}, task=TASK, **body)).candidates[0]


async def test_every_recorded_prompt_says_what_makes_the_method(panel, reads, prompt):
    bench, _ = await judged(panel, model("5"))
    reads.says_what_it_must(bench.prompts, prompt)


async def test_what_the_model_answers_is_read_as_the_table_says(panel, case):
    def answers(request):
        return case["text"] if "Now rate single steps" in request.text else model("5")(request)

    _, result = await judged(panel, answers)
    if "failure_kind" in case:
        assert [step.label for step in result.steps] == ["unjudged", "unjudged"]
        assert result.vector == {"process": None, "correctness": 1.0}
        assert result.reward is None
        return
    assert [step.score for step in result.steps] == pytest.approx(case["scores"])
    assert result.vector["process"] == pytest.approx(sum(case["scores"]) / 2)


async def test_a_failed_run_with_the_best_steps_stays_below_a_right_one_with_the_worst(panel):
    """The defining step: process normalised against the outcome. By the plain mean the failed one would be ahead."""
    _, failed = await judged(panel, model("5", right=False))
    _, right = await judged(panel, model("1", right=True))
    assert failed.vector == {"process": 1.0, "correctness": 0.0}
    assert right.vector == {"process": 0.0, "correctness": 1.0}
    assert failed.reward == right.reward == 0.5
    _, nearly = await judged(panel, model("4", right=False))
    assert nearly.reward < right.reward
    _, mean_failed = await judged(panel, model("5", right=False), aggregate="weighted")
    _, mean_right = await judged(panel, model("1", right=True), aggregate="weighted")
    assert mean_failed.reward > mean_right.reward


@pytest.mark.parametrize(("rating", "process"), [("1", 0.0), ("3", 0.5), ("5", 1.0)])
@pytest.mark.parametrize("right", [True, False])
async def test_the_process_half_is_of_the_steps_alone(panel, right, rating, process):
    """The outcome counts once: its score and its weight are no part of what the process comes to."""
    _, result = await judged(panel, model(rating, right))
    assert result.vector["process"] == pytest.approx(process)
    assert result.reward == pytest.approx((process + right) / 2)
    heavy = [{"name": "outcome", "description": "It is done.", "kind": "hard", "weight": 9.0}]
    _, weighed = await judged(panel, model(rating, right), principles=heavy)
    assert weighed.reward == pytest.approx(result.reward)


async def test_among_runs_of_one_outcome_better_steps_are_worth_more(panel):
    for right in (True, False):
        rewards = [(await judged(panel, model(rating, right)))[1].reward for rating in "135"]
        assert rewards == sorted(set(rewards))


async def test_each_step_has_its_rating_by_each_principle(panel):
    _, result = await judged(panel, model("531"))
    assert result.steps[0].scores == {"needed": 1.0, "well_asked": 0.5, "rests_on_results": 0.0}
    assert {one.name: one.score for one in result.principles} == {
        "outcome": 1.0,
        "needed": 1.0,
        "well_asked": 0.5,
        "rests_on_results": 0.0,
    }


async def test_soft_principles_of_the_caller_rate_the_steps_too_and_hard_ones_the_outcome(panel):
    given = [
        {"name": "polite", "description": "The step is polite."},
        {"name": "in_metres", "description": "The answer is in metres.", "kind": "hard"},
    ]
    bench, result = await judged(panel, model("5"), principles=given)
    assert "- p1: The step is polite." in bench.prompts[0] + bench.prompts[1] + bench.prompts[2]
    assert result.steps[0].scores.keys() == {"polite", "needed", "well_asked", "rests_on_results"}
    assert sum("Judge how the work ended" in prompt for prompt in bench.prompts) == 2


def test_whatever_the_scores_and_weights_what_failed_never_outranks_what_succeeded():
    levels, weights = (0.0, 0.25, 0.5, 0.75, 1.0), (0.0, 0.5, 1.0, 7.0)
    for weight, hard in itertools.product(weights, levels):
        for soft, other in itertools.product(levels, levels):
            failed = [Weighed(min(hard, 0.49), weight, hard=True), Weighed(soft, 1.0)]
            right = [Weighed(max(hard, 0.5), weight, hard=True), Weighed(other, 1.0)]
            assert aggregated("renormed", failed) <= aggregated("renormed", right)
