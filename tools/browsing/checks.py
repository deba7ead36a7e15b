"""Runs checks stage by stage (renders, works, looks); behind a stage with a failure nothing is run.

Each check has a window of its own. One that fails is tried again in a fresh window, with more time: only what fails
twice has failed; what passes later is `unsteady`, and decides nothing. Before a page is said to have failed, a sound
page of our own must do its part in a third of that time: on a machine that is too slow for this, nothing is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from judge_agent.errors import SandboxError
from judge_agent.schema import PageStep, UiCheck, UiChecks, UiStep
from judge_agent.schema.ui_checks import STAGES, Stage
from judge_agent.seams.progress import progress
from tools.browsing.steps import Shot, StepResult, Visit

Outcome = Literal["passed", "failed", "unsteady", "skipped"]
MAX_SHOTS = 8
_LATER_PATIENCE = (3.0, 9.0)  # a busy machine must not look like a page that does nothing
_RENDERS: dict[str, UiStep] = {
    "loads": UiStep(do="open"),
    "not_blank": UiStep(do="assert", that="not_blank"),
}


class Runner(Protocol):
    """What opens windows for checks."""

    async def run(self, steps: Sequence[PageStep], patience: float) -> Visit:
        """Do the steps with the page under test in a fresh window; `patience` is a factor of all times."""
        ...

    async def is_able(self, patience: float) -> bool:
        """Whether a page of our own, which does what it should, is seen to do so in that time."""
        ...


@dataclass(frozen=True)
class CheckResult:
    """What came of one check; `step` is the number of the one that failed, 0 where the page did not open.
    `outside` are requests of the page that nothing answers here."""

    name: str
    stage: Stage
    outcome: Outcome
    reason: str = ""
    step: int | None = None
    do: str = ""
    outside: tuple[str, ...] = ()

    def as_json(self, reason_chars: int) -> dict[str, Any]:
        told: dict[str, Any] = {"name": self.name, "stage": self.stage, "outcome": self.outcome}
        if self.reason:
            told |= {"reason": self.reason[:reason_chars], "step": self.step, "do": self.do}
        return told


async def run_checks(checks: UiChecks, runner: Runner) -> tuple[list[CheckResult], list[Shot]]:
    """Return one result per check, in the order of the stages, and the last screenshot of each, failed checks first.

    Raises SandboxError where the machine is too slow to tell.
    """
    results: list[CheckResult] = []
    shots: list[Shot] = []
    for stage in STAGES:
        stopped = any(one.outcome == "failed" for one in results)
        for check in _of_stage(checks, stage):
            if stopped:
                results.append(CheckResult(check.name, stage, "skipped"))
                continue
            result, visit = await _settled(check, runner)
            results.append(result)
            last = [replace(one, name=f"{check.name}, {one.name}") for one in visit.shots[-1:]]
            shots = [*last, *shots] if result.outcome == "failed" else [*shots, *last]
            progress(len(results), len(checks.renders) + len(checks.checks), "checks")
    return results, shots[:MAX_SHOTS]


def _of_stage(checks: UiChecks, stage: Stage) -> list[UiCheck]:
    own = [UiCheck(name=name, stage="renders", steps=(_RENDERS[name],)) for name in checks.renders]
    return [check for check in (*own, *checks.checks) if check.stage == stage]


async def _settled(check: UiCheck, runner: Runner) -> tuple[CheckResult, Visit]:
    first = await runner.run(check.steps, 1.0)
    failed = first.failed
    if failed is None:
        return CheckResult(check.name, check.stage, "passed", outside=tuple(first.outside)), first
    for patience in _LATER_PATIENCE:
        later = await runner.run(check.steps, patience)
        if later.failed is None:
            return _told(check, "unsteady", failed, later), later
        if await runner.is_able(patience / 3):
            return _told(check, "failed", later.failed, later), later
    raise SandboxError(
        f"the check {check.name!r} failed, but so does a sound page of our own: this machine is too slow to tell; "
        "give the judge more of it, or fewer judgments at a time"
    )


def _told(check: UiCheck, outcome: Outcome, failed: StepResult, visit: Visit) -> CheckResult:
    outside = tuple(visit.outside)
    return CheckResult(
        check.name, check.stage, outcome, failed.reason, failed.number, failed.do, outside=outside
    )
