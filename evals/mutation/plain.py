"""Runs the benchmark's own code, and mistakes made in it, in plain Python: no box, no tool of the product.

A process of its own, `python -m evals.mutation.plain`: one job a line on stdin, one answer a line on stdout. Each job
and each mutant runs in a fork. All of it is trusted: it is the benchmark's code, with one mistake that a machine made.
Limits are there for loops without end, not for malice.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import json
import os
import resource
import signal
import sys
import types
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from evals.mutation.exactly import as_json, exactly
from tools.testing.codec import NotPlain, encode

MEMORY_BYTES = 2 * 2**30
JOB_SECONDS = 600
SLOW_SECONDS = 0.2
MAX_CASE_CHARS = 20_000
READABLE = {
    "inf": float("inf"),
    "nan": float("nan"),
    "Counter": Counter,
    "OrderedDict": OrderedDict,
    "defaultdict": defaultdict,
    "deque": deque,
    "Decimal": Decimal,
    "Fraction": Fraction,
}


class Outcome(NamedTuple):
    """What one call gave: its value and the arguments afterwards, or the name of what it raised."""

    value: Any
    arguments: Any
    raised: str | None = None


def main() -> None:
    for line in sys.stdin:
        job = json.loads(line)
        answer = _in_a_fork(lambda job=job: _JOBS[job["op"]](job), JOB_SECONDS)  # type: ignore[misc]
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _reference(job: dict[str, Any]) -> dict[str, Any]:
    """Which inputs make tests: those with a result, the same each time, soon there, that a test can hold."""
    function = _function(job["source"], job["entry_point"])
    kept, left_out = [], Counter[str]()
    for index, arguments in enumerate(job["inputs"]):
        before = _cpu_seconds()
        outcome = _call(function, arguments)
        slow = _cpu_seconds() - before > SLOW_SECONDS
        why = "slow" if slow else _unfit(outcome, _call(function, arguments))
        if why:
            left_out[why] += 1
            continue
        texts = [repr(arguments), repr(outcome.value), repr(outcome.arguments)]
        kept.append({"index": index, "expected": encode(outcome.value), "texts": texts})
    return {"tests": kept, "left_out": left_out}


def _unfit(outcome: Outcome, again: Outcome) -> str | None:
    if outcome.raised is not None:
        return "raises"
    try:
        encode(outcome.value)
        written = f"({outcome.value!r}, {outcome.arguments!r})"
        read = eval(written, dict(READABLE)) if len(written) <= MAX_CASE_CHARS else None  # noqa: S307 - trusted
    except (NotPlain, SyntaxError, NameError, TypeError, ValueError):
        return "no plain data"
    if not exactly((outcome.value, outcome.arguments), read):
        return "no plain data"
    return None if _same(outcome, again, 0.0) else "differs each time"


def _compare(job: dict[str, Any]) -> list[dict[str, Any]]:
    """For each mutant: how it differs from the right one, and whether tests of kind `call` can see that."""
    function = _function(job["right"], job["entry_point"])
    right = [_call(function, arguments) for arguments in job["inputs"]]
    return [
        _in_a_fork(lambda source=source: _difference(job, source, right), JOB_SECONDS)  # type: ignore[misc]
        for source in job["mutants"]
    ]


def _difference(job: dict[str, Any], source: str, right: Sequence[Outcome]) -> dict[str, Any]:
    found: dict[str, Any] = {"how": "not", "call_sees": False}
    try:
        function = _function(source, job["entry_point"])
    except Exception as error:  # noqa: BLE001 - however it fails, it differs
        return {"how": f"does not load: {type(error).__name__}", "call_sees": True}
    for arguments, expected in zip(job["inputs"], right, strict=True):
        signal.setitimer(signal.ITIMER_PROF, job["seconds"])
        outcome = _call(function, arguments)
        signal.setitimer(signal.ITIMER_PROF, 0)
        how, call_sees = _how(expected, outcome, job["atol"])
        if how == "not" or (found["how"] != "not" and not call_sees):
            continue
        found = {"how": how, "call_sees": call_sees}
        if call_sees:
            break
    return found


def _how(expected: Outcome, outcome: Outcome, atol: float) -> tuple[str, bool]:
    if outcome.raised is not None:
        return "raises", True
    if not as_json(expected.value, outcome.value, atol):
        return "value", True
    if not exactly(expected.value, outcome.value, atol):
        return "type", False
    if not exactly(expected.arguments, outcome.arguments, atol):
        return "arguments", False
    return "not", False


def _same(one: Outcome, other: Outcome, atol: float) -> bool:
    return exactly(one.value, other.value, atol) and exactly(one.arguments, other.arguments, atol)


def _function(source: str, name: str) -> Callable[..., Any]:
    module = types.ModuleType("solution")
    exec(compile(ast.parse(source), "solution", "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - trusted
    found: Callable[..., Any] = getattr(module, name)
    return found


def _call(function: Callable[..., Any], arguments: Any) -> Outcome:
    given = copy.deepcopy(arguments)
    try:
        return Outcome(function(*given), given)
    except BaseException as error:  # noqa: BLE001 - an exit of its own is an outcome too
        return Outcome(None, None, type(error).__name__)


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


_ENDS = {signal.SIGPROF: "timeout", signal.SIGALRM: "timeout", signal.SIGXCPU: "timeout"}


def _in_a_fork(work: Callable[[], Any], seconds: int) -> Any:
    """What the work returns; where its process ends without that, how it ended."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _quietly(work, writer, seconds)
    os.close(writer)
    with os.fdopen(reader, "rb") as answers:
        answer = answers.read()
    status = os.waitpid(child, 0)[1]
    if answer:
        return json.loads(answer)
    how = (
        _ENDS.get(signal.Signals(os.WTERMSIG(status)), "died")
        if os.WIFSIGNALED(status)
        else "ended the process"
    )
    return {"how": how, "call_sees": True}


def _quietly(work: Callable[[], Any], writer: int, seconds: int) -> None:
    """In the child: never returns."""
    try:
        signal.alarm(seconds)
        taken = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")
        with contextlib.suppress(ValueError):  # an outer limit is lower already
            resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY_BYTES,) * 2)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(nowhere, number)
        answer = json.dumps(work()).encode()
        while answer:
            answer = answer[os.write(writer, answer) :]
    finally:
        os._exit(0)


_JOBS: dict[str, Callable[[dict[str, Any]], Any]] = {"reference": _reference, "compare": _compare}

if __name__ == "__main__":
    main()
