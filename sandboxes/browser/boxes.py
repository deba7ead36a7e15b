"""A browser in boxes: one warm Chromium, or a few; each shows one window at a time.

Does NOT protect against: what `process.py` names; a page that has taken over Chromium's browser process can see the
windows that come after it in the same box (VISITS of them at most), never those of another box.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from judge_agent.errors import SandboxError
from judge_agent.seams.browser import OWN_ADDRESS, BrowserLimits, PageError, ServedSite
from judge_agent.seams.browser import Window as WindowSeam
from sandboxes.browser.process import BrowserProcess

if TYPE_CHECKING:
    from sandboxes.browser.finding import BrowserParts

VISITS = 100
_GRACE_SECONDS = 3.0  # a box that does not keep the time that it was given has hung
_CLOSE_SECONDS = 10.0


class BoxedBrowser:
    """See `Browser`. `boxes` is the most that run at one time; they start when they are needed."""

    name = "chromium"

    def __init__(
        self,
        parts: BrowserParts,
        *,
        limits: BrowserLimits | None = None,
        boxes: int = 2,
        visits: int = VISITS,
    ) -> None:
        self._parts = parts
        self._limits = limits or BrowserLimits()
        self._visits = visits
        self._free = asyncio.Semaphore(boxes)
        self._warm: list[BrowserProcess] = []
        self.version = f"1-{parts.digest}"

    @property
    def program(self) -> str:
        """The path of Chromium."""
        return self._parts.program

    @asynccontextmanager
    async def visit(self, site: ServedSite, *, seed: int = 0) -> AsyncIterator[WindowSeam]:
        """See `Browser.visit`."""
        async with self._free:
            box = await self._box()
            try:
                async with asyncio.timeout(self._limits.visit_seconds) as limit:
                    await box.ask(_opening(site, seed), timeout_seconds=self._limits.visit_seconds)
                    yield _Window(box)
            except TimeoutError as error:
                box.dead = True
                if not limit.expired():
                    raise
                seconds = self._limits.visit_seconds
                raise PageError(
                    f"the visit took more than visit_seconds={seconds:g}", "visit_seconds"
                ) from error
            except asyncio.CancelledError:
                box.dead = True
                raise
            finally:
                await self._put_back(box)

    async def aclose(self) -> None:
        """End the boxes that nobody uses. Repeated calls do nothing; a visit after it starts anew."""
        while self._warm:
            await self._warm.pop().aclose()

    async def _box(self) -> BrowserProcess:
        while self._warm:
            box = self._warm.pop()
            if not box.dead and box.loop is asyncio.get_running_loop():
                return box
            await box.aclose()
        box = BrowserProcess(self._parts, self._limits)
        try:
            await box.begin(self._parts.program)
        except BaseException:
            await asyncio.shield(box.aclose())
            raise
        return box

    async def _put_back(self, box: BrowserProcess) -> None:
        """Close the window; a box in which that does not work is ended."""
        box.visits += 1
        if not box.dead and box.visits < self._visits:
            with contextlib.suppress(SandboxError, PageError, TimeoutError):
                await box.ask({"do": "close"}, timeout_seconds=_CLOSE_SECONDS)
        if box.dead or box.visits >= self._visits:
            await asyncio.shield(box.aclose())
        else:
            self._warm.append(box)


class _Window:
    """See `Window`."""

    def __init__(self, box: BrowserProcess) -> None:
        self._box = box

    async def do(self, action: Mapping[str, Any], *, timeout_seconds: float) -> Any:
        """See `Window.do`."""
        if self._box.dead:
            raise PageError("the window was closed, for the page hit a limit", "closed")
        message = {**action, "seconds": timeout_seconds}
        try:
            answer = await self._box.ask(message, timeout_seconds=timeout_seconds + _GRACE_SECONDS)
        except TimeoutError as error:
            self._box.dead = True
            raise PageError(
                f"the page hangs: nothing within {timeout_seconds:g} seconds", "seconds"
            ) from error
        if "error" in answer:
            raise PageError(str(answer["error"])[:1000], answer.get("limit"))
        return answer.get("value")


def _opening(site: ServedSite, seed: int) -> Mapping[str, Any]:
    answers = [
        {
            "url": url,
            "method": one.method,
            "status": one.status,
            "media_type": one.media_type,
            "base64": base64.b64encode(one.body).decode(),
        }
        for url, given in site.answers.items()
        for one in given
    ]
    own = OWN_ADDRESS if site.own else None
    return {"do": "visit", "entry": site.entry, "own": own, "answers": answers, "seed": seed}
