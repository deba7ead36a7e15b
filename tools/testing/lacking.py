"""Tells the judge's own lack from the answer's fault: an import of a module that boxes do not have.

An error of an import counts as a lack when its module is known (the standard library, or a well-known distribution
in `known_modules.txt`), is none of the candidate's own artifacts, and when a fresh box, to which the text of the code
or the test is only shown, finds an import statement of it that fails there in the same way. Everything else stays
what it was: the code's fault.

Does not tell an import that is reached from one that is not: code that imports such a module somewhere and raises the
error by hand elsewhere ends unscored instead of refuted. That is no way to a reward: what lacks is never a pass.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from importlib import resources
from typing import Any

from judge_agent.seams.sandbox import BoxClosed, Sandbox
from tools.testing.code_box import LOAD_SECONDS, box_limits, program
from tools.testing.codec import parse
from tools.testing.report import Code, Report, TestResult

MAX_SHOWN_BYTES = 4 * 2**20  # of texts: more are not read, and what they import is the code's fault


@cache
def _known() -> frozenset[str]:
    text = resources.files("tools.testing").joinpath("known_modules.txt").read_text(encoding="utf-8")
    return frozenset(text.split()) | sys.stdlib_module_names


def may_lack(name: str | None, code: Code) -> bool:
    """Whether a claim that a module lacks is worth looking into."""
    return name in _known() and name not in code.own_modules


async def without_lacks(
    sandbox: Sandbox, code: Code, report: Report, tests: Sequence[str], seed: int
) -> Report:
    """Mark as `lacking` what the box could not import. Raises SandboxError.

    `tests` are the texts of the tests that the report is of.
    """
    claims = {result.lacks for result in report.results}
    if report.unloadable is not None:
        claims.add(report.unloadable.lacks)
    names = sorted(name for name in claims if name is not None and may_lack(name, code))
    if not names:
        return report
    lacking = await _lacking(sandbox, _texts(code, tests), names, seed)
    results = tuple(_marked(result) if result.lacks in lacking else result for result in report.results)
    unloadable = report.unloadable
    if unloadable is not None and unloadable.lacks in lacking:
        unloadable = replace(unloadable, kind="lacking")
    return replace(report, results=results, unloadable=unloadable)


def _marked(result: TestResult) -> TestResult:
    return replace(result, status="lacking") if result.status in ("fail", "error", "broken") else result


def _texts(code: Code, tests: Sequence[str]) -> list[str]:
    whole = [code.source, code.prompt, f"{code.prompt}\n{code.source}", *tests]
    room, texts = MAX_SHOWN_BYTES, []
    for text in whole:
        room -= len(text)
        if room >= 0:
            texts.append(text)
    return texts


async def _lacking(sandbox: Sandbox, texts: Sequence[str], names: Sequence[str], seed: int) -> frozenset[str]:
    """Show the texts to a fresh box; one that dies of them finds nothing."""
    reader = program("tools.testing.in_box.lacking_modules", seed)
    async with sandbox.open(reader, limits=box_limits(LOAD_SECONDS)) as box:
        try:
            await box.send(json.dumps({"texts": texts, "names": names}).encode())
            found: Any = parse(await box.receive(timeout_seconds=LOAD_SECONDS))
        except (BoxClosed, TimeoutError, ValueError):
            return frozenset()
    return frozenset(found).intersection(names) if isinstance(found, list) else frozenset()
