"""CDRRM (2603.08035): quoted differences first, then a short rubric without repetitions, then marks by that alone."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.anyio
RECIPE = "cdrrm"
ANSWERS = {"a": "The moon pulls the water of the sea.", "b": "Tides are made by ships that come and go."}
ESSENTIAL = {"difference": 1, "text": "It names what really makes the tides.", "kind": "essential"}
IMPORTANT = {"difference": 2, "text": "It speaks plainly to whoever asks.", "kind": "important"}


def quoting(request, a="The moon pulls the water", b="Tides are made by ships"):
    """Two differences with a quote of each response, by the letters under which they are shown."""
    first_is_a = request.text.index(ANSWERS["a"]) < request.text.index(ANSWERS["b"])
    quotes = {"A": a, "B": b} if first_is_a else {"A": b, "B": a}
    said = {"said": "One names the moon, the other ships.", "quotes": quotes}
    return {"differences": [{"dimension": "truth", **said}, {"dimension": "clarity", **said}]}


def marks(*grades):
    items = {
        str(number): {"reason": "By what it says.", "A": first, "B": second}
        for number, (first, second) in enumerate(grades, start=1)
    }
    return json.dumps({"items": items})


def judge_of(profile=quoting, items=(ESSENTIAL, IMPORTANT), verdict=None, a=(5, 3), b=(2, 3)):
    """A model that marks the two answers so, wherever they stand; `verdict` is its last turn instead."""

    def answer(request):
        if "You set two responses" in request.text:
            return json.dumps(profile(request))
        if "What was found to tell" in request.text:
            return json.dumps({"items": list(items)})
        if verdict is not None:
            return verdict
        first_is_a = request.text.index(ANSWERS["a"]) < request.text.index(ANSWERS["b"])
        return marks(*(zip(a, b, strict=True) if first_is_a else zip(b, a, strict=True)))

    return answer


async def test_the_rubric_is_made_of_the_differences_and_no_prompt_shows_ids_or_the_reference(panel):
    bench = panel(judge_of())
    task = {"prompt": "Why tides?", "reference": {"answer": "the gold is gravity"}}
    await bench.judge(RECIPE, {"candidate-x": ANSWERS["a"], "candidate-y": ANSWERS["b"]}, task=task)
    made = [prompt for prompt in bench.prompts if "What was found to tell" in prompt]
    assert len(bench.prompts) == 6
    assert all("1. truth: One names the moon, the other ships." in prompt for prompt in made)
    assert all('Response A: "' in prompt for prompt in made)
    for unwanted in ("candidate-x", "candidate-y", "the gold is gravity", "{{"):
        assert unwanted not in "".join(bench.prompts)


async def test_every_recorded_prompt_says_what_makes_the_method(panel, reads, prompt):
    bench = panel(judge_of())
    await bench.judge(RECIPE, ANSWERS)
    reads.says_what_it_must(bench.prompts, prompt)


async def test_an_answer_is_read_or_refused_as_the_table_says(panel, reads, case):
    judgment = await panel(judge_of(verdict=case["output"])).judge(RECIPE, ANSWERS)
    assert reads.places(judgment) == {case.get("choice") or case["failure_kind"]}
    if "failure_kind" in case:
        assert {c.reward for c in judgment.candidates} == {None}


async def test_a_difference_whose_words_stand_in_neither_response_reaches_no_rubric(panel, reads):
    """The defining step: a contrast rests on evidence. Without the check the made-up one would be judged by."""

    def with_a_made_up_one(request):
        made_up = {
            "dimension": "manners",
            "said": "One is rude.",
            "quotes": {"A": "you fool, go away", "B": ""},
        }
        return {"differences": [made_up, *quoting(request)["differences"]]}

    bench = panel(judge_of(with_a_made_up_one))
    judgment = await bench.judge(RECIPE, ANSWERS)
    assert judgment.candidates[0].reward == reads.rewards(judgment)["a"] > 0.5
    made = [prompt for prompt in bench.prompts if "What was found to tell" in prompt]
    assert made
    assert not any("manners" in prompt for prompt in made)


async def test_where_no_quote_stands_there_is_no_verdict(panel):
    def invented(request):
        return quoting(request, a="words that nobody ever wrote", b="nor are these in there")

    judgment = await panel(judge_of(invented)).judge(RECIPE, ANSWERS)
    assert {c.failure_kind for c in judgment.candidates} == {"model_unparseable"}
    assert {c.reward for c in judgment.candidates} == {None}


async def test_items_that_say_the_same_are_one_and_weigh_once(panel, reads):
    """Four ways to say what is essential, of one important item: repeated, it would outweigh what it does not."""
    again = [
        {**IMPORTANT, "text": text}
        for text in (
            "It speaks plainly to whoever asks.",
            "To whoever asks it speaks plainly.",
            "It speaks plainly, to whoever asks.",
        )
    ]
    bench = panel(judge_of(items=(ESSENTIAL, *again), a=(4, 2), b=(3, 3)))
    judgment = await bench.judge(RECIPE, ANSWERS)
    verdicts = [prompt for prompt in bench.prompts if "The rubric, with the kind" in prompt]
    assert all("2. (important)" in prompt and "3. (" not in prompt for prompt in verdicts)
    assert reads.rewards(judgment)["a"] == pytest.approx(0.5 + (0.5 - 0.25) / 6)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The first part has fifty words in all.", "The second part has fifty words in all."),
        ("It names 3 causes of the tides of the sea.", "It names 5 causes of the tides of the sea."),
        ("It speaks of the ships in the harbour.", "It does not speak of the ships in the harbour."),
    ],
    ids=["place", "number", "negation"],
)
async def test_items_that_differ_in_a_number_a_place_or_a_negation_are_two(panel, one, other):
    items = [{**IMPORTANT, "text": text} for text in (one, other)]
    bench = panel(judge_of(items=items))
    judgment = await bench.judge(RECIPE, ANSWERS)
    assert judgment.candidates[0].reward is not None
    verdicts = [prompt for prompt in bench.prompts if "The rubric, with the kind" in prompt]
    assert all(f"1. (important) {one}\n2. (important) {other}" in prompt for prompt in verdicts)


async def test_a_rubric_is_short(panel):
    """Five items at most; a longer one is asked for again, and then there is no verdict."""
    words = ("names causes", "cites pages", "shows steps", "gives units", "says limits", "asks back")
    items = [{**IMPORTANT, "text": f"It {said}."} for said in words]
    long, short = (
        judge_of(items=items, a=(4,) * 6, b=(2,) * 6),
        judge_of(items=items[:5], a=(4,) * 5, b=(2,) * 5),
    )
    judgment = await panel(long).judge(RECIPE, ANSWERS)
    assert {c.failure_kind for c in judgment.candidates} == {"model_unparseable"}
    assert "6 items that differ, 5 at most" in judgment.candidates[0].failure_reason
    assert (await panel(short).judge(RECIPE, ANSWERS)).candidates[0].reward == 0.75


async def test_an_item_must_rest_on_a_difference_that_there_is(panel):
    loose = {**IMPORTANT, "difference": 9}
    judgment = await panel(judge_of(items=(ESSENTIAL, loose))).judge(RECIPE, ANSWERS)
    assert {c.failure_kind for c in judgment.candidates} == {"model_unparseable"}


async def test_a_principle_of_weight_nothing_changes_nothing(panel, reads):
    """The caller's rubric goes without contrast; what weighs nothing is as if it were not there."""
    principles = [{"description": "It names what makes tides."}, {"description": "It is short.", "weight": 0}]
    with_it = await panel(judge_of(a=(5, 1), b=(2, 5))).judge(RECIPE, ANSWERS, principles=principles)
    without = await panel(judge_of(a=(5,), b=(2,))).judge(RECIPE, ANSWERS, principles=principles[:1])
    assert reads.rewards(with_it) == reads.rewards(without)
    assert reads.rewards(with_it)["a"] > 0.5
