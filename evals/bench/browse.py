"""`bench tools --only browse`: a page opened in a fresh window, a screenshot of it, the window closed.

Through the tool, whose browser is warm in its box, and in bare Playwright: the same Chromium outside of any box, with
network and files, so it opens no page but the own one of the bench.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from evals.bench.beside import TOOL, Call, Part, PartLacking
from judge_agent.schema import Resources, Site, Task, Trajectory
from judge_agent.seams.tool import ToolView
from sandboxes.browser import INSTALL, find_browser, lacking
from tools.browse import Browse

_ROWS = "".join(f"<tr><td>{number}<td>row {number}" for number in range(200))
_PAGE = f"<!doctype html><title>Table</title><h1>Table</h1><table>{_ROWS}</table>"
_ASKED = {"site": "table", "steps": [{"do": "screenshot"}]}


@asynccontextmanager
async def _opened() -> AsyncIterator[Mapping[str, Call]]:
    browser = find_browser()
    if browser is None:
        raise PartLacking(f"this machine lacks {', '.join(lacking())}: {INSTALL}")
    from playwright.async_api import async_playwright

    tool, view = Browse(browser), _view()
    async with async_playwright() as playwright:
        bare = await playwright.chromium.launch(
            executable_path=browser.program, args=["--no-sandbox", "--disable-gpu"]
        )

        async def through(turn: int) -> None:
            result = await tool.run(_ASKED, view, timeout_seconds=120)
            if result.status != "ok" or not result.images:
                raise RuntimeError(f"the tool's visit ended with {result.status}: {result.output!r:.500}")

        async def in_playwright(turn: int) -> None:
            context = await bare.new_context(viewport={"width": 1280, "height": 720})
            page = await context.new_page()
            await page.set_content(_PAGE)
            await page.screenshot()
            await context.close()

        try:
            yield {TOOL: through, "playwright": in_playwright}
        finally:
            await bare.close()
            await browser.aclose()


def _view() -> ToolView:
    pages = (Site(name="table", html=_PAGE),)
    return ToolView(Task(prompt="Measure."), Trajectory(), 0, Resources(pages=pages), sees_images=True)


PART = Part("browse", "a page with a table of 200 rows, a picture of 1280 x 720 pixels", 400.0, _opened)
