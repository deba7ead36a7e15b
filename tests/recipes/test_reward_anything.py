"""RewardAnything (2506.03637): the principle comes with the request, and it alone says what is better."""

from __future__ import annotations

import json
import re

import pytest

from judge_agent.seams.model import Choice

pytestmark = pytest.mark.anyio
RECIPE = "reward-anything"
SHORT = "The moon pulls."
LONG = "The moon pulls the near side of the sea more than the far side, which leaves two bulges of water."
PAIR = {"gpt-large": SHORT, "llama-small": LONG}
CONCISE = "Prefer the concise answer."
DETAILED = "Prefer the detailed answer."
_SHOWN = re.compile(r"^Response (model-\d+):\n=====BEGIN TRAJECTORY[^\n]*\n(.*?)\n=====END", re.M | re.S)
_FIRST_POINT = re.compile(r"^The principle:\n(?:- |1\. )([^\n]*)", re.MULTILINE)


def follower(request):
    """A model that does what the first point of the principle says, and knows nothing else."""
    if request.schema is None:
        return "The principle asks for a length; I compare lengths."
    texts = dict(_SHOWN.findall(request.text))
    wants_short = "concise" in _FIRST_POINT.search(request.text).group(1)
    best_first = sorted(texts, key=lambda name: len(texts[name]), reverse=not wants_short)
    scores = {name: 5 - 3 * place for place, name in enumerate(best_first)}
    return json.dumps({"scores": scores, "best-to-worst": best_first})


def said(output):
    return lambda request: "Hm." if request.schema is None else output


def by(*principles):
    return {"principles": [{"description": one, "weight": 2.75} for one in principles]}


async def test_the_prompt_has_the_callers_words_in_order_and_masked_names(panel):
    bench = panel(follower)
    task = {"prompt": "Explain tides.", "reference": {"answer": "gravitation of both"}}
    words = "Be polite:\nnever say 'no'."
    await bench.judge(RECIPE, PAIR, task=task, **by(DETAILED, words, CONCISE))
    prompt = bench.prompts[-1]
    listed = f"1. {DETAILED}\n2. Be polite:\n    never say 'no'.\n3. {CONCISE}\n"
    assert f"The principle:\n{listed}" in prompt
    for wanted in (SHORT, LONG, "Response model-1:", "Response model-2:", "best-to-worst"):
        assert wanted in prompt
    for unwanted in (*PAIR, "gravitation of both", "2.75", "right first, then complete", "{{"):
        assert unwanted not in prompt
    assert [bool(request.schema) for request in bench.model.requests] == [False, True]


async def test_every_recorded_prompt_says_what_makes_the_method(panel, reads, prompt):
    bench = panel(follower)
    await bench.judge(RECIPE, PAIR, **by(DETAILED, CONCISE))
    reads.says_what_it_must(bench.prompts, prompt)


async def test_without_a_principle_of_the_caller_the_recipes_own_holds(panel):
    bench = panel(follower)
    await bench.judge(RECIPE, PAIR)
    assert "The principle:\n- The better response does what the task asks for" in bench.prompts[0]


async def test_an_answer_is_read_or_refused_as_the_table_says(panel, reads, case):
    judgment = await panel(said(case["output"])).judge(RECIPE, PAIR, **by(CONCISE))
    flagged = judgment.flags["comparison"].get("contradicting_rankings", 0)
    assert flagged == int(case.get("contradicts", False))
    if "failure_kind" in case:
        assert {c.failure_kind for c in judgment.candidates} == {case["failure_kind"]}
        assert {c.reward for c in judgment.candidates} == {None}
        return
    assert reads.written(judgment) == {tuple(case["written"])}
    assert sorted(reads.rewards(judgment).values()) == sorted((one - 1) / 4 for one in case["written"])


async def test_swapping_the_principle_flips_the_pair(panel, reads):
    """Fails when the caller's principle does not reach the prompt, or the recipe's own stands before it."""
    concise = await panel(follower).judge(RECIPE, PAIR, **by(CONCISE))
    detailed = await panel(follower).judge(RECIPE, PAIR, **by(DETAILED))
    assert reads.rewards(concise) == {"gpt-large": 1.0, "llama-small": 0.25}
    assert reads.rewards(detailed) == {"gpt-large": 0.25, "llama-small": 1.0}


async def test_the_order_of_principles_is_their_priority(panel):
    first = await panel(follower).judge(RECIPE, PAIR, **by(CONCISE, DETAILED))
    second = await panel(follower).judge(RECIPE, PAIR, **by(DETAILED, CONCISE))
    assert (first.ranking[0], second.ranking[0]) == (("gpt-large",), ("llama-small",))


async def test_names_and_places_come_from_the_contents_and_the_seed_not_from_the_request(panel):
    one, other, third = panel(follower), panel(follower), panel(follower)
    await one.judge(RECIPE, PAIR)
    await other.judge(RECIPE, {"x": LONG, "y": SHORT})
    assert one.prompts == other.prompts
    places = set()
    for seed in range(8):
        await third.judge(RECIPE, PAIR, seed=seed)
        places.add(third.prompts[-1].index(SHORT) < third.prompts[-1].index(LONG))
    assert places == {True, False}


@pytest.mark.parametrize("seed", range(3))
async def test_samples_see_the_responses_in_each_order_as_often(panel, seed):
    """Fails when all samples are shown one order: a model that favours a place would then favour a response."""
    bench = panel(follower)
    await bench.judge(RECIPE, PAIR, budget={"samples": 4}, seed=seed)
    asked = [request for request in bench.model.requests if request.schema is not None]
    shown = [
        request.text.index(SHORT) < request.text.index(LONG) for request in asked for _ in range(request.n)
    ]
    assert sorted(shown) == [False, False, True, True]


async def test_a_model_that_favours_a_place_favours_no_response(panel, reads):
    scores = {"scores": {"model-1": 5, "model-2": 1}, "best-to-worst": ["model-1", "model-2"]}
    judgment = await panel(said(json.dumps(scores))).judge(RECIPE, PAIR, budget={"samples": 4})
    assert reads.rewards(judgment) == {"gpt-large": 0.5, "llama-small": 0.5}


async def test_what_the_model_thought_is_the_reason_in_the_record(panel, reads):
    judgment = await panel(follower).judge(RECIPE, PAIR, **by(CONCISE))
    assert "I compare lengths." in reads.comparison(judgment, "gpt-large").reason


@pytest.mark.parametrize(
    ("thought", "flags"),
    [
        ("I compare lengths.", {}),
        (Choice("I compare", "length"), {"reasoning": {"cut": {"length": 1}}}),
        (Choice("I compare", "content_filter"), {"reasoning": {"cut": {"content_filter": 1}}}),
        (None, {"reasoning": {"missing": 1}}),
    ],
)
async def test_a_thought_that_was_cut_off_or_is_missing_is_in_the_record(panel, thought, flags):
    bench = panel(lambda request: thought if request.schema is None else follower(request))
    judgment = await bench.judge(RECIPE, PAIR, **by(CONCISE))
    assert {candidate.status for candidate in judgment.candidates} == {"scored"}
    assert {name: said for name, said in judgment.flags.items() if name == "reasoning"} == flags
