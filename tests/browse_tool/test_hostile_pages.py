"""Pages that mean harm to the browser itself: each ends within its time, and the next one is shown."""

from __future__ import annotations

import asyncio
import tomllib
from pathlib import Path

import pytest

from judge_agent.seams.browser import OWN_ADDRESS, Answer, PageError, ServedSite

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
PAGES = tomllib.loads((Path(__file__).parent / "hostile_pages.toml").read_text(encoding="utf-8"))["page"]
SECONDS = 4.0
# Of one page: five actions that wait in vain, and a new browser on a machine that is busy.
MOST_SECONDS = 5 * (SECONDS + 3) + 75


def a_site(html: str) -> ServedSite:
    return ServedSite(OWN_ADDRESS, {OWN_ADDRESS: (Answer(html.encode(), "text/html"),)})


async def seen(browser, page) -> str | None:
    """What can be read of a page after all that is done with it; None where it does not let that be done."""
    actions = [{"do": "go"}, {"do": "snapshot"}, {"do": "screenshot"}, {"do": "events"}]
    if "click" in page:
        actions.insert(1, {"do": "click", "target": {"css": page["click"]}})
    try:
        async with browser.visit(a_site(page["html"])) as window:
            for action in actions:
                await window.do(action, timeout_seconds=SECONDS)
            return str(await window.do({"do": "read", "what": "text"}, timeout_seconds=SECONDS))
    except PageError:
        return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page["name"])
async def test_the_next_page_is_shown_after_one_that(browser, page):
    async with asyncio.timeout(MOST_SECONDS):
        text = await seen(browser, page)
    if "shows" in page:
        assert text is not None
        assert text.startswith(page["shows"])
        assert "CLIPBOARD" not in text
    async with browser.visit(a_site("<h1>Sound</h1>")) as window:
        await window.do({"do": "go"}, timeout_seconds=20)
        assert await window.do({"do": "read", "what": "text"}, timeout_seconds=20) == "Sound"
