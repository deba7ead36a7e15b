"""What is told of steps and checks: JSON that fits, findings, and screenshots as pictures of the result."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from judge_agent.prompting.image_headers import header_of
from judge_agent.schema import Source
from judge_agent.schema.ui_checks import STAGES
from judge_agent.seams.tool import Finding, ResultImage, ToolResult, ToolView
from tools.browsing.checks import CheckResult
from tools.browsing.limits import BrowseLimits
from tools.browsing.steps import Shot, Visit

# The principles beside the tool's own that its findings are about, where a recipe or a request ties them to it.
RENDERS, FUNCTIONS = "page_renders", "page_functions"
_REASON_ROOMS = (300, 100, 30)  # characters of each reason: the first that fits
_SHOWN_ROOMS = (2500, 1000, 300, 80)  # of what each step shows


def no_page(view: ToolView) -> ToolResult:
    """Checks of a page were given, so a page was asked for: an answer that holds none has failed."""
    reason = "the answer holds no HTML page"
    if view.trajectory.artifacts or "```" in (view.trajectory.final_answer or ""):
        reason = "none of the candidate's files or blocks is an HTML page; name one index.html"
        return ToolResult("ok", {"reason": reason}, (Finding("none", "hint", None, reason),))
    return ToolResult("failed", {"reason": reason}, (Finding("refutes", "decisive", 0.0, reason),))


def result_of_steps(visit: Visit, source: Source, limits: BrowseLimits) -> ToolResult:
    """What the model asked to see. It bears on nothing by itself."""
    output, cut = _told_steps(visit, limits.output_chars)
    failed = visit.failed
    reason = (
        "all steps were done" if failed is None else f"step {failed.number} ({failed.do}): {failed.reason}"
    )
    return ToolResult(
        "ok" if failed is None else "failed",
        output,
        (Finding("none", "hint", None, reason),),
        source=source,
        truncated=cut,
        checked={"steps": len(visit.results)},
        images=_images(visit.shots, limits),
    )


def result_of_checks(
    results: Sequence[CheckResult],
    shots: Sequence[Shot],
    left_out: Mapping[str, str],
    limits: BrowseLimits,
) -> ToolResult:
    """What failed twice refutes; that all passed confirms; what hangs on luck or on other hosts decides nothing."""
    failed = [one for one in results if one.outcome == "failed"]
    unsteady = [one for one in results if one.outcome == "unsteady"]
    output, cut = _told_checks(results, shots, limits.output_chars)
    return ToolResult(
        "failed" if failed else "ok",
        output,
        (_finding(results, failed, unsteady), *_of_stages(results)),
        truncated=cut,
        checked={"checks": sum(one.outcome != "skipped" for one in results)},
        flags=_flags(results, unsteady, left_out),
        images=_images(shots, limits),
    )


def _finding(
    results: Sequence[CheckResult], failed: Sequence[CheckResult], unsteady: Sequence[CheckResult]
) -> Finding:
    if failed:
        first = failed[0]
        where = f"{first.name!r}, step {first.step} ({first.do})"
        reason = f"{len(failed)} of {len(results)} checks failed; {where}: {first.reason}"
        if all(one.outside for one in failed):
            outside = failed[0].outside[0][:80]
            reason = f"{reason[:400]}; the page needs {outside}, which no box can reach"
            return Finding("refutes", "strong", None, reason)
        return Finding("refutes", "decisive", 0.0, reason[:500])
    if unsteady:
        reason = f"{len(unsteady)} of {len(results)} checks failed once and then passed: {unsteady[0].name!r}"
        return Finding("refutes", "hint", None, reason)
    return Finding("confirms", "decisive", 1.0, f"all {len(results)} checks of the page passed")


def _of_stages(results: Sequence[CheckResult]) -> tuple[Finding, Finding]:
    """For principles of these names: whether the page renders, and the share of the checks behind that it passes.

    What was not run behind a stage that failed is not passed. What luck or another host may have decided does not
    count, and where nothing else failed it leaves the whole open.
    """
    renders = [one for one in results if one.stage == "renders"]
    behind = [one for one in results if one.stage != "renders"]
    broken = _failed_here(renders)
    return (
        _share(RENDERS, renders, broken, float(not broken)),
        _share(FUNCTIONS, behind, [*broken, *_failed_here(behind)], _passed_of(behind)),
    )


def _share(handle: str, own: Sequence[CheckResult], failed: Sequence[CheckResult], score: float) -> Finding:
    told = f"{sum(one.outcome == 'passed' for one in own)} of {len(own)} checks passed"
    if failed:
        reason = f"{told}; {failed[0].name!r} failed: {failed[0].reason}"[:500]
        return Finding("refutes", "decisive", score, reason, handle=handle)
    if any(one.outcome != "passed" for one in own):
        return Finding(
            "refutes", "strong", None, f"{told}; the others hang on luck or on other hosts", handle=handle
        )
    return Finding("confirms", "decisive", 1.0, told, handle=handle)


def _failed_here(results: Sequence[CheckResult]) -> list[CheckResult]:
    return [one for one in results if one.outcome == "failed" and not one.outside]


def _passed_of(results: Sequence[CheckResult]) -> float:
    passed = sum(one.outcome == "passed" for one in results)
    lost = len(_failed_here(results)) + sum(one.outcome == "skipped" for one in results)
    return passed / max(passed + lost, 1)


def _flags(
    results: Sequence[CheckResult], unsteady: Sequence[CheckResult], left_out: Mapping[str, str]
) -> dict[str, Any]:
    flags: dict[str, Any] = {}
    if unsteady:
        flags["checks_unsteady"] = [one.name for one in unsteady][:20]
    if outside := sorted({one[:200] for result in results for one in result.outside}):
        flags["requests_without_network"] = outside[:10]
    if left_out:
        flags["files_left_out"] = dict(list(left_out.items())[:20])
    return flags


def _told_checks(
    results: Sequence[CheckResult], shots: Sequence[Shot], room: int
) -> tuple[dict[str, Any], bool]:
    """One line per check, with as many words as there is room for."""
    stages = {
        stage: {
            outcome: count
            for outcome in ("passed", "failed", "unsteady", "skipped")
            if (count := sum(one.stage == stage and one.outcome == outcome for one in results))
        }
        for stage in STAGES
    }
    for chars in _REASON_ROOMS:
        output = {
            "stages": {stage: counts for stage, counts in stages.items() if counts},
            "checks": [one.as_json(chars) for one in results],
            "screenshots": [one.sha256 for one in shots],
        }
        if len(json.dumps(output, ensure_ascii=False)) <= room:
            return output, any(len(one.reason) > chars for one in results)
    worst = [one.as_json(30) for one in results if one.outcome not in ("passed", "skipped")][:20]
    return {"stages": stages, "checks": worst}, True


def _told_steps(visit: Visit, room: int) -> tuple[dict[str, Any], bool]:
    steps = [one.as_json() for one in visit.results]
    output: dict[str, Any] = {"steps": steps}
    for chars in _SHOWN_ROOMS:
        output = {"steps": [_shortened(one, chars) for one in steps]}
        if len(json.dumps(output, ensure_ascii=False)) <= room:
            break
    return output, output["steps"] != steps


def _shortened(told: Mapping[str, Any], room: int) -> dict[str, Any]:
    shown = told.get("shown")
    if shown is None:
        return dict(told)
    if isinstance(shown, str):
        return {**told, "shown": shown[:room]}
    if len(json.dumps(shown, ensure_ascii=False)) <= room:
        return dict(told)
    if not isinstance(shown, dict):
        return {**told, "shown": json.dumps(shown, ensure_ascii=False)[:room]}
    each = max(room // max(len(shown), 1), 20)
    return {**told, "shown": {key: _cut(value, each) for key, value in shown.items()}}


def _cut(value: Any, room: int) -> Any:
    written = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return value if len(written) <= room else written[:room]


def _images(shots: Sequence[Shot], limits: BrowseLimits) -> tuple[ResultImage, ...]:
    """The first screenshots; one that is too large to be shown is named by its hash alone."""
    images: list[ResultImage] = []
    for shot in shots:
        header = header_of(shot.content)
        if header is None or header.media_type != "image/png" or len(shot.content) > limits.image_bytes:
            continue
        data = base64.b64encode(shot.content).decode()
        images.append(ResultImage(shot.name, data, header.width, header.height))
    return tuple(images[: limits.images])
