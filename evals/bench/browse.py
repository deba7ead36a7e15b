"""What a page costs in the browser's box: a fresh window, the page, a screenshot, the window closed.

In turns with bare Playwright, which does the same with Chromium outside of any box of ours; it opens the bench's own
page only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from evals.bench.machine import machine
from evals.options import whole
from judge_agent.seams.browser import OWN_ADDRESS, Answer, ServedSite
from sandboxes.browser import BoxedBrowser, find_browser, lacking

VISITS = 30
_ROWS = "".join(f"<tr><td>{number}<td>row {number}" for number in range(200))
_PAGE = f"<!doctype html><title>Table</title><h1>Table</h1><table>{_ROWS}</table>"
_ENTRY = f"{OWN_ADDRESS}index.html"
_SITE = ServedSite(_ENTRY, {_ENTRY: (Answer(_PAGE.encode(), "text/html"),)})


def add_parser(benches: Any) -> None:
    parser = benches.add_parser("browse", help=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    parser.add_argument(
        "--visits", type=whole(2), default=VISITS, help=f"of each side, {VISITS} unless given"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure and print. Returns 2 where there is no browser."""
    browser = find_browser()
    if browser is None:
        print(f"this machine lacks {', '.join(lacking())}", file=sys.stderr)
        return 2
    told = asyncio.run(measured(browser, arguments.visits))
    print(f"{'':12} {'p50 ms':>8} {'p99 ms':>8}   {arguments.visits} visits each, in turns")
    for name, milliseconds in told.items():
        print(f"{name:12} {_p50(milliseconds):8.0f} {_p99(milliseconds):8.0f}")
    if arguments.json:
        sides = {name: {"p50_ms": _p50(one), "p99_ms": _p99(one)} for name, one in told.items()}
        print(json.dumps({"machine": machine(), "visits": arguments.visits, **sides}))
    return 0


async def measured(browser: BoxedBrowser, visits: int) -> dict[str, list[float]]:
    """Milliseconds of each visit: `in_box`, and `playwright`. The first of each is not counted."""
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        bare = await playwright.chromium.launch(
            executable_path=browser.program, args=["--no-sandbox", "--disable-gpu"]
        )
        sides = {"in_box": _in_box(browser), "playwright": _bare(bare)}
        told: dict[str, list[float]] = {name: [] for name in sides}
        try:
            for turn in range(visits + 1):
                for name, visit in sides.items():
                    began = time.perf_counter()
                    await visit()
                    if turn:
                        told[name].append((time.perf_counter() - began) * 1000)
        finally:
            await bare.close()
            await browser.aclose()
    return told


def _in_box(browser: BoxedBrowser) -> Callable[[], Awaitable[None]]:
    async def visit() -> None:
        async with browser.visit(_SITE) as window:
            await window.do({"do": "go"}, timeout_seconds=60)
            await window.do({"do": "screenshot"}, timeout_seconds=60)

    return visit


def _bare(browser: Any) -> Callable[[], Awaitable[None]]:
    async def visit() -> None:
        context = await browser.new_context(viewport={"width": 1280, "height": 720})
        page = await context.new_page()
        await page.set_content(_PAGE)
        await page.screenshot()
        await context.close()

    return visit


def _p50(milliseconds: list[float]) -> float:
    return round(statistics.median(milliseconds), 1)


def _p99(milliseconds: list[float]) -> float:
    return round(sorted(milliseconds)[min(len(milliseconds) - 1, int(len(milliseconds) * 0.99))], 1)
