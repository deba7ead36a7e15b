"""Doctests of the prompt. Prompts are written by people: an example that cannot be checked says nothing.

An example holds if its output matches as doctest has it, ignoring white space, or if output and expectation are equal
values. One whose expectation is neither a value nor equal text is broken, not failed: prompts show `5 # because ...`.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import doctest
import io
import re
from typing import Any

from tools.testing.in_box.expected import TEST_FILE
from tools.testing.in_box.names import read_uses
from tools.testing.in_box.outcome import CodeStopped, Outcome, Session, explain

_MARK = re.compile(r"\s*(?:[\"]{3}|[']{3}|`{3,}\w*|~{3,}\w*)\s*")
_QUOTES_AT_END = re.compile(r"(?:[\"]{3}|[']{3})\s*$")
_FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL


def run_doctests(session: Session, prefix: str, text: str, namespace: dict[str, Any]) -> None:
    """Run every example in order, in one namespace; report those that expect something."""
    try:
        examples = doctest.DocTestParser().get_examples(without_marks(text))
    except ValueError as error:
        session.start(prefix)
        session.finish(prefix, Outcome("broken", f"no doctest: {error}"))
        return
    scope = {**namespace, "__name__": "__test__"}
    session.test_file = TEST_FILE
    session.uses = session.uses._replace(set_up=read_uses("".join(one.source for one in examples), ()).set_up)
    uncarried = None if session.shared else _uncarried(session, examples)
    for index, example in enumerate(examples):
        name = f"{prefix}.{index}"
        session.start(name)
        if uncarried is not None:
            session.refuse(uncarried)
            session.finish(name, Outcome("shared"))
            continue
        outcome = _run(session, example, scope)
        if example.want or session.shared or outcome.status in ("fail", "error"):
            session.finish(name, outcome)


def _uncarried(session: Session, examples: list[doctest.Example]) -> str | None:
    """The first class or other object of the code's that the examples use: they cannot run beside another box."""
    used = read_uses("".join(example.source for example in examples), ()).free
    kinds = {name: kind for name, kind in session.names.items() if kind in ("class", "other")}
    return next((f"{kind} {name!r}" for name, kind in kinds.items() if name in used), None)


def without_marks(text: str) -> str:
    """Blank what ends a docstring or a fenced block: doctest would take it for a line of the expected output."""
    lines = []
    for line in text.splitlines():
        if _MARK.fullmatch(line):
            line = ""
        elif not line.lstrip().startswith((">>>", "...")):
            line = _QUOTES_AT_END.sub("", line)
        lines.append(line)
    return "\n".join(lines) + "\n"


def _run(session: Session, example: doctest.Example, scope: dict[str, Any]) -> Outcome:
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(example.source, TEST_FILE, "single", dont_inherit=True), scope)
    except BaseException as error:
        return _raised(session, error, example)
    finally:
        if hasattr(builtins, "_"):
            del builtins._
    if not example.want:
        return Outcome("pass")
    return _compare(session, example, printed.getvalue())


def _raised(session: Session, error: BaseException, example: doctest.Example) -> Outcome:
    wanted = (example.exc_msg or "").partition(":")[0].strip()
    if wanted:
        held = wanted.rpartition(".")[2] == type(error).__name__
        return Outcome("pass") if held else Outcome("fail", f"raised {type(error).__name__}, not {wanted}")
    outcome = explain(session, error)
    if not session.calls:
        return (
            outcome
            if outcome.message.startswith("the code does not define")
            else Outcome("broken", outcome.message)
        )
    blamed = isinstance(error, CodeStopped) or any(error is one for one in session.carried)
    return outcome if blamed or session.shared else Outcome("broken", outcome.message)


def _compare(session: Session, example: doctest.Example, got: str) -> Outcome:
    if not session.calls and not session.shared:
        return Outcome("broken", "it does not call the code")
    if doctest.OutputChecker().check_output(example.want, got, _FLAGS):
        return Outcome("pass")
    try:
        wanted, actual = ast.literal_eval(example.want.strip()), ast.literal_eval(got.strip())
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        return _uncheckable(example, got)
    if wanted == actual:
        return Outcome("pass")
    return Outcome(
        "fail", f"{example.source.strip()[:120]} gave {got.strip()[:100]}, not {example.want.strip()[:100]}"
    )


def _uncheckable(example: doctest.Example, got: str) -> Outcome:
    """Blame the code only where the expectation is a value that its output is clearly not."""
    message = f"{example.source.strip()[:120]} gave {got.strip()[:100]!r}, not {example.want.strip()[:100]!r}"
    try:
        ast.literal_eval(example.want.strip())
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        return Outcome("broken", message)
    return Outcome("fail", message)
