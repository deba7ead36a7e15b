"""Tells a machine's own limits from the answer's fault, where boxes are another kind of machine than code expects.

In WebAssembly an index has 32 bits, and there are no signals, time zones and system calls: code that is right fails
there with errors of these kinds. Such a failure decides nothing.

Does not tell them from errors of the same kind that are the code's own: those are left undecided as well.
"""

from __future__ import annotations

import re
from dataclasses import replace

from judge_agent.seams.sandbox import Sandbox
from tools.testing.report import Report, TestResult

_LIMITS = re.compile(
    r"\b(?:OverflowError|NotImplementedError|ZoneInfoNotFoundError|OSError)\b|\bErrno \d+|AttributeError: module '"
)


def without_limits_of(sandbox: Sandbox, report: Report) -> Report:
    """Mark as `lacking` what may have failed for the kind of machine that these boxes are."""
    if sandbox.name != "wasm":
        return report
    unloadable = report.unloadable
    if unloadable is not None and _LIMITS.search(unloadable.reason):
        unloadable = replace(unloadable, kind="lacking")
    return replace(report, results=tuple(map(_marked, report.results)), unloadable=unloadable)


def _marked(result: TestResult) -> TestResult:
    is_limit = result.status in ("fail", "error") and _LIMITS.search(result.message)
    return replace(result, status="lacking") if is_limit else result
