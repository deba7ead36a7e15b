"""Tests of kind `stdio`: the code is a program; each test is one run in a box of its own, compared on the host.

Output is compared line by line without trailing white space; with `atol`, words that are numbers may differ by it.
A program may print twice as much as is expected of it, and always one MiB.
"""

from __future__ import annotations

import re

from judge_agent.errors import ToolError
from judge_agent.schema import StdioTest
from judge_agent.seams.sandbox import BoxResult, Limits, Program, Sandbox
from tools.scripts import script
from tools.testing.report import TestResult, TestStatus, Visibility

_NO_MODULE = re.compile(r"^ModuleNotFoundError: No module named '(\w+)'")


async def run_stdio_test(
    sandbox: Sandbox,
    source: str,
    test: StdioTest,
    name: str,
    visibility: Visibility,
    *,
    atol: float | None,
    seconds: float,
    seed: int,
) -> TestResult:
    """Run one. Raises SandboxError when the box, not the program, failed; ToolError for one that no box takes."""
    room = max(Limits().output_bytes, 2 * len(test.stdout.encode("utf-8", "surrogatepass")))
    limits = Limits(wall_seconds=seconds, cpu_seconds=max(1, int(seconds)), output_bytes=room)
    made = script(source)  # a file, as the program would be anywhere else
    stdin = test.stdin.encode("utf-8", "surrogatepass")
    files = {made.name: made.content}
    program = Program(made.source, stdin=stdin, seed=seed, files=files, script=made.script)
    result = await sandbox.run(program, limits=limits)
    if result.limit == "program_bytes":  # refused before it ran: that says nothing of what it does
        raise ToolError(
            f"the program has {len(source.encode('utf-8', 'surrogatepass'))} bytes and its input {len(program.stdin)}; "
            f"a box takes at most {result.limit}={getattr(limits, result.limit or '', None)}"
        )
    status, message = _judge(result, test, atol)
    lacks = _lacks(result) if status == "error" else None
    own_seconds = result.seconds - result.waited_seconds
    return TestResult(name, visibility, status, message, own_seconds, lacks=lacks)


def _judge(result: BoxResult, test: StdioTest, atol: float | None) -> tuple[TestStatus, str]:
    if result.status == "timeout":
        return "timeout", f"the program used up its {result.limit}"
    if result.status != "ok":
        return (
            "error",
            f"the program ended with {result.limit or f'exit code {result.exit_code}'}: {_last_line(result)[:200]}",
        )
    actual = result.stdout.decode(errors="replace")
    if same_output(test.stdout, actual, atol):
        return "pass", ""
    return "fail", f"expected {test.stdout[:150]!r}, printed {actual[:150]!r}"


def _lacks(result: BoxResult) -> str | None:
    """The module that the program says it did not find, by the last line of its complaint."""
    found = _NO_MODULE.search(_last_line(result))
    return found.group(1) if found else None


def _last_line(result: BoxResult) -> str:
    return result.stderr.decode(errors="replace").strip().rpartition("\n")[2]


def same_output(expected: str, actual: str, atol: float | None) -> bool:
    left, right = _lines(expected), _lines(actual)
    if left == right:
        return True
    if not atol or len(left) != len(right):
        return False
    return all(_same_words(one.split(), other.split(), atol) for one, other in zip(left, right, strict=True))


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().splitlines()]


def _same_words(expected: list[str], actual: list[str], atol: float) -> bool:
    return len(expected) == len(actual) and all(
        one == other or _near(one, other, atol) for one, other in zip(expected, actual, strict=True)
    )


def _near(one: str, other: str, atol: float) -> bool:
    try:
        return abs(float(one) - float(other)) <= atol
    except ValueError:
        return False
