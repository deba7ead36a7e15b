"""Every ceiling is hit: the page is told to have failed, and the browser serves the next one."""

from __future__ import annotations

import pytest

from judge_agent.seams.browser import OWN_ADDRESS, Answer, BrowserLimits, PageError, ServedSite
from sandboxes.browser import find_browser
from tools.browse import Browse
from tools.browsing.limits import BrowseLimits

pytestmark = pytest.mark.anyio
LIMITS = BrowseLimits(load_seconds=5, check_seconds=20)
SOUND = "<h1>Sound</h1>"
SEEN = [{"name": "seen", "steps": [{"do": "assert", "text": "Sound", "that": "visible"}]}]


def a_site(html: str) -> ServedSite:
    entry = f"{OWN_ADDRESS}index.html"
    return ServedSite(entry, {entry: (Answer(html.encode(), "text/html"),)})


async def shown(browser, html: str, **action):
    async with browser.visit(a_site(html)) as window:
        await window.do({"do": "go"}, timeout_seconds=20)
        return await window.do(action, timeout_seconds=20)


async def hit(browser, html: str, seconds: float = 20, **action) -> str | None:
    """The limit that the page hits; afterwards the browser shows another one."""

    async def visit() -> None:
        async with browser.visit(a_site(html)) as window:
            await window.do({"do": "go"}, timeout_seconds=seconds)
            await window.do(action, timeout_seconds=seconds)

    with pytest.raises(PageError) as refused:
        await visit()
    assert await shown(browser, SOUND, do="read", what="text") == "Sound"
    return refused.value.limit


@pytest.mark.slow
async def test_a_page_that_never_rests_hits_its_seconds(browser):
    assert await hit(browser, "<script>for(;;);</script>", 3, do="read", what="text") in (None, "seconds")


@pytest.mark.slow
async def test_a_flood_of_messages_hits_the_events(browser):
    html = "<p>x</p><script>setInterval(() => { for (let i = 0; i < 500; i++) console.log(i) }, 5)</script>"
    assert await hit(browser, html, do="wait", wait_seconds=15) == "events"


@pytest.mark.slow
async def test_an_endless_row_of_dialogs_ends(browser):
    html = "<h1>x</h1><script>for (;;) alert(1)</script>"
    assert await hit(browser, html, 4, do="read", what="text") in (None, "events", "seconds")


@pytest.mark.slow
async def test_memory_of_all_processes_is_counted():
    found = find_browser(limits=BrowserLimits(memory_bytes=1200 * 2**20))
    if found is None:
        pytest.skip("this machine lacks a browser")
    html = (
        "<h1>x</h1><script>const a = []; setInterval(() => a.push(new Uint8Array(1e8).fill(1)), 10)</script>"
    )
    try:
        assert await hit(found, html, do="wait", wait_seconds=15) == "memory_bytes"
    finally:
        await found.aclose()


@pytest.mark.slow
async def test_a_script_heap_is_bounded(browser):
    html = (
        "<h1>x</h1><script>const a = []; setTimeout(() => { for (;;) a.push({a: [1, 2, 3]}) }, 50)</script>"
    )
    assert await hit(browser, html, do="wait", target={"css": "#never"}) in (None, "seconds")


@pytest.mark.slow
async def test_an_answer_longer_than_its_bytes_is_not_read():
    found = find_browser(limits=BrowserLimits(answer_bytes=1000))
    if found is None:
        pytest.skip("this machine lacks a browser")
    try:
        assert await hit(found, SOUND, do="screenshot") == "answer_bytes"
    finally:
        await found.aclose()


@pytest.mark.slow
async def test_a_visit_has_its_seconds():
    found = find_browser(limits=BrowserLimits(visit_seconds=8))
    if found is None:
        pytest.skip("this machine lacks a browser")
    try:
        assert await hit(found, SOUND, 60, do="wait", wait_seconds=60) == "visit_seconds"
    finally:
        await found.aclose()


async def test_long_text_is_cut_in_the_box(browser):
    text = await shown(browser, f"<p>{'word ' * 50_000}</p>", do="read", what="text")
    assert len(text) == 20_000


async def test_a_tall_page_gives_a_bounded_picture(browser):
    told = await shown(
        browser, "<div style='height:900000px;background:red'></div>", do="screenshot", full=True
    )
    assert (told["width"], told["height"]) == (1280, 4000)


@pytest.mark.slow
async def test_a_check_has_its_seconds(browser, view):
    tool = Browse(browser, limits=BrowseLimits(check_seconds=6))
    steps = [{"do": "wait", "seconds": 10}] * 3
    result = await tool.run(
        {}, view(SOUND, [{"name": "slow", "steps": steps}], renders=[]), timeout_seconds=200
    )
    assert "check_seconds=18" in result.output["checks"][0]["reason"]


@pytest.mark.slow
async def test_a_page_that_hangs_fails_its_checks_and_the_next_is_judged(browser, view):
    tool = Browse(browser, limits=LIMITS)
    hangs = await tool.run({}, view("<script>for(;;);</script>", SEEN), timeout_seconds=300)
    assert (hangs.findings[0].bearing, hangs.findings[0].strength) == ("refutes", "decisive")
    sound = await Browse(browser).run({}, view(SOUND, SEEN), timeout_seconds=300)
    assert sound.findings[0].bearing == "confirms"
