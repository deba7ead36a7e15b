"""Opens web pages in a browser that has no network, does with them what somebody would do, and says what is seen.

Where the task's reference has checks (`ui`), the candidate's page is held to them: what fails in two fresh windows
refutes, and that all pass confirms; a page that needs scripts, styles or data of another host, which no box can reach,
is never refuted decisively. The page is the candidate's artifacts, the fenced blocks of its answer, or these
laid over a site of the request. A model may open the same pages and those of the request by itself; what a
candidate's page shows is the candidate's claim.

Does not know whether the checks ask for the right things; a page that is written for the checks passes them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from judge_agent.errors import BudgetExceeded, ToolError
from judge_agent.schema import PrincipleSpec, UiStep
from judge_agent.schema.refusals import message_of
from judge_agent.schema.ui_checks import STAGES
from judge_agent.seams.browser import Browser, PageError, ServedSite
from judge_agent.seams.resources import ResourceFiles
from judge_agent.seams.tool import DecidingTool, Finding, OpeningCall, ToolResult, ToolView
from tools.browsing.checks import CheckResult, run_checks
from tools.browsing.limits import BrowseLimits
from tools.browsing.sites import CANDIDATE, candidate_files, has_page, own_site, served
from tools.browsing.steps import Hand, StepResult, Visit

MAX_OUTPUT_CHARS = 7000
_NO_BROWSER = (
    "browse needs a browser in a box: apt-get install chromium fonts-dejavu-core && pip install -e '.[tools]' "
    "-c constraints.txt (judge-agent doctor says what is missing)"
)
Keep = Callable[[str, bytes], None]
_HIDDEN_FIELDS = ("image", "differs_at_most")


def _parameters() -> dict[str, Any]:
    step = UiStep.model_json_schema()
    properties = {
        name: {key: value for key, value in one.items() if key not in ("title", "default")}
        for name, one in step["properties"].items()
        if name not in _HIDDEN_FIELDS
    }
    return {
        "type": "object",
        "properties": {
            "site": {
                "type": "string",
                "maxLength": 64,
                "description": f"Name of a site of the task, or '{CANDIDATE}' for the candidate's own page.",
            },
            "steps": {
                "type": "array",
                "minItems": 1,
                "maxItems": BrowseLimits.steps,
                "items": {
                    "type": "object",
                    "properties": properties,
                    "required": ["do"],
                    "additionalProperties": False,
                },
                "description": "What to do, in order; an element by role (with name), label, text, css, test_id.",
            },
        },
        "required": ["site", "steps"],
        "additionalProperties": False,
    }


class Browse(DecidingTool):
    """The tool `browse`. `files` is where blobs and files under the root are read; None: inline pages only.

    `keep` is told of each screenshot: its SHA-256, by which results name it, and the PNG.
    """

    name = "browse"
    description = (
        "Opens a page of the task, or the candidate's own, in an isolated browser without network: open, click, type, "
        "select, press, scroll, wait, assert, and see text, accessibility snapshot, console, requests, screenshot."
    )
    parameters = _parameters()
    decides = PrincipleSpec(
        name="page_works",
        description="The candidate's page renders, works and looks as the checks of the task ask.",
        kind="hard",
        dimension="correctness",
        tool=name,
    )

    def __init__(
        self,
        browser: Browser | None,
        files: ResourceFiles | None = None,
        *,
        limits: BrowseLimits | None = None,
        keep: Keep | None = None,
    ) -> None:
        self._browser = browser
        self._keep = keep
        self._files = files
        self._limits = limits or BrowseLimits()
        box = f"{browser.name}-{browser.version}" if browser is not None else "no browser"
        self.version = f"1/{box}/{self._limits.step_seconds:g}s"

    def opening_calls(self, view: ToolView) -> Sequence[OpeningCall]:
        """One call where the reference has checks of a page."""
        return (OpeningCall(),) if view.task.reference.ui is not None else ()

    def offered(self, view: ToolView) -> bool:
        """Where there is a browser and something to open."""
        return self._browser is not None and (bool(view.resources.pages) or has_page(view))

    async def run(
        self, arguments: Mapping[str, Any], view: ToolView, *, timeout_seconds: float
    ) -> ToolResult:
        """Run the checks of the reference, or the model's steps. Raises ValueError (of the arguments), ToolError,
        SandboxError, BudgetExceeded.
        """
        asked = self._read(arguments, view)
        if self._browser is None:
            raise ToolError(_NO_BROWSER)
        try:
            async with asyncio.timeout(timeout_seconds):
                if asked is not None:
                    return await self._looked(self._browser, *asked, view)
                return await self._checked(self._browser, view)
        except TimeoutError as error:
            message = f"tool 'browse' exceeded timeout_seconds={timeout_seconds:g}; raise budget.seconds"
            raise BudgetExceeded("deadline", message) from error

    def _read(self, arguments: Mapping[str, Any], view: ToolView) -> tuple[str, tuple[UiStep, ...]] | None:
        if not arguments and self.opening_calls(view):
            return None
        if unknown := sorted(set(arguments) - {"site", "steps"}):
            raise ValueError(f"unknown argument {unknown[0]!r}; browse takes 'site' and 'steps'")
        site, steps = arguments.get("site"), arguments.get("steps")
        names = [one.name for one in view.resources.pages]
        if site != CANDIDATE and site not in names:
            raise ValueError(f"site: {site!r} is none of {[*names, CANDIDATE]}")
        if not isinstance(steps, list) or not 1 <= len(steps) <= self._limits.steps:
            count = len(steps) if isinstance(steps, list) else type(steps).__name__
            raise ValueError(f"steps must be a list of 1 to {self._limits.steps}, not {count}")
        return str(site), tuple(_step(number, one) for number, one in enumerate(steps))

    async def _looked(
        self, browser: Browser, site: str, steps: tuple[UiStep, ...], view: ToolView
    ) -> ToolResult:
        if site == CANDIDATE:
            if not has_page(view):
                raise ValueError(f"site: the candidate has no page; {CANDIDATE!r} cannot be opened")
            shown, source = own_site(candidate_files(view).answers), "claim"
        else:
            (given,) = [one for one in view.resources.pages if one.name == site]
            shown, source = await served(given, self._files, view.tenant), "tool"
        visit = await self._visited(browser, shown, steps, view.seed, self._limits)
        output, cut = _told_steps(visit)
        failed = visit.failed
        reason = (
            "all steps were done"
            if failed is None
            else f"step {failed.number} ({failed.do}): {failed.reason}"
        )
        return ToolResult(
            "ok" if failed is None else "failed",
            output,
            (Finding("none", "hint", None, reason),),
            source="claim" if source == "claim" else "tool",
            truncated=cut,
            checked={"steps": len(visit.results)},
        )

    async def _checked(self, browser: Browser, view: ToolView) -> ToolResult:
        ui = view.task.reference.ui
        assert ui is not None
        files = candidate_files(view)
        if not has_page(view) and (ui.page is None or not files.answers):
            return _no_page(view)
        if ui.page is None:
            site = own_site(files.answers)
        else:
            (base,) = [one for one in view.resources.pages if one.name == ui.page]
            site = await served(base, self._files, view.tenant, files.answers)

        async def run(steps: Sequence[UiStep], patience: float) -> Visit:
            limits = self._limits.with_patience(patience)
            return await self._visited(browser, site, steps, view.seed, limits)

        results, pictures = await run_checks(ui, run)
        return _result(results, pictures, files.left_out)

    async def _visited(
        self, browser: Browser, site: ServedSite, steps: Sequence[UiStep], seed: int, limits: BrowseLimits
    ) -> Visit:
        """In a window of their own. What the page does to the browser is a failed step."""
        hand: Hand | None = None
        reason, limit = "the window did not open", ""
        try:
            async with browser.visit(site, seed=seed) as window:
                hand = Hand(window, site, limits)
                async with asyncio.timeout(limits.check_seconds):
                    await hand.do_all(steps)
        except TimeoutError:
            reason = f"the check took more than check_seconds={limits.check_seconds:g}"
            limit = "check_seconds"
        except PageError as error:
            reason, limit = str(error), error.limit or ""
        visit = hand.visit if hand is not None else Visit()
        for sha256, picture in visit.pictures.items() if self._keep is not None else ():
            self._keep(sha256, picture)
        if limit and visit.failed is None:
            visit.results.append(StepResult(len(visit.results), "wait", False, reason, None, limit))
        return visit


def _step(number: int, given: object) -> UiStep:
    try:
        return UiStep.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, ("steps", number, *first["loc"])))
        raise ValueError(f"{where}: {message_of(first)}"[:600]) from error


def _no_page(view: ToolView) -> ToolResult:
    """Checks of a page were given, so a page was asked for."""
    reason = "the answer holds no HTML page"
    if view.trajectory.artifacts or "```" in (view.trajectory.final_answer or ""):
        reason = "none of the candidate's files or blocks is an HTML page; name one index.html"
        return ToolResult("ok", {"reason": reason}, (Finding("none", "hint", None, reason),))
    return ToolResult("failed", {"reason": reason}, (Finding("refutes", "decisive", 0.0, reason),))


def _result(
    results: Sequence[CheckResult], pictures: Mapping[str, bytes], left_out: Mapping[str, str]
) -> ToolResult:
    failed = [one for one in results if one.outcome == "failed"]
    unsteady = [one for one in results if one.outcome == "unsteady"]
    if failed:
        first = failed[0]
        where = f"{first.name!r}, step {first.step} ({first.do})"
        reason = f"{len(failed)} of {len(results)} checks failed; {where}: {first.reason}"
        finding = Finding("refutes", "decisive", 0.0, reason[:500])
        if all(one.outside for one in failed):
            reason = f"{reason[:400]}; the page needs {failed[0].outside[0][:80]}, which no box can reach"
            finding = Finding("refutes", "strong", None, reason)
    elif unsteady:
        reason = f"{len(unsteady)} of {len(results)} checks failed once and then passed: {unsteady[0].name!r}"
        finding = Finding("refutes", "hint", None, reason)
    else:
        finding = Finding("confirms", "decisive", 1.0, f"all {len(results)} checks of the page passed")
    flags: dict[str, Any] = {}
    if unsteady:
        flags["checks_unsteady"] = [one.name for one in unsteady][:20]
    if outside := sorted({one[:200] for result in results for one in result.outside}):
        flags["requests_without_network"] = outside[:10]
    if left_out:
        flags["files_left_out"] = dict(list(left_out.items())[:20])
    output, cut = _told(results, pictures)
    counted = {"checks": sum(one.outcome != "skipped" for one in results)}
    return ToolResult(
        "failed" if failed else "ok", output, (finding,), truncated=cut, checked=counted, flags=flags
    )


def _told(results: Sequence[CheckResult], pictures: Mapping[str, bytes]) -> tuple[dict[str, Any], bool]:
    """One line per check, with as many words as there is room for."""
    stages = {
        stage: {
            outcome: count
            for outcome in ("passed", "failed", "unsteady", "skipped")
            if (count := sum(one.stage == stage and one.outcome == outcome for one in results))
        }
        for stage in STAGES
    }
    for chars in (300, 100, 30):
        output = {
            "stages": {stage: counts for stage, counts in stages.items() if counts},
            "checks": [one.as_json(chars) for one in results],
            "screenshots": list(pictures)[:8],
        }
        if len(json.dumps(output, ensure_ascii=False)) <= MAX_OUTPUT_CHARS:
            return output, any(len(one.reason) > chars for one in results)
    worst = [one.as_json(30) for one in results if one.outcome not in ("passed", "skipped")][:40]
    return {"stages": stages, "checks": worst}, True


def _told_steps(visit: Visit) -> tuple[dict[str, Any], bool]:
    steps = [one.as_json() for one in visit.results]
    output: dict[str, Any] = {"steps": steps}
    for room in (2500, 1000, 300, 80):
        output = {"steps": [_shortened(one, room) for one in steps]}
        if len(json.dumps(output, ensure_ascii=False)) <= MAX_OUTPUT_CHARS:
            return output, output["steps"] != steps
    return output, True


def _shortened(told: Mapping[str, Any], room: int) -> dict[str, Any]:
    shown = told.get("shown")
    if shown is None:
        return dict(told)
    if isinstance(shown, str):
        return {**told, "shown": shown[:room]}
    return {**told, "shown": shown if len(json.dumps(shown)) <= room else json.dumps(shown)[:room]}
