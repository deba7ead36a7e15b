"""Runs checks stage by stage (renders, works, looks); behind a stage with a failure nothing is run.

Each check has a window of its own. One that fails is tried again in a fresh window, with more time: only what fails
twice has failed; what passes at the second try is `unsteady`, and decides nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from judge_agent.schema import UiCheck, UiChecks, UiStep
from judge_agent.schema.ui_checks import STAGES, Stage
from tools.browsing.steps import Visit

Outcome = Literal["passed", "failed", "unsteady", "skipped"]
Run = Callable[[Sequence[UiStep], float], Awaitable[Visit]]
_SECOND_PATIENCE = 3.0  # a busy machine must not look like a page that does nothing
_RENDERS: dict[str, UiStep] = {
    "loads": UiStep(do="open"),
    "not_blank": UiStep(do="assert", that="not_blank"),
}


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


async def run_checks(checks: UiChecks, run: Run) -> tuple[list[CheckResult], dict[str, bytes]]:
    """Return one result per check, in the order of the stages, and the pictures that were taken."""
    results: list[CheckResult] = []
    pictures: dict[str, bytes] = {}
    for stage in STAGES:
        stopped = any(one.outcome == "failed" for one in results)
        for check in _of_stage(checks, stage):
            if stopped:
                results.append(CheckResult(check.name, stage, "skipped"))
                continue
            result, visit = await _settled(check, run)
            results.append(result)
            pictures |= visit.pictures
    return results, pictures


def _of_stage(checks: UiChecks, stage: Stage) -> list[UiCheck]:
    own = [UiCheck(name=name, stage="renders", steps=(_RENDERS[name],)) for name in checks.renders]
    return [check for check in (*own, *checks.checks) if check.stage == stage]


async def _settled(check: UiCheck, run: Run) -> tuple[CheckResult, Visit]:
    first = await run(check.steps, 1.0)
    failed = first.failed
    if failed is None:
        return CheckResult(check.name, check.stage, "passed", outside=tuple(first.outside)), first
    second = await run(check.steps, _SECOND_PATIENCE)
    outcome: Outcome = "failed" if second.failed is not None else "unsteady"
    failed = second.failed or failed
    return CheckResult(
        check.name, check.stage, outcome, failed.reason, failed.number, failed.do, tuple(second.outside)
    ), second
