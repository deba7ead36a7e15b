"""The tool with a real browser in its box, and views made short."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from judge_agent.schema import Reference, Resources, Site, Task, Trajectory, UiChecks
from judge_agent.seams.tool import ToolView
from tools.browse import Browse


@pytest.fixture(scope="session")
def tool(browser):
    return Browse(browser)


@pytest.fixture
def view():
    def make(
        html: str | None = None,
        checks: Sequence[dict[str, Any]] | None = None,
        *,
        files: dict[str, str] | None = None,
        answer: str | None = None,
        pages: Sequence[dict[str, Any]] = (),
        **ui: Any,
    ) -> ToolView:
        given = {"index.html": html} if html is not None else files or {}
        artifacts = [{"name": name, "kind": "html", "content": text} for name, text in given.items()]
        trajectory = Trajectory.model_validate({"artifacts": artifacts, "final_answer": answer})
        wanted = UiChecks.model_validate({"checks": checks, **ui}) if checks is not None else None
        resources = Resources(pages=tuple(Site.model_validate(one) for one in pages))
        return ToolView(
            Task(prompt="Build it.", reference=Reference(ui=wanted)), trajectory, 0, resources, "t"
        )

    return make


@pytest.fixture
def judged(tool, view):
    """Run the opening call; return (bearing, strength) and the whole result."""

    async def run(*args: Any, **given: Any):
        result = await tool.run({}, view(*args, **given), timeout_seconds=300)
        finding = result.findings[0]
        return (finding.bearing, finding.strength), result

    return run


@pytest.fixture
def looked(tool, view):
    """The model's call on a site of its own: the page's HTML, or the fields of a site, and steps."""

    async def run(html: str | None, *steps: dict[str, Any], **site: Any):
        given = {"name": "s", **({"html": html} if html is not None else site)}
        return await tool.run({"site": "s", "steps": list(steps)}, view(pages=[given]), timeout_seconds=120)

    return run
