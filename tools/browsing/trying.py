"""Opens windows for the checks of one page, and for a page of our own that shows what the machine can do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from judge_agent.errors import SandboxError
from judge_agent.schema import PageStep
from judge_agent.seams.browser import OWN_ADDRESS, Answer, Browser, PageError, ServedSite
from tools.browsing.limits import BrowseLimits
from tools.browsing.steps import Hand, StepResult, Visit

Keep = Callable[[str, bytes], None]
_CONTROL_PAGE = '<!doctype html><title>Control</title><button onclick="this.textContent=1">Do</button>'
_CONTROL = ServedSite(OWN_ADDRESS, {OWN_ADDRESS: (Answer(_CONTROL_PAGE.encode(), "text/html"),)})
_CONTROL_STEPS = (
    PageStep(do="click", role="button"),
    PageStep(do="assert", role="button", that="text_is", value="1"),
    PageStep(do="assert", that="not_blank"),
)


@dataclass(frozen=True)
class Windows:
    """Opens a window for each visit to one site. `described`: screenshots are told in words as well.

    `keep` is told of each screenshot: its SHA-256 and the PNG.
    """

    browser: Browser
    site: ServedSite
    limits: BrowseLimits
    seed: int = 0
    described: bool = False
    keep: Keep | None = None

    async def run(self, steps: Sequence[PageStep], patience: float = 1.0) -> Visit:
        """See `Runner.run`. What the page does to the browser is a failed step."""
        visit = await self._visit(self.site, steps, self.limits.with_patience(patience))
        if self.keep is not None:
            for shot in visit.shots:
                self.keep(shot.sha256, shot.content)
        return visit

    async def is_able(self, patience: float = 1.0) -> bool:
        """See `Runner.is_able`."""
        limits = self.limits.with_patience(patience)
        return (await self._visit(_CONTROL, _CONTROL_STEPS, limits)).failed is None

    async def _visit(self, site: ServedSite, steps: Sequence[PageStep], limits: BrowseLimits) -> Visit:
        """Raises SandboxError where there is no window yet, so that no page can be to blame."""
        hand: Hand | None = None
        reason, limit = "", ""
        try:
            async with self.browser.visit(site, seed=self.seed) as window:
                hand = Hand(window, site, limits, described=self.described)
                async with asyncio.timeout(limits.check_seconds):
                    await hand.do_all(steps)
        except TimeoutError:
            reason = f"the check took more than check_seconds={limits.check_seconds:g}"
            limit = "check_seconds"
        except PageError as error:
            reason, limit = str(error) or "the page has ended", error.limit or ""
        if hand is None:
            raise SandboxError(f"the browser's window did not open: {reason}")
        if reason and hand.visit.failed is None:
            done = len(hand.visit.results)
            hand.visit.results.append(StepResult(done, "wait", False, reason, None, limit))
        return hand.visit
