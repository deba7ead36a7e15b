"""WebGen-Agent and WebGen-R1: a page must render, then work, then its looks are graded; a stage that fails ends it."""

from __future__ import annotations

import pytest

from judge_agent.schema import PrincipleSpec
from judge_agent.seams.tool import DecidingTool, Finding, OpeningCall, ToolResult
from sandboxes.browser import find_browser, lacking
from tools.browse import Browse

pytestmark = pytest.mark.anyio
RECIPE = "webgen"
TASK = {"prompt": "A page with a big blue heading."}
PAGE = "```html\n<!doctype html><h1 style='color:blue'>Tides</h1><p>The moon pulls the water.</p>\n```"
BLANK = "```html\n<!doctype html><html><body></body></html>\n```"
SEEN = "Seen: a calm page with a blue heading.\n<score>{}</score>"


def staged(bearing, strength, renders, functions, reason):
    """What the tool says of a page: of the whole, of its rendering, and of the share of checks behind that."""
    return (
        Finding(bearing, strength, renders and functions, reason),
        Finding("confirms" if renders else bearing, "decisive", renders, reason, handle="page_renders"),
        Finding(bearing, strength, functions, reason, handle="page_functions"),
    )


class Opened(DecidingTool):
    """A browser that knows a page by its words: it refutes what is blank, and leaves open what needs other hosts."""

    name, version, description, parameters = "browse", "1", "Opens the page.", {}
    decides = PrincipleSpec(
        name="page_works", description="It renders.", kind="hard", dimension="correctness", tool="browse"
    )

    def __init__(self):
        self.checks = []

    def opening_calls(self, view):
        return (OpeningCall(),) if view.task.reference.ui is not None else ()

    async def run(self, arguments, view, *, timeout_seconds):
        self.checks.append(view.task.reference.ui)
        text = view.trajectory.messages[-1].content if view.trajectory.messages else ""
        said = str(text or view.trajectory.final_answer)
        if "<body></body>" in said:
            reason = "1 of 3 checks failed; 'not_blank': the window is of one colour"
            return ToolResult("failed", {"reason": reason}, staged("refutes", "decisive", 0.0, 0.0, reason))
        if "cdn." in said:
            return ToolResult("failed", {}, staged("refutes", "hint", 1.0, None, "it needs another host"))
        if "far away" in said:
            return ToolResult("failed", {}, staged("refutes", "strong", 1.0, None, "it needs another host"))
        if "half" in said:
            return ToolResult("failed", {}, staged("refutes", "decisive", 1.0, 0.5, "1 of 2 checks passed"))
        return ToolResult("ok", {"shown": "Tides"}, staged("confirms", "decisive", 1.0, 1.0, "all passed"))


async def test_every_recorded_prompt_says_what_makes_the_method(panel, reads, prompt):
    def answer(request):
        return "<verdict>Works</verdict>" if "Works</verdict>" in request.text else SEEN.format(5)

    bench = panel(answer, judge_tools=[Opened()])
    pages = {"a": PAGE, "b": PAGE.replace("Tides", "<script src='https://cdn.example/x.js'></script>")}
    await bench.judge(RECIPE, pages, task=TASK)
    reads.says_what_it_must(bench.prompts, prompt)


async def test_an_answer_is_read_or_refused_as_the_table_says(panel, case):
    judgment = await panel(case["output"], judge_tools=[Opened()]).judge(RECIPE, {"a": PAGE}, task=TASK)
    (found,) = [one for one in judgment.candidates[0].principles if one.name == "appearance"]
    if "failure_kind" in case:
        assert (found.valid, found.score, found.failure_kind) == (False, None, case["failure_kind"])
        assert judgment.candidates[0].reward is None
        return
    assert (found.choice, found.score) == (case["choice"], pytest.approx(case["score"]))


async def test_a_page_that_is_blank_is_at_nothing_and_no_model_is_asked_how_it_looks(panel):
    """The defining step: behind a stage that failed nothing is looked at, and nothing is missing."""
    bench = panel(SEEN.format(5), judge_tools=[Opened()])
    judgment = await bench.judge(RECIPE, {"a": BLANK}, task=TASK)
    (result,) = judgment.candidates
    assert (result.status, result.reward, result.passed) == ("scored", 0.0, False)
    assert result.vector == {"correctness": 0.0, "appearance": 0.0}
    looks = next(one for one in result.principles if one.name == "appearance")
    assert (looks.choice, looks.decided_by) == ("1", "evidence")
    assert "not looked at" in looks.reason
    assert bench.prompts == []


async def test_a_page_that_renders_is_graded_for_its_looks(panel):
    judgment = await panel(SEEN.format(3), judge_tools=[Opened()]).judge(RECIPE, {"a": PAGE}, task=TASK)
    (result,) = judgment.candidates
    assert result.vector == {"correctness": 1.0, "appearance": pytest.approx(0.6)}
    assert result.reward == pytest.approx(0.8)


async def test_the_share_of_the_checks_that_a_page_passes_counts(panel):
    """With all or nothing a page in which one button of two works would be worth as much as one without any."""
    half = PAGE.replace("Tides", "half of Tides")
    judgment = await panel(SEEN.format(3), judge_tools=[Opened()]).judge(RECIPE, {"a": half}, task=TASK)
    (result,) = judgment.candidates
    assert result.vector == {"correctness": 0.5, "appearance": pytest.approx(0.6)}
    assert result.reward == pytest.approx(0.55)


@pytest.mark.parametrize(("grade", "reward"), [("0", 0.0), ("1", 0.0), ("1.5", 0.65), ("2", 0.7), ("5", 1.0)])
async def test_a_page_that_looks_broken_is_at_nothing_however_well_it_works(panel, grade, reward):
    judgment = await panel(SEEN.format(grade), judge_tools=[Opened()]).judge(RECIPE, {"a": PAGE}, task=TASK)
    (result,) = judgment.candidates
    assert (result.reward, result.passed) == (pytest.approx(reward), reward > 0)
    looks = next(one for one in result.principles if one.name == "appearance")
    assert looks.choice == grade


async def test_the_model_passes_no_page_against_what_the_browser_saw(panel):
    """What needs another host is not refuted for sure; the model's word alone does not outweigh that it failed."""

    def answer(request):
        return "<verdict>Works</verdict>" if "Works</verdict>" in request.text else SEEN.format(5)

    page = PAGE.replace("Tides", "Tides far away")
    judgment = await panel(answer, judge_tools=[Opened()]).judge(RECIPE, {"a": page}, task=TASK)
    (result,) = judgment.candidates
    assert (result.reward, result.failure_kind) == (None, "evidence_unsupported")


async def test_without_a_browser_there_is_no_reward(panel):
    bench = panel(SEEN.format(5), judge_tools=[Browse(None)])
    judgment = await bench.judge(RECIPE, {"a": PAGE}, task=TASK)
    assert judgment.candidates[0].reward is None
    assert judgment.candidates[0].failure_kind == "tool_unavailable"


async def test_checks_of_the_request_stand_in_place_of_the_recipes_own(panel):
    tool = Opened()
    checks = [{"name": "counts", "steps": [{"do": "assert", "that": "not_blank"}]}]
    for ui in (None, {"checks": checks}):
        task = {**TASK, "reference": {"ui": ui}} if ui else TASK
        await panel(SEEN.format(5), judge_tools=[tool]).judge(RECIPE, {"a": PAGE}, task=task)
    assert [[check.name for check in ui.checks] for ui in tool.checks] == [["looked at"], ["counts"]]


async def test_a_real_browser_tells_a_page_from_a_blank_one_and_shows_it(panel):
    browser = find_browser()
    if browser is None:
        pytest.skip(f"this machine lacks {', '.join(lacking())}")
    try:
        bench = panel(SEEN.format(4), judge_tools=[Browse(browser)], images=True)
        judgment = await bench.judge(RECIPE, {"a": PAGE, "b": BLANK}, task=TASK)
    finally:
        await browser.aclose()
    assert {c.id: c.reward for c in judgment.candidates} == {"a": pytest.approx(0.9), "b": 0.0}
    (asked,) = bench.model.requests
    assert asked.messages[-1].images
