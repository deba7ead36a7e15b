"""Tests of kind `call`: one function, given arguments, an expected value that never leaves the host.

What the code returned is read and compared in a thread: it may be large, and other judgments go on meanwhile.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from judge_agent.schema import CallTest
from judge_agent.seams.progress import progress
from tools.testing.code_box import CodeBox, CodeGivenUp, CodeStopped, text_or_none
from tools.testing.codec import TOO_LARGE, NotPlain, decode, encode
from tools.testing.equality import same
from tools.testing.report import TestResult, TestStatus, Visibility


async def run_call_tests(
    box: CodeBox,
    entry_point: str,
    tests: Sequence[tuple[Visibility, int, CallTest]],
    atol: float | None,
    results: list[TestResult],
) -> None:
    """Run tests one after the other in one loaded box; append each result as soon as it is known.

    Raises SandboxError when the box, not the code, fails.
    """
    for visibility, index, test in tests:
        started = time.monotonic()
        status, message, lacks = await _one(box, entry_point, test, atol)
        seconds = time.monotonic() - started
        name = f"{visibility}.{index}"
        results.append(TestResult(name, visibility, status, message, seconds, lacks=lacks))
        progress(len(results), len(tests), "tests")


class _End(NamedTuple):
    status: TestStatus
    message: str = ""
    lacks: str | None = None


async def _one(box: CodeBox, entry_point: str, test: CallTest, atol: float | None) -> _End:
    try:
        arguments, keywords, expected = _wire(list(test.args)), _wire(test.kwargs), decode(test.expected)
    except (NotPlain, ValueError) as error:
        return _End("broken", f"the test's own values cannot be carried: {error}")
    try:
        written = json.dumps(test.expected).encode()
        reply = await box.call(entry_point, arguments, keywords, expected=written)
    except CodeStopped as stopped:
        return _End("timeout" if stopped.timed_out else "error", str(stopped))
    except CodeGivenUp as given_up:
        return _End("not_run", str(given_up))
    if "raised" in reply:
        return _End("error", describe_raised(reply["raised"]), lacks_of(reply))
    if reply.get("opaque") == TOO_LARGE:
        return _End("error", "returned a value larger than what is expected can be")
    if "value" not in reply and not _can_cross(expected):
        return _End("broken", "the expected value is larger or nested deeper than what can be carried")
    if "value" not in reply:
        return _End("fail", f"returned no plain data but: {str(reply.get('opaque'))[:100]}")
    return _End(*await asyncio.to_thread(_compare, reply["value"], expected, atol))


def _can_cross(value: Any) -> bool:
    try:
        encode(value)
    except NotPlain:
        return False
    return True


def _compare(encoded: Any, expected: Any, atol: float | None) -> tuple[TestStatus, str]:
    try:
        actual = decode(encoded)
    except ValueError as error:
        return "fail", f"returned no plain data: {str(error)[:100]}"
    try:
        if same(expected, actual, atol):
            return "pass", ""
    except (ArithmeticError, RecursionError, ValueError) as error:
        return "fail", f"returned what cannot be compared: {type(error).__name__}"
    return "fail", f"expected {_show(expected)}, returned {_show(actual)}"


def _wire(value: Any) -> Any:
    """JSON as the caller wrote it, tags and all; Python values that are no JSON (inf, a tuple) get their tags.

    Raises ValueError, NotPlain.
    """
    decoded = decode(value)
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return encode(decoded)
    return value


def _show(value: Any) -> str:
    try:
        return repr(value)[:150]
    except (RecursionError, ValueError):  # an int with more digits than Python prints
        return f"a {type(value).__name__} too large to print"


def lacks_of(reply: dict[str, Any]) -> str | None:
    """The module that a call says it did not find."""
    raised = reply.get("raised")
    return text_or_none(raised.get("lacks")) if isinstance(raised, dict) else None


def describe_raised(raised: Any) -> str:
    if not isinstance(raised, dict):
        return "raised something that it did not describe"
    return f"raised {str(raised.get('name'))[:100]}: {str(raised.get('text'))[:200]}"
