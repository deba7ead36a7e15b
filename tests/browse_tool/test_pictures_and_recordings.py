"""Screenshots as evidence, sites as browsers record them, and machines that are too slow to tell."""

from __future__ import annotations

import base64
import hashlib
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from judge_agent.errors import SandboxError
from judge_agent.schema import Site
from judge_agent.seams.browser import PageError
from tools.browse import Browse
from tools.browsing.limits import BrowseLimits

pytestmark = pytest.mark.anyio
PAGE = "<!doctype html><title>T</title><h1>Hi</h1>"
SHOOTS = {"site": "s", "steps": [{"do": "screenshot"}]}


def entry(url: str, text: str | None, kind: str = "text/html", status: int = 200, **content):
    response = {"status": status, "headers": [], "content": {"mimeType": kind, "size": 1, **content}}
    if text is not None:
        response["content"]["text"] = text
    return {
        "startedDateTime": "2026-01-01T00:00:00Z",
        "request": {"method": "GET", "url": url},
        "response": response,
    }


async def test_a_screenshot_is_shown_to_who_can_see_it_and_told_to_who_cannot(tool, view):
    given = view(pages=[{"name": "s", "html": PAGE}])
    seeing = await tool.run(SHOOTS, replace(given, sees_images=True), timeout_seconds=100)
    blind = await tool.run(SHOOTS, given, timeout_seconds=100)
    (image,) = seeing.images
    shown = seeing.output["steps"][1]["shown"]
    assert (image.name, image.width, image.height) == ("step 1", 1280, 720)
    assert hashlib.sha256(base64.b64decode(image.data)).hexdigest() == shown["sha256"]
    assert "text" not in shown
    told = blind.output["steps"][1]["shown"]
    assert told["text"] == "Hi"
    assert 'heading "Hi"' in told["snapshot"]
    assert told["sha256"] == shown["sha256"]


async def test_the_picture_of_a_failed_check_comes_first(browser, view):
    tool = Browse(browser, limits=BrowseLimits(images=1))
    checks = [{"name": "bye", "steps": [{"do": "assert", "text": "Bye", "that": "visible", "seconds": 0.1}]}]
    result = await tool.run({}, view(PAGE, checks), timeout_seconds=200)
    (image,) = result.images
    assert image.name == "bye, step 1"
    assert len(result.output["screenshots"]) == 2


async def test_a_picture_that_is_too_large_is_not_shown(browser, view):
    tool = Browse(browser, limits=BrowseLimits(image_bytes=100))
    result = await tool.run(SHOOTS, view(pages=[{"name": "s", "html": PAGE}]), timeout_seconds=100)
    assert result.images == ()
    assert result.output["steps"][1]["shown"]["sha256"]


async def test_an_archive_of_a_browser_is_a_site(looked):
    page = (
        "<link rel=stylesheet href='/s.css'><p></p><script>fetch('/api?q=1').then(r => r.json())"
        ".then(d => document.querySelector('p').textContent = d.a)</script>"
    )
    style = base64.b64encode(b"p { color: rgb(1, 2, 3) }").decode()
    entries = [
        entry("https://shop.example/s.css", style, "text/css", encoding="base64"),
        entry("https://shop.example/#top", page, "text/html; charset=utf-8"),
        entry("https://shop.example/old", None, status=301),
        entry("https://shop.example/api?q=1", '{"a": 42}', "application/json"),
        entry("data:text/plain,x", "x"),
    ]
    steps = [
        {"do": "assert", "css": "p", "that": "text_is", "value": "42"},
        {"do": "assert", "css": "p", "that": "style_is", "of": "color", "value": "rgb(1, 2, 3)"},
    ]
    archive = {"log": {"version": "1.2", "creator": {"name": "x"}, "entries": entries}}
    result = await looked(None, *steps, har=archive)
    assert result.status == "ok", result.output


@pytest.mark.parametrize(
    ("archive", "says"),
    [
        ({}, "har.log"),
        ({"log": {"entries": []}}, "har.log.entries"),
        ({"log": {"entries": [entry("https://a.example/", None)]}}, "none of them is an answer"),
        ({"log": {"entries": [entry("file:///etc/passwd", "x")]}}, "none of them is an answer"),
        ({"log": {"entries": [entry("https://a.example/", "*", encoding="base64")]}}, "har.log.entries.0"),
        ({"log": {"entries": [entry("https://a.example/", "x" * 2_000_001)]}}, "har.log.entries.0"),
        ({"log": {"entries": [entry("https://a.example/", "x")] * 1001}}, "at most 1000"),
    ],
)
def test_an_archive_that_is_none_is_refused(archive, says):
    with pytest.raises(ValueError, match=says):
        Site.model_validate({"name": "s", "har": archive})


class SlowMachine:
    """A browser on a machine on which nothing is done in time, whatever the page."""

    name, version = "slow", "1"

    @asynccontextmanager
    async def visit(self, site, *, seed=0):
        yield self

    async def do(self, action, *, timeout_seconds):
        if action["do"] == "events":
            return {"counts": {}, "words": {}}
        raise PageError("not done within its seconds", "seconds")

    async def aclose(self):
        return None


async def test_a_machine_that_is_too_slow_for_a_sound_page_refutes_nothing(view):
    checks = [{"name": "greets", "steps": [{"do": "assert", "text": "Hi", "that": "visible"}]}]
    with pytest.raises(SandboxError, match="too slow to tell"):
        await Browse(SlowMachine()).run({}, view(PAGE, checks), timeout_seconds=50)


class Listening(SlowMachine):
    """A browser in which every step succeeds, and that remembers what crossed into its box."""

    def __init__(self):
        self.crossed = []

    async def do(self, action, *, timeout_seconds):
        self.crossed.append(dict(action))
        told = {"read": "what was wanted", "events": {"counts": {}, "words": {}}}
        return told.get(action["do"])


async def test_what_is_to_be_seen_does_not_cross_into_the_box(view):
    heard = Listening()
    step = {"do": "assert", "css": "#n", "that": "text_is", "value": "what was wanted"}
    checks = [{"name": "the name of the check", "steps": [step]}]
    result = await Browse(heard).run({}, view(PAGE, checks, renders=[]), timeout_seconds=50)
    assert result.findings[0].bearing == "confirms"
    assert "#n" in str(heard.crossed)
    assert "wanted" not in str(heard.crossed)
    assert "the name of the check" not in str(heard.crossed)
