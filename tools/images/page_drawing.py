"""Shows a candidate's page in the browser's box, where nothing else lies, and takes its picture once it stands still.

Does not know what a page would load from other hosts, or from files that the candidate did not hand in: both are told.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from judge_agent.errors import ToolError
from judge_agent.seams.browser import Browser, PageError, ServedSite, Window
from tools.images.box import BoxLimits
from tools.images.drawn import Drawn, Failure, held

WINDOW = (1280, 720)
_LOOKS = 8
_BETWEEN_SECONDS = 0.15
_STEP_SECONDS = 10.0
_LACKING = ("needed_outside", "outside", "failed")
NO_BROWSER = (
    "render_compare shows pages in a browser's box: apt-get install chromium-headless-shell fonts-dejavu-core "
    "&& pip install -e '.[tools]' -c constraints.txt (judge-agent doctor says what is missing)"
)


async def drawn_page(
    browser: Browser | None,
    site: ServedSite,
    size: tuple[int, int] | None,
    limits: BoxLimits,
    *,
    page_side: int,
    seed: int,
) -> Drawn | Failure:
    """The picture of a page in a window of this size (pixels; None: 1280 x 720).

    Raises ToolError (no browser, or a window larger than `page_side`), SandboxError.
    """
    if browser is None:
        raise ToolError(NO_BROWSER)
    width, height = size or WINDOW
    if max(width, height) > page_side:
        raise ToolError(
            f"a page cannot be shown at {width} x {height} pixels; the limit is page_side={page_side}"
        )
    try:
        async with browser.visit(site, seed=seed) as window:
            await _do(window, {"do": "resize", "width": width, "height": height})
            await _do(window, {"do": "go", "url": site.entry})
            content = await _still(window)
            told = await _do(window, {"do": "events"})
    except PageError as error:
        return Failure(f"the page cannot be shown: {error}"[:200], own=False)
    drawn = held(content, limits)
    return drawn if isinstance(drawn, Failure) else drawn._replace(lacking=_lacking(told))


async def _still(window: Window) -> bytes:
    """Two pictures in a row that are the same, or the last of several. Raises PageError."""
    content = await _picture(window)
    for _ in range(_LOOKS):
        await _do(window, {"do": "wait", "wait_seconds": _BETWEEN_SECONDS})
        before, content = content, await _picture(window)
        if content == before:
            break
    return content


async def _picture(window: Window) -> bytes:
    told = await _do(window, {"do": "screenshot"})
    return base64.b64decode(told["base64"])


async def _do(window: Window, action: Mapping[str, Any]) -> Any:
    return await window.do(action, timeout_seconds=_STEP_SECONDS)


def _lacking(told: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(words)[:200] for kind in _LACKING for words in told["words"].get(kind, ()))[:8]
