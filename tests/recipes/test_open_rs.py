"""OpenRS (2602.14069): the reference first; else a rubric for kind and pair, in which a fatal item decides alone."""

from __future__ import annotations

import json

import pytest

from judge_agent.prompting import default_folder
from judge_agent.recipes import load_recipes
from judge_agent.schema import PrincipleSpec
from judge_agent.seams.tool import DecidingTool, Finding, OpeningCall, ToolResult

pytestmark = pytest.mark.anyio
RECIPE = "open-rs"
ANSWERS = {"a": "It is forty-two.", "b": "It is forty-one, dear reader."}
TASK = {"prompt": "What is six times seven?"}
WITH_REFERENCE = {**TASK, "reference": {"answer": "the gold is 42"}}
ITEMS = [
    {"text": "The product is the right one.", "kind": "fatal"},
    {"text": "It says how the product comes about.", "kind": "core"},
    {"text": "It is friendly to the reader.", "kind": "highlight"},
]
STAGES = {
    "check": "You check the results",
    "kind": "Of which kind is this task",
    "demands": "You list what a task demands",
    "kept": "You check one response",
    "differences": "You look for the differences of fact",
    "rubric": "What tasks of this kind",
    "verdict": "The rubric, with the kind",
}


def stage_of(text):
    return next(name for name, mark in STAGES.items() if mark in text)


def shows_a_first(request):
    return request.text.index("forty-two") < request.text.index("forty-one")


def marks(fatal, core, highlight):
    items = {
        str(number): {"reason": "By what it says.", "A": first, "B": second}
        for number, (first, second) in enumerate((fatal, core, highlight), start=1)
    }
    return json.dumps({"items": items})


def judge_of(agrees="open", verdict=None, a=("met", 2, 1), b=("violated", 5, 5)):
    """A model that agrees with the reference for 'a', 'b' or 'open', and marks the answers so wherever they stand."""

    def answer(request):
        stage = stage_of(request.text)
        if stage == "check":
            letter = agrees if agrees == "open" else "A" if (agrees == "a") == shows_a_first(request) else "B"
            return json.dumps({"reasoning": "I compared the results.", "agrees": letter})
        if stage == "kind":
            return "It asks for a number. <kind>maths</kind>"
        if stage == "differences":
            return "A says 42, B says 41; 42 is the case, and all hangs on it."
        if stage == "rubric":
            return json.dumps({"items": ITEMS})
        pairs = zip(a, b, strict=True) if shows_a_first(request) else zip(b, a, strict=True)
        return verdict or marks(*pairs)

    return answer


def constrained(*keeps, **marked):
    """The same with a task of explicit limits; `keeps` says of each answer whether it keeps the one demand."""

    def answer(request):
        stage = stage_of(request.text)
        if stage == "kind":
            return "One word is asked for. <kind>constraints</kind>"
        if stage == "demands":
            return json.dumps({"items": [{"text": "It is one sentence of three words.", "kind": "demand"}]})
        if stage != "kept":
            return judge_of(**marked)(request)
        (slot,) = request.schema["properties"]["items"]["properties"]["1"]["required"][1:]
        mark = keeps["forty-two" not in request.text]
        return json.dumps({"items": {"1": {"reason": "I counted the words.", slot: mark}}})

    return answer


def asked(bench):
    return [stage_of(prompt) for prompt in bench.prompts]


async def test_without_a_reference_there_are_four_stages_and_the_kind_is_asked_once(panel):
    bench = panel(judge_of())
    await bench.judge(RECIPE, {"candidate-x": ANSWERS["a"], "candidate-y": ANSWERS["b"]}, task=TASK)
    assert sorted(asked(bench)) == [
        "differences",
        "differences",
        "kind",
        "rubric",
        "rubric",
        "verdict",
        "verdict",
    ]
    for unwanted in ("candidate-x", "candidate-y", "{{"):
        assert unwanted not in "".join(bench.prompts)


async def test_every_recorded_prompt_says_what_makes_the_method(panel, reads, prompt):
    bench, limits = panel(judge_of()), panel(constrained("met", "violated"))
    await bench.judge(RECIPE, ANSWERS, task=WITH_REFERENCE)
    await limits.judge(RECIPE, ANSWERS, task=TASK)
    reads.says_what_it_must([*bench.prompts, *limits.prompts], prompt)


async def test_an_answer_is_read_or_refused_as_the_table_says(panel, reads, case):
    output = case["output"]
    judgment = await panel(judge_of(verdict=output or "\n")).judge(RECIPE, ANSWERS, task=TASK)
    assert reads.places(judgment) == {case.get("choice") or case["failure_kind"]}
    if "failure_kind" in case:
        assert {c.reward for c in judgment.candidates} == {None}


async def test_who_agrees_with_the_reference_alone_has_won_and_no_rubric_is_written(panel, reads):
    """The defining step: the reference goes first. Without it the marks would prefer the other one."""
    bench = panel(judge_of("a", a=("met", 1, 1), b=("met", 5, 5)))
    judgment = await bench.judge(RECIPE, ANSWERS, task=WITH_REFERENCE)
    assert reads.rewards(judgment) == {"a": 1.0, "b": 0.0}
    assert asked(bench) == ["check", "check"]


class Compares(DecidingTool):
    """Compares an answer with the reference, where it is written in digits."""

    name, version, description, parameters = "calculate", "1", "Compares the answer.", {}
    decides = PrincipleSpec(name="answer", description="It is right.", kind="hard", dimension="correctness")

    def opening_calls(self, view):
        return (OpeningCall(),)

    async def run(self, arguments, view, *, timeout_seconds):
        if "out of order" in view.task.prompt:
            raise RuntimeError("no box")
        said = str(view.trajectory.final_answer or view.trajectory.messages[-1].content)
        if not any(map(str.isdigit, said)):
            return ToolResult("ok", "words", (Finding("none", "hint", None, "words are no number"),))
        right = "42" in said
        bearing = "confirms" if right else "refutes"
        return ToolResult("ok", said, (Finding(bearing, "decisive", float(right)),))


async def test_what_a_tool_leaves_open_of_the_reference_the_check_decides(panel, reads):
    """A tool that could not tell keeps nobody from a reward; what it could tell stands, and what broke stays open."""
    bench = panel(judge_of("a"), judge_tools=[Compares()])
    judgment = await bench.judge(RECIPE, ANSWERS, task=WITH_REFERENCE)
    assert reads.rewards(judgment) == {"a": 1.0, "b": 0.0}
    digits = {"a": "It is forty-two, or 42.", "b": "It is forty-one, or 41."}
    judgment = await panel(judge_of("b"), judge_tools=[Compares()]).judge(RECIPE, digits, task=WITH_REFERENCE)
    answers = {c.id: p.score for c in judgment.candidates for p in c.principles if p.name == "answer"}
    assert answers == {"a": 1.0, "b": 0.0}
    assert reads.rewards(judgment)["b"] == 0.0
    broken = {**WITH_REFERENCE, "prompt": "What is six times seven, out of order?"}
    judgment = await panel(judge_of("a"), judge_tools=[Compares()]).judge(RECIPE, ANSWERS, task=broken)
    assert reads.rewards(judgment) == {"a": None, "b": None}


async def test_where_the_reference_leaves_it_open_the_rubric_decides_and_shows_no_reference(panel, reads):
    bench = panel(judge_of("open", a=("met", 1, 1), b=("met", 5, 5)))
    judgment = await bench.judge(RECIPE, ANSWERS, task=WITH_REFERENCE)
    assert reads.rewards(judgment) == {"a": 0.0, "b": 1.0}
    for prompt in bench.prompts:
        assert ("the gold is 42" in prompt) == (stage_of(prompt) == "check")


async def test_who_alone_keeps_the_explicit_limits_has_won_and_each_is_checked_by_itself(panel, reads):
    """The other step before pairs: without it the marks would prefer the one that breaks the limit."""
    bench = panel(constrained("met", "violated", a=("met", 1, 1), b=("met", 5, 5)))
    judgment = await bench.judge(RECIPE, ANSWERS, task=TASK)
    assert reads.rewards(judgment) == {"a": 1.0, "b": 0.0}
    assert sorted(asked(bench)) == ["demands", *["kept"] * 4, "kind"]
    for prompt in bench.prompts:
        if stage_of(prompt) == "kept":
            assert ("forty-two" in prompt) != ("forty-one" in prompt)
            assert "1. (demand) It is one sentence of three words." in prompt


@pytest.mark.parametrize("mark", ["met", "violated"])
async def test_where_both_keep_the_limits_or_neither_does_the_pair_is_compared(panel, reads, mark):
    bench = panel(constrained(mark, mark))
    judgment = await bench.judge(RECIPE, ANSWERS, task=TASK)
    assert reads.rewards(judgment) == {"a": 1.0, "b": 0.0}  # b breaks the fatal item of the rubric
    assert asked(bench).count("verdict") == 2


async def test_a_check_of_one_response_that_marks_another_gives_no_verdict(panel):
    def strange(request):
        if stage_of(request.text) != "kept":
            return constrained("met", "met")(request)
        return json.dumps({"items": {"1": {"reason": "I counted the words.", "A": "met", "B": "met"}}})

    judgment = await panel(strange).judge(RECIPE, ANSWERS, task=TASK)
    assert {c.failure_kind for c in judgment.candidates} == {"model_unparseable"}


async def test_principles_of_the_caller_are_the_rubric_hard_ones_fatal(panel, reads):
    given = [
        {"description": one["text"], "kind": "hard" if one["kind"] == "fatal" else "soft"} for one in ITEMS
    ]
    bench = panel(judge_of(a=("met", 1, 1), b=("violated", 5, 5)))
    judgment = await bench.judge(RECIPE, ANSWERS, task=TASK, principles=given)
    assert reads.rewards(judgment) == {"a": 1.0, "b": 0.0}
    assert sorted(asked(bench)) == ["differences", "differences", "verdict", "verdict"]
    for prompt in bench.prompts:
        if stage_of(prompt) == "verdict":
            assert "1. (fatal) The product is the right one.\n2. (core) It says how" in prompt


async def test_a_fatal_item_that_fires_decides_alone(panel, reads):
    """Without the veto the five points of the core and the highlight would carry the one that broke it."""
    judgment = await panel(judge_of(a=("met", 1, 1), b=("violated", 5, 5))).judge(RECIPE, ANSWERS, task=TASK)
    assert reads.rewards(judgment) == {"a": 1.0, "b": 0.0}


@pytest.mark.parametrize(
    ("kind", "gap"),
    [("core", 5 / 8), ("important", 2 / 8), ("highlight", 1 / 8)],
    ids=["core", "important", "highlight"],
)
async def test_core_important_and_highlight_weigh_five_two_and_one(panel, reads, kind, gap):
    """One item of each kind; the first answer is ahead by one of them from end to end."""
    kinds = ("core", "important", "highlight")

    def answer(request):
        stage = stage_of(request.text)
        if stage == "rubric":
            texts = ("It names the product.", "It shows every single step.", "A friendly word stands there.")
            return json.dumps({"items": [{"text": t, "kind": k} for t, k in zip(texts, kinds, strict=True)]})
        if stage != "verdict":
            return judge_of()(request)
        ahead = (5, 1) if shows_a_first(request) else (1, 5)
        return marks(*(ahead if one == kind else (3, 3) for one in kinds))

    judgment = await panel(answer).judge(RECIPE, ANSWERS, task=TASK)
    assert reads.rewards(judgment)["a"] == pytest.approx(0.5 + gap / 2)


async def test_the_template_is_of_the_kind_that_was_found(panel):
    def writing(request):
        return "A poem. <kind>writing</kind>" if stage_of(request.text) == "kind" else judge_of()(request)

    shown = {}
    for name, model in (("maths", judge_of()), ("writing", writing)):
        bench = panel(model)
        await bench.judge(RECIPE, ANSWERS, task=TASK)
        shown[name] = next(prompt for prompt in bench.prompts if stage_of(prompt) == "rubric")
    assert "Every step follows" in shown["maths"]
    assert "free of stock phrases" in shown["writing"]
    assert "Every step follows" not in shown["writing"]


async def test_every_kind_on_the_menu_has_its_line_in_the_prompt_and_a_template_of_its_own(panel):
    bench = panel(judge_of())
    await bench.judge(RECIPE, ANSWERS, task=TASK)
    (asked_kind,) = [prompt for prompt in bench.prompts if stage_of(prompt) == "kind"]
    (turn,) = [turn for turn in load_recipes(default_folder())[RECIPE].turns if turn.name == "kind"]
    assert len(turn.read.labels) == len(set(turn.read.texts.values())) == 22
    for kind in turn.read.labels.values():
        assert f"\n{kind}: " in asked_kind


async def test_a_kind_that_is_not_on_the_list_gives_no_verdict(panel):
    def strange(request):
        return "<kind>weather</kind>" if stage_of(request.text) == "kind" else judge_of()(request)

    judgment = await panel(strange).judge(RECIPE, ANSWERS, task=TASK)
    assert {c.failure_kind for c in judgment.candidates} == {"model_unparseable"}
