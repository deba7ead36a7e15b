"""Opens web pages in a browser that has no network, does with them what somebody would do, and says what is seen.

Where the task's reference has checks (`ui`), the candidate's page is held to them: what fails in two fresh windows
refutes, and that all pass confirms; a page that needs scripts, styles or data of another host, which no box can reach,
is never refuted decisively. The page is the candidate's artifacts, the fenced blocks of its answer, or these
laid over a site of the request. A model may open the same pages and those of the request by itself; what a
candidate's page shows is the candidate's claim.

Does not know whether the checks ask for the right things; a page that is written for the checks passes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from judge_agent.errors import ToolError
from judge_agent.schema import AskedStep, PrincipleSpec, Source, UiChecks
from judge_agent.seams.browser import Browser, ServedSite
from judge_agent.seams.resources import ResourceFiles
from judge_agent.seams.tool import DecidingTool, OpeningCall, ToolResult, ToolView, in_time
from tools.browsing.checks import run_checks
from tools.browsing.limits import BrowseLimits
from tools.browsing.sites import CANDIDATE, candidate_files, has_page, own_site, served
from tools.browsing.telling import no_page, result_of_checks, result_of_steps
from tools.browsing.trying import Keep, Windows

_NO_BROWSER = (
    "browse needs a browser in a box, which runs with JUDGE_SANDBOX=namespaces alone: apt-get install "
    "chromium-headless-shell fonts-dejavu-core && pip install -e '.[tools]' -c constraints.txt "
    "(judge-agent doctor says what is missing)"
)


class Browse(DecidingTool):
    """The tool `browse`. `files` is where blobs and files under the root are read; None: inline pages only.

    `keep` is told of each screenshot: its SHA-256, by which results name it, and the PNG.
    """

    name = "browse"
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
        self._browser, self._files, self._keep = browser, files, keep
        self.limits = limits or BrowseLimits()
        box = f"{browser.name}-{browser.version}" if browser is not None else "no browser"
        self.version = f"3/{box}/{self.limits.step_seconds:g}s"

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
        ui = view.task.reference.ui
        if arguments or ui is None:
            return await super().run(arguments, view, timeout_seconds=timeout_seconds)
        async with in_time(self.name, timeout_seconds):
            return await self._checked(self._opened(), ui, view)

    async def asked(
        self,
        view: ToolView,
        *,
        site: Annotated[str, Field(max_length=64)],
        steps: Annotated[list[AskedStep], Field(min_length=1, max_length=BrowseLimits.steps)],
        timeout_seconds: float,
    ) -> ToolResult:
        """Opens a page of the task, or the candidate's own, in an isolated browser without network: open, click, type,
        select, press, scroll, wait, assert, and see text, accessibility snapshot, console, requests, screenshot.

        site: Name of a site of the task, or 'candidate' for the candidate's own page.
        steps: What to do, in order; the site's first page is open at the start.
        """
        names = [one.name for one in view.resources.pages]
        if site != CANDIDATE and site not in names:
            raise ValueError(f"site: {site!r} is none of {[*names, CANDIDATE]}")
        if len(steps) > self.limits.steps:
            raise ValueError(f"steps: there are {len(steps)}; the limit is {self.limits.steps}")
        browser = self._opened()
        shown, source = await self._site(site, view)
        visit = await self._windows(browser, shown, view).run(steps)
        return result_of_steps(visit, source, self.limits)

    def _opened(self) -> Browser:
        if self._browser is None:
            raise ToolError(_NO_BROWSER)
        return self._browser

    async def _site(self, name: str, view: ToolView) -> tuple[ServedSite, Source]:
        given = next((one for one in view.resources.pages if one.name == name), None)
        if given is not None:
            return await served(given, self._files, view.tenant), "tool"
        if not has_page(view):
            raise ValueError(f"site: the candidate has no page; {CANDIDATE!r} cannot be opened")
        return own_site(candidate_files(view).answers), "claim"

    async def _checked(self, browser: Browser, ui: UiChecks, view: ToolView) -> ToolResult:
        files = candidate_files(view)
        if not has_page(view) and (ui.page is None or not files.answers):
            return no_page(view)
        if ui.page is None:
            site = own_site(files.answers)
        else:
            (base,) = [one for one in view.resources.pages if one.name == ui.page]
            site = await served(base, self._files, view.tenant, files.answers)

        results, shots = await run_checks(ui, self._windows(browser, site, view))
        return result_of_checks(results, shots, files.left_out, self.limits)

    def _windows(self, browser: Browser, site: ServedSite, view: ToolView) -> Windows:
        return Windows(
            browser, site, self.limits, seed=view.seed, described=not view.sees_images, keep=self._keep
        )
