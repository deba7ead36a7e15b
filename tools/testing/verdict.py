"""What a report of tests says about the answer: bearing, strength and score.

Hidden tests decide; visible ones (the agent saw them) and doctests of the prompt can only refute. A broken test says
nothing. A run that had to share one box with the code is decisive against it and only `strong` for it. A run that was
cut short can only refute.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from judge_agent.seams.tool import Finding
from tools.testing.report import Report, TestResult

_AGAINST = ("fail", "error", "timeout", "not_run")


def decide(report: Report) -> Finding:
    """Return the finding on the whole candidate."""
    if report.unloadable is not None:
        return Finding("refutes", "decisive", 0.0, f"the code cannot be tested: {report.unloadable.reason}")
    hidden = _of(report, "hidden")
    visible = _of(report, "visible")
    doctests = _of(report, "doctest")
    if failed := _against(hidden):
        return _refutes(failed, len(hidden), "hidden")
    if failed := _against(visible):
        return _refutes(failed, len(visible), "visible")
    if hidden:
        return _all_hidden_pass(hidden, report)
    if failed := _against(doctests):
        return _refutes(failed, len(doctests), "doctest")
    if passed := [*visible, *doctests]:
        reason = f"all {len(passed)} visible tests pass; the agent could see them, so they confirm little"
        return Finding("confirms", "hint", None, reason)
    return Finding("none", "hint", None, _nothing(report.results))


def lacking(report: Report) -> str | None:
    """The module for whose lack nothing can be said of the code; None where the other tests say enough."""
    if report.unloadable is not None:
        return report.unloadable.lacks if report.unloadable.kind == "lacking" else None
    if decide(report).bearing == "refutes":
        return None
    hidden = any(result.visibility == "hidden" for result in report.results)
    wanted = [result for result in report.results if not hidden or result.visibility == "hidden"]
    return next((result.lacks for result in wanted if result.status == "lacking"), None)


def decide_what_is_known(results: Sequence[TestResult]) -> Finding | None:
    """The finding on a run that was cut short: a test that failed for sure refutes, nothing confirms."""
    given = [result for result in results if result.visibility in ("hidden", "visible") and result.certain]
    failed = [r for r in given if r.status in ("fail", "error", "timeout") and r.lacks is None]
    if not failed:
        return None
    finding = _refutes(failed, len(results), "given")
    return replace(finding, reason=f"before the time was over, {finding.reason}"[:600])


def _of(report: Report, visibility: str) -> list[TestResult]:
    """The results that say something of the code."""
    usable = [result for result in report.results if result.status not in ("broken", "skipped", "lacking")]
    return [result for result in usable if result.visibility == visibility]


def _against(results: Sequence[TestResult]) -> list[TestResult]:
    return [result for result in results if result.status in _AGAINST]


def _refutes(failed: Sequence[TestResult], count: int, kind: str) -> Finding:
    first = failed[0]
    reason = (
        f"{len(failed)} of {count} {kind} tests fail; first {first.name}: {first.status}: {first.message}"
    )
    certain = any(result.certain for result in failed)
    return Finding("refutes", "decisive" if certain else "strong", 0.0, reason[:600])


def _all_hidden_pass(hidden: Sequence[TestResult], report: Report) -> Finding:
    """A test that is said to be broken or skipped from a box with the code in it may have failed: it counts too.

    So does one that was skipped after it had called the code: what the code answered may be why.
    """
    given = [result for result in report.results if result.visibility == "hidden"]
    shared = sum(result.isolation == "shared" for result in given)
    skipped = sum(result.status == "skipped" and result.touched for result in given)
    doubtful = sum(result.status == "pass" and not result.certain for result in given)
    reason = f"all {len(hidden)} hidden tests pass"
    if shared:
        reason += f", {shared} of them in one box with the code, where it could cheat"
    if skipped:
        reason += f", but {skipped} were skipped after they had called the code"
    if doubtful:
        reason += f", {doubtful} of them only by arguments that the code changed or helpers that nobody asked it for"
    return Finding("confirms", "strong" if shared or skipped or doubtful else "decisive", 1.0, reason)


def _nothing(results: Sequence[TestResult]) -> str:
    broken = [result for result in results if result.status == "broken"]
    if broken:
        return f"the test itself is broken: {broken[0].name}: {broken[0].message}"[:600]
    return "no test ran"
