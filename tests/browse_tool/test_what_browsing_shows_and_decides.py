"""What a model sees of a page, where a candidate's page comes from, and what decides."""

from __future__ import annotations

import json

import pytest

from judge_agent.errors import BudgetExceeded, ToolError
from judge_agent.schema import Site, UiChecks
from tools.browse import Browse

pytestmark = pytest.mark.anyio
PAGE = "<!doctype html><title>T</title><h1>Hi</h1><a href='two.html'>Two</a>"
GREETS = [{"name": "greets", "steps": [{"do": "assert", "role": "heading", "name": "Hi", "that": "visible"}]}]


async def test_a_model_looks_at_a_site_of_files(looked):
    files = [{"path": "index.html", "text": PAGE}, {"path": "two.html", "text": "<h1>Second</h1>"}]
    steps = [{"do": "snapshot"}, {"do": "click", "text": "Two"}, {"do": "text"}, {"do": "screenshot"}]
    steps += [{"do": "requests"}, {"do": "console"}, {"do": "open", "page": "index.html"}]
    result = await looked(None, *steps, files=files)
    assert result.status == "ok", result.output
    told = [one.get("shown") for one in result.output["steps"]]
    assert 'heading "Hi"' in told[1]
    assert told[3] == "Second"
    assert (told[4]["width"], told[4]["height"]) == (1280, 720)
    assert result.findings[0].bearing == "none"
    assert result.source == "tool"


async def test_a_recorded_site_answers_at_its_own_addresses(looked):
    page = (
        "<p></p><script>fetch('/api?q=1').then(r => r.json())"
        ".then(d => document.querySelector('p').textContent = d.a)</script>"
    )
    recorded = [
        {"url": "https://shop.example/", "text": page},
        {"url": "https://shop.example/api?q=1", "text": '{"a": 42}', "media_type": "application/json"},
    ]
    result = await looked(
        None, {"do": "assert", "css": "p", "that": "text_is", "value": "42"}, recorded=recorded
    )
    assert result.status == "ok", result.output


async def test_what_a_candidates_own_page_shows_is_its_claim(tool, view):
    steps = [{"do": "text"}]
    given = {"site": "candidate", "steps": steps}
    result = await tool.run(given, view(PAGE), timeout_seconds=100)
    assert result.source == "claim"
    assert result.output["steps"][1]["shown"].split() == ["Hi", "Two"]


async def test_a_failed_stage_ends_the_cascade(judged):
    checks = [
        {"name": "looks", "stage": "looks", "steps": [{"do": "assert", "that": "fits_width"}]},
        {"name": "works", "steps": [{"do": "assert", "css": "#no", "that": "visible", "seconds": 0.2}]},
        {"name": "works too", "steps": [{"do": "assert", "css": "h1", "that": "visible"}]},
    ]
    told, result = await judged(PAGE, checks)
    assert told == ("refutes", "decisive")
    outcomes = {one["name"]: one["outcome"] for one in result.output["checks"]}
    assert outcomes == {
        "loads": "passed",
        "not_blank": "passed",
        "works": "failed",
        "works too": "passed",
        "looks": "skipped",
    }


async def test_the_fenced_block_of_an_answer_is_a_page(judged):
    told, _ = await judged(None, GREETS, answer=f"Here it is:\n```html\n{PAGE}\n```\nDone.")
    assert told == ("confirms", "decisive")


async def test_a_candidates_files_are_laid_over_a_site_of_the_request(judged):
    base = {
        "name": "shop",
        "files": [{"path": "index.html", "text": "<h1 id=h></h1><script src=app.js></script>"}],
    }
    told, _ = await judged(None, GREETS, files={"app.js": "h.textContent = 'Hi'"}, pages=[base], page="shop")
    assert told == ("confirms", "decisive")


async def test_an_answer_without_a_page_is_refuted(judged):
    told, result = await judged(None, GREETS, answer="I would rather not.")
    assert told == ("refutes", "decisive")
    assert result.status == "failed"


async def test_files_among_which_no_page_is_found_decide_nothing(judged):
    told, _ = await judged(None, GREETS, files={"notes.txt": "see index"})
    assert told == ("none", "hint")


@pytest.mark.slow
async def test_what_fails_once_and_then_passes_decides_nothing(tool, view):
    """The first window's patience is too short for it, the second's is not."""
    slow = (
        "<h1>x</h1><script>setTimeout(() => document.querySelector('h1').textContent = 'Hi', 7000)</script>"
    )
    result = await tool.run({}, view(slow, GREETS), timeout_seconds=200)
    assert (result.findings[0].bearing, result.findings[0].strength) == ("refutes", "hint")
    assert result.flags["checks_unsteady"] == ["greets"]


async def test_scripts_of_a_page_cannot_change_what_is_read(judged):
    """Styles, texts and counts are read from worlds that no script of the page reaches."""
    html = (
        "<h1 style='color:rgb(255, 0, 0)'>Wrong</h1><script>"
        "window.getComputedStyle = () => ({getPropertyValue: () => 'rgb(0, 255, 0)', color: 'rgb(0, 255, 0)'});"
        "Object.defineProperty(HTMLElement.prototype, 'innerText', {get: () => 'Right'});"
        "Object.defineProperty(Node.prototype, 'textContent', {get: () => 'Right'});"
        "document.querySelectorAll = () => [1, 2, 3]; Element.prototype.getBoundingClientRect = () => ({});</script>"
    )
    assertions = [
        {"css": "h1", "of": "color", "that": "style_is", "value": "rgb(0, 255, 0)"},
        {"css": "h1", "that": "text_is", "value": "Right"},
        {"css": "h1", "that": "count_is", "value": "3"},
    ]
    checks = [
        {"name": f"c{number}", "steps": [{"do": "assert", "seconds": 0.2, **one}]}
        for number, one in enumerate(assertions)
    ]
    _, result = await judged(html, checks, renders=[])
    assert [one["outcome"] for one in result.output["checks"]] == ["failed"] * 3


async def test_without_a_browser_the_tool_is_unavailable_and_says_what_to_install(view):
    with pytest.raises(ToolError, match="apt-get install chromium"):
        await Browse(None).run({}, view(PAGE, GREETS), timeout_seconds=5)


async def test_no_time_is_the_judgments_affair(tool, view):
    with pytest.raises(BudgetExceeded):
        await tool.run({}, view(PAGE, GREETS), timeout_seconds=0.01)


WRONG = [
    ({"site": "nowhere", "steps": [{"do": "text"}]}, "nowhere"),
    ({"site": "s", "steps": []}, "steps"),
    ({"site": "s", "steps": [{"do": "text"}] * 21}, "steps"),
    ({"site": "s", "steps": [{"do": "jump"}]}, "steps.0.do"),
    ({"site": "s", "steps": [{"do": "click"}]}, "needs an element"),
    (
        {"site": "s", "steps": [{"do": "assert", "that": "count_is", "css": "a", "value": "x"}]},
        "whole number",
    ),
    ({"site": "s", "steps": [{"do": "text"}], "url": "file:///etc/passwd"}, "unknown argument 'url'"),
    ({"site": "s", "steps": [{"do": "text", "css": "x" * 301}]}, "steps.0.css"),
]


@pytest.mark.parametrize(("arguments", "says"), WRONG, ids=lambda one: one if isinstance(one, str) else "")
async def test_wrong_arguments_name_what_is_wrong(tool, view, arguments, says):
    with pytest.raises(ValueError, match=says):
        await tool.run(arguments, view(pages=[{"name": "s", "html": PAGE}]), timeout_seconds=5)


async def test_a_page_that_the_site_has_not_is_refused(looked):
    with pytest.raises(ValueError, match="none of the site's pages"):
        await looked(PAGE, {"do": "open", "page": "file:///etc/passwd"})


@pytest.mark.parametrize(
    "site",
    [
        {"name": "s"},
        {"name": "s", "html": "x", "files": [{"path": "a.html", "text": "x"}]},
        {"name": "s", "files": [{"path": "../a.html", "text": "x"}]},
        {"name": "s", "files": [{"path": "a.html", "text": "x"}] * 2},
        {"name": "s", "files": [{"path": f"{number}.html", "text": "x"} for number in range(201)]},
        {"name": "s", "recorded": [{"url": "file:///etc/passwd", "text": "x"}]},
        {"name": "s", "html": "x" * 2_000_001},
        {"name": "s", "html": "x", "entry": "other.html"},
    ],
    ids=lambda one: json.dumps(one)[:50],
)
def test_a_site_that_is_none_is_refused(site):
    with pytest.raises(ValueError):
        Site.model_validate(site)


def test_checks_have_names_of_their_own():
    with pytest.raises(ValueError, match="more than once"):
        UiChecks.model_validate({"checks": GREETS * 2})


async def test_a_site_that_is_too_large_as_a_whole_is_refused(looked):
    files = [{"path": f"{number}.html", "text": "x" * 1_900_000} for number in range(5)]
    with pytest.raises(ToolError, match="the limit is 8000000"):
        await looked(None, {"do": "text"}, files=files)


async def test_a_page_that_needs_another_host_is_not_refuted_decisively(judged):
    html = "<h1>Ho</h1><script src='https://cdn.example/react.js'></script>"
    checks = [
        {"name": "greets", "steps": [{"do": "assert", "text": "Hi", "that": "visible", "seconds": 0.2}]}
    ]
    told, result = await judged(html, checks)
    assert told == ("refutes", "strong")
    assert result.flags["requests_without_network"] == ["GET https://cdn.example/react.js"]


async def test_what_is_not_answered_is_no_error_of_the_page(judged):
    html = (
        f"{PAGE}<img src='https://cdn.example/a.png'><link rel=stylesheet href='https://cdn.example/a.css'>"
    )
    steps = [{"do": "assert", "that": that} for that in ("no_console_errors", "no_failed_requests")]
    told, result = await judged(html, [{"name": "clean", "steps": steps}])
    assert told == ("confirms", "decisive"), result.output
