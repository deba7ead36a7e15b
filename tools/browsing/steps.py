"""Does the steps of a check in a window, one after the other, until one fails.

What must be seen is compared here: the window only says what is there, so no expected value is where the page runs.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from judge_agent.schema import UiStep
from judge_agent.seams.browser import PageError, ServedSite, Window
from tools.browsing.asserting import NotSo, assert_step
from tools.browsing.limits import BrowseLimits
from tools.browsing.sites import address_in

_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class StepResult:
    """`ok` False: `reason` says why, and `limit` which ceiling it hit, if one. `shown` is JSON."""

    number: int
    do: str
    ok: bool
    reason: str = ""
    shown: Any = None
    limit: str | None = None

    def as_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {"step": self.number, "do": self.do, "ok": self.ok}
        if self.reason:
            told["reason"] = self.reason
        if self.shown is not None:
            told["shown"] = self.shown
        return told


@dataclass
class Visit:
    """What was done in a window; `pictures` are PNGs, as the box gave them, by their SHA-256;
    `outside` are the first requests for scripts, styles and data of other hosts, which nothing answers."""

    results: list[StepResult] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    pictures: dict[str, bytes] = field(default_factory=dict)

    @property
    def failed(self) -> StepResult | None:
        return next((one for one in self.results if not one.ok), None)


class Hand:
    """Does steps in one window; `visit` holds what came of them."""

    def __init__(self, window: Window, site: ServedSite, limits: BrowseLimits) -> None:
        self._window, self._site, self._limits = window, site, limits
        self.visit = Visit()

    async def do_all(self, steps: Sequence[UiStep]) -> None:
        """Until one fails. Raises SandboxError, and ValueError for a page that the site has not."""
        if steps[0].do != "open" and not await self._one(0, UiStep(do="open")):
            return
        for number, step in enumerate(steps, 1):
            if not await self._one(number, step):
                break
        await self._note_what_is_missing()

    async def _note_what_is_missing(self) -> None:
        with contextlib.suppress(PageError):  # a page that has ended says no more
            told = await self.events()
            self.visit.outside = list(told["words"].get("needed_outside", ()))[:5]

    async def _one(self, number: int, step: UiStep) -> bool:
        shown, reason, limit = None, "", None
        try:
            shown = await self._done(step)
        except NotSo as error:
            reason = str(error)
        except PageError as error:
            reason, limit = str(error), error.limit
        what = step.do if step.that is None else f"assert {step.that}"
        self.visit.results.append(StepResult(number, what, not reason, reason, shown, limit))
        return not reason

    async def _done(self, step: UiStep) -> Any:
        if step.do == "assert":
            return await self._asserted(step)
        seconds = self._limits.step_seconds
        if step.do == "open":
            url = address_in(self._site, step.page) if step.page is not None else self._site.entry
            status = await self._window.do(
                {"do": "go", "url": url}, timeout_seconds=self._limits.load_seconds
            )
            if status is not None and status >= 400:
                raise NotSo(f"the page answers {status}")
            return None
        if step.do == "screenshot":
            return await self._screenshot(step)
        if step.do in ("console", "requests"):
            return _events_of(step.do, await self._window.do({"do": "events"}, timeout_seconds=seconds))
        if step.do == "snapshot":
            tree = await self._window.do({"do": "snapshot"}, timeout_seconds=self._limits.load_seconds)
            return str(tree)[: self._limits.shown_chars]
        if step.do == "text":
            text = await self.read("text", step)
            return None if text is None else str(text)[: self._limits.shown_chars]
        action: dict[str, Any] = {
            "do": step.do,
            "target": step.target,
            "value": step.value,
            "by": step.by or 600,
        }
        waiting = step.seconds or 0.0
        action["wait_seconds"] = waiting
        return await self._window.do(action, timeout_seconds=seconds + waiting)

    async def read(self, what: str, step: UiStep) -> Any:
        """One property as it is now. Raises PageError."""
        action = {"do": "read", "what": what, "target": step.target, "of": step.of}
        return await self._window.do(action, timeout_seconds=self._limits.step_seconds)

    async def picture(self, **options: Any) -> dict[str, Any]:
        """Take a screenshot and keep it; answers its measures. Raises PageError."""
        told = dict(
            await self._window.do({"do": "screenshot", **options}, timeout_seconds=self._limits.load_seconds)
        )
        picture = base64.b64decode(told.pop("base64"))
        sha256 = hashlib.sha256(picture).hexdigest()
        if len(self.visit.pictures) < self._limits.screenshots:
            self.visit.pictures[sha256] = picture
        return told | {"sha256": sha256}

    async def events(self) -> Any:
        """What has happened in the window so far. Raises PageError."""
        return await self._window.do({"do": "events"}, timeout_seconds=self._limits.step_seconds)

    async def _screenshot(self, step: UiStep) -> Any:
        return await self.picture(target=step.target)

    async def _asserted(self, step: UiStep) -> None:
        """Look again until it is so or the step's time is over. Raises NotSo, PageError."""
        until = time.monotonic() + (step.seconds or self._limits.step_seconds)
        while True:
            try:
                return await assert_step(self, step)
            except NotSo:
                if time.monotonic() >= until:
                    raise
            await asyncio.sleep(_POLL_SECONDS)


def _events_of(kind: str, told: Any) -> dict[str, Any]:
    wanted = (
        ("console_error", "console_warning", "console_log", "uncaught")
        if kind == "console"
        else ("failed", "outside", "needed_outside")
    )
    return {
        one: {"count": told["counts"][one], "first": [words[:200] for words in told["words"][one][:5]]}
        for one in wanted
        if one in told["counts"]
    }
