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

from judge_agent.schema import PageStep
from judge_agent.seams.browser import PageError, ServedSite, Window
from tools.browsing.asserting import NotSo, assert_step
from tools.browsing.limits import BrowseLimits
from tools.browsing.sites import address_in

_POLL_SECONDS = 0.05
_ENDS = frozenset({"events", "memory_bytes", "answer_bytes", "closed"})
_DESCRIBED_CHARS = 1000


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


@dataclass(frozen=True)
class Shot:
    """A screenshot: a PNG as the box gave it, and what it is of."""

    name: str
    content: bytes
    sha256: str


@dataclass
class Visit:
    """What was done in a window. `outside` are the first requests for scripts, styles and data of other hosts, which
    nothing answers."""

    results: list[StepResult] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    shots: list[Shot] = field(default_factory=list)

    @property
    def failed(self) -> StepResult | None:
        return next((one for one in self.results if not one.ok), None)


class Hand:
    """Does steps in one window; `visit` holds what came of them.

    `described`: a screenshot is told in words as well, for who cannot see it.
    """

    def __init__(
        self, window: Window, site: ServedSite, limits: BrowseLimits, *, described: bool = False
    ) -> None:
        self._window, self._site, self._limits, self._described = window, site, limits, described
        self._number = 0
        self.visit = Visit()

    async def do_all(self, steps: Sequence[PageStep]) -> None:
        """Until one fails. Raises SandboxError, and ValueError for a page that the site has not."""
        opening = [] if steps[0].do == "open" else [PageStep(do="open")]
        for number, step in enumerate((*opening, *steps), 1 - len(opening)):
            self._number = number
            if not await self._one(step):
                break
        with contextlib.suppress(PageError):  # a page that has ended says no more
            failed = self.visit.failed
            if (
                failed is not None and failed.do != "open"
            ):  # one that does not open may not let itself be drawn
                await self.picture()
            told = await self.events()
            self.visit.outside = list(told["words"].get("needed_outside", ()))[:5]

    async def _one(self, step: PageStep) -> bool:
        shown, reason, limit = None, "", None
        try:
            shown = await self._done(step)
        except NotSo as error:
            reason = str(error)
        except PageError as error:
            reason, limit = str(error), error.limit
        what = step.do if step.that is None else f"assert {step.that}"
        self.visit.results.append(StepResult(self._number, what, not reason, reason, shown, limit))
        return not reason

    async def _done(self, step: PageStep) -> Any:
        if step.do == "assert":
            return await self._asserted(step)
        if step.do == "open":
            return await self._open(step)
        if step.do == "screenshot":
            return await self._screenshot(step)
        if step.do in ("console", "requests"):
            return _events_of(step.do, await self.events())
        if step.do == "snapshot":
            return await self._snapshot()
        if step.do == "text":
            text = await self.read("text", step)
            return None if text is None else str(text)[: self._limits.shown_chars]
        return await self._act(step)

    async def _open(self, step: PageStep) -> None:
        url = address_in(self._site, step.page) if step.page is not None else self._site.entry
        status = await self._window.do({"do": "go", "url": url}, timeout_seconds=self._limits.load_seconds)
        if status is not None and status >= 400:
            raise NotSo(f"the page answers {status}")

    async def _act(self, step: PageStep) -> Any:
        waiting = step.seconds or 0.0
        action = {
            "do": step.do,
            "target": step.target,
            "value": step.value,
            "by": 600 if step.by is None else step.by,
            "wait_seconds": waiting,
        }
        return await self._window.do(action, timeout_seconds=self._limits.step_seconds + waiting)

    async def read(self, what: str, step: PageStep) -> Any:
        """One property as it is now. Raises PageError."""
        action = {"do": "read", "what": what, "target": step.target, "of": step.of}
        return await self._window.do(action, timeout_seconds=self._limits.step_seconds)

    async def picture(self, **options: Any) -> dict[str, Any]:
        """Take a screenshot and keep it, one for each step; answers its measures. Raises PageError."""
        told = dict(
            await self._window.do({"do": "screenshot", **options}, timeout_seconds=self._limits.load_seconds)
        )
        content = base64.b64decode(told.pop("base64"))
        shot = Shot(f"step {self._number}", content, hashlib.sha256(content).hexdigest())
        shots = self.visit.shots
        if shots and shots[-1].name == shot.name:
            shots.pop()
        if len(shots) < self._limits.screenshots:
            shots.append(shot)
        return told | {"sha256": shot.sha256}

    async def events(self) -> Any:
        """What has happened in the window so far. Raises PageError."""
        return await self._window.do({"do": "events"}, timeout_seconds=self._limits.step_seconds)

    async def settle(self) -> None:
        """Wait until the page loads no more, or the time for that is over. Raises PageError."""
        await self._window.do({"do": "settle"}, timeout_seconds=self._limits.step_seconds)

    async def _snapshot(self) -> str:
        tree = await self._window.do({"do": "snapshot"}, timeout_seconds=self._limits.load_seconds)
        return str(tree)[: self._limits.shown_chars]

    async def _screenshot(self, step: PageStep) -> Any:
        told = await self.picture(target=step.target)
        if self._described:
            told["text"] = str(await self.read("text", step) or "")[:_DESCRIBED_CHARS]
            if step.target is None:
                told["snapshot"] = (await self._snapshot())[:_DESCRIBED_CHARS]
        return told

    async def _asserted(self, step: PageStep) -> None:
        """Look again until it is so or the step's time is over. Raises NotSo, PageError.

        A page that goes elsewhere meanwhile cannot be read for a moment: that is no answer yet.
        """
        own = step.seconds and step.seconds * self._limits.patience
        until = time.monotonic() + (own or self._limits.step_seconds)
        while True:
            try:
                return await assert_step(self, step)
            except NotSo as error:
                if error.final or time.monotonic() >= until:
                    raise
            except PageError as error:
                if error.limit in _ENDS or time.monotonic() >= until:
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
