"""RM-R1 (2505.02387): the task is sorted first; then it is solved, or given a rubric, before the verdict."""

from __future__ import annotations

import re

import pytest

pytestmark = pytest.mark.anyio
RECIPE = "rm-r1"
ANSWERS = {"a": "It is forty-two.", "b": "It is forty-one."}
SOLVED = "<solution>6 * 7 = 42</solution><eval>the other is off by one</eval><answer>[[{}]]</answer>"
RUBRIC = (
    "<rubric>Warmth (70%)\nBrevity (30%)<justify>a sad user</justify></rubric>"
    "<eval>by warmth</eval><answer>[[{}]]</answer>"
)
MATHS = {"prompt": "What is six times seven?"}
CHAT = {"prompt": "Cheer me up, please."}


def routed(route=None, verdict=None):
    """A model that sorts by the task (or as told) and prefers forty-two; `verdict` is its last turn instead."""

    def answer(request):
        if "Of which kind" in request.text:
            kind = route or ("Reasoning" if "six times seven" in request.text else "Chat")
            return f"It says so. <type>{kind}</type>"
        if verdict is not None:
            return verdict
        better = "A" if request.text.index("forty-two") < request.text.index("forty-one") else "B"
        return (SOLVED if "<solution>" in request.text else RUBRIC).format(better)

    return answer


async def test_the_prompts_sort_by_the_task_alone_and_show_no_ids_and_no_reference(panel):
    bench = panel(routed())
    task = {**MATHS, "reference": {"answer": "the gold is 42"}}
    await bench.judge(RECIPE, {"candidate-x": ANSWERS["a"], "candidate-y": ANSWERS["b"]}, task=task)
    routes = [prompt for prompt in bench.prompts if "Of which kind" in prompt]
    verdicts = [prompt for prompt in bench.prompts if "Of which kind" not in prompt]
    assert len(routes) == len(verdicts) == 2
    assert all(MATHS["prompt"] in prompt and "forty" not in prompt for prompt in routes)
    for prompt in verdicts:
        for wanted in (
            *ANSWERS.values(),
            "Response A:",
            "Response B:",
            "<solution>",
            "<answer>[[A]]</answer>",
        ):
            assert wanted in prompt
        assert prompt.index("<solution> your own") < prompt.index("<eval> where") < prompt.index("<answer>")
    for unwanted in ("candidate-x", "candidate-y", "the gold is 42", "{{"):
        assert unwanted not in "".join(bench.prompts)


async def test_every_recorded_prompt_says_what_makes_the_method(panel, reads, prompt):
    bench = panel(routed())
    for task in (MATHS, CHAT):
        await bench.judge(RECIPE, ANSWERS, task=task)
    reads.says_what_it_must(bench.prompts, prompt)


def obedient(request):
    """A model that knows no method: it sorts by the kinds that are described, and writes what tags it is asked for."""
    asked = request.text.rpartition("=====END")[2]
    if "<type>" in asked:
        kinds = dict(re.findall(r"^(\w+): (.+)$", asked, re.MULTILINE))
        word = "Mathematics" if "six times seven" in request.text else "safety"
        return "".join(f"<type>{kind}</type>" for kind, told in kinds.items() if word in told) or "Who knows?"
    written = [f"<{tag}>Kindness (100%)</{tag}>" for tag in re.findall(r"<(\w+)> ", asked)]
    better = "A" if request.text.index("forty-two") < request.text.index("forty-one") else "B"
    return "".join(written) + f"<answer>[[{better}]]</answer>"


@pytest.mark.parametrize(
    ("task", "part"), [(MATHS, "<solution>"), (CHAT, "<justify>")], ids=["maths", "chat"]
)
async def test_the_prompts_alone_bring_a_model_to_the_method(panel, reads, task, part):
    judgment = await panel(obedient).judge(RECIPE, ANSWERS, task=task)
    assert reads.rewards(judgment) == {"a": 1.0, "b": 0.0}
    assert all(part in sample.reason for sample in reads.comparison(judgment, "a").samples)


async def test_an_answer_is_read_or_refused_as_the_table_says(panel, reads, case):
    judgment = await panel(routed(case["route"], case["output"])).judge(RECIPE, ANSWERS)
    assert reads.places(judgment) == {case.get("choice") or case["failure_kind"]}
    if "failure_kind" in case:
        assert {c.failure_kind for c in judgment.candidates} == {case["failure_kind"]}
        assert {c.reward for c in judgment.candidates} == {None}


async def test_a_maths_task_is_solved_and_gets_no_rubric(panel, reads):
    """Fails when the turn that sorts is taken out: then nothing says which of the two ways to go."""
    bench = panel(routed())
    judgment = await bench.judge(RECIPE, ANSWERS, task=MATHS)
    assert reads.rewards(judgment) == {"a": 1.0, "b": 0.0}
    for sample in reads.comparison(judgment, "a").samples:
        assert "<solution>6 * 7 = 42</solution>" in sample.reason
        assert "<type>Reasoning</type>" in sample.reason
        assert "<rubric>" not in sample.reason
    assert not any("<rubric>" in prompt for prompt in bench.prompts)


async def test_a_chat_task_gets_a_weighted_rubric_with_its_reasons_and_no_solution(panel, reads):
    bench = panel(routed())
    judgment = await bench.judge(RECIPE, ANSWERS, task=CHAT)
    assert judgment.preference.consistent is True
    for sample in reads.comparison(judgment, "a").samples:
        assert "Warmth (70%)" in sample.reason
        assert "<justify>a sad user</justify>" in sample.reason
        assert "<solution>" not in sample.reason
    assert not any("<solution>" in prompt for prompt in bench.prompts)


async def test_a_model_that_prefers_a_place_gives_a_tie_that_says_so(panel, reads):
    judgment = await panel(routed("Reasoning", SOLVED.format("A"))).judge(RECIPE, ANSWERS)
    assert reads.rewards(judgment) == {"a": 0.5, "b": 0.5}
    assert judgment.preference.consistent is False


async def test_an_unreadable_verdict_is_asked_for_once_more(panel, reads):
    first = {"asked": 0}

    def stumbles(request):
        if "Of which kind" not in request.text and "could not be used" not in request.text:
            first["asked"] += 1
            return "The better one is A."
        return routed()(request)

    judgment = await panel(stumbles).judge(RECIPE, ANSWERS, task=MATHS)
    assert reads.rewards(judgment) == {"a": 1.0, "b": 0.0}
    assert first["asked"] == 2
    assert judgment.usage.useless_calls == 2
