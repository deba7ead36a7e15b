"""Says how one test ended, and whose doing it was: the code's, or the test's own (in the tester box)."""

from __future__ import annotations

import json
import re
import sys
import time
import types
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from tools.testing.in_box.expected import TEST_FILE, ended_a_thread, reached
from tools.testing.in_box.lacking_modules import lacking_name
from tools.testing.in_box.names import Uses
from tools.testing.in_box.own_doing import COMPILES, ENDS_EARLY

MAX_MESSAGE = 400


class Channel(Protocol):
    def receive(self) -> bytes | None: ...

    def send(self, line: bytes) -> None: ...


class NotCarried(BaseException):
    """Something that cannot cross between two boxes; no `except Exception` of a test may swallow it."""


class CodeStopped(BaseException):
    """The code under test died or ran out of time; the host has noted that already."""


class BrokenTest(Exception):
    """The text of a test is no test."""


class Outcome(NamedTuple):
    """How a test ended. A failure that is not `certain` may be the prompt's doing or the test's.

    `lacks` is the module that an import did not find, where that ended the test.
    """

    status: str
    message: str = ""
    certain: bool = True
    lacks: str | None = None


@dataclass
class Session:
    """What the tests of one run share. `calls` counts calls of the code; `needs_sharing` is why a split failed.

    `loss` is what arrived as something else on its way to the code or back. `uses` is of the text that runs now;
    `code_globals` is the code's module, where it shares the box. `watched`: whether it is told what took a test's time.
    `carried` are errors of the code, `awaited` those that an `except` of the test's is to catch, with its frame;
    `reads_data`: it reads a constant of the code. `spoiled` says why the current test cannot pass; `lacks` is the
    module that a call says it did not find, `received` counts the bytes that the code answered,
    `unasked` is a function that the test calls and nobody asked for. `leans`: a test of this text compares a result
    with an argument that the code changed; then the text runs `again` without such changes. `passed`: calls of each.
    """

    channel: Channel
    names: Mapping[str, str]
    entry_point: str | None
    prompt: str
    shared: bool
    code_globals: Mapping[str, Any] | None = None
    uses: Uses = field(default_factory=Uses)
    started: float = 0.0
    calls: int = 0
    needs_sharing: str | None = None
    loss: str | None = None
    carried: list[BaseException] = field(default_factory=list)
    awaited: list[tuple[BaseException, types.FrameType]] = field(default_factory=list)
    spoiled: str | None = None
    reads_data: bool = False
    received: int = 0
    unasked: str | None = None
    passed: dict[str, int] = field(default_factory=dict)
    leans: bool = False
    again: bool = False
    lacks: str | None = None
    test_file: str = TEST_FILE
    watched: bool = True

    def start(self, name: str) -> None:
        self.started, self.calls, self.needs_sharing, self.loss = time.monotonic(), 0, None, None
        self.carried.clear()
        self.awaited.clear()
        self.spoiled = self.lacks = None
        self.reads_data, self.received, self.unasked = False, 0, None
        if self.again:
            return
        self._tell({"op": "start", "name": name[:200], "bounded": self.uses.bounded})
        if not self.watched:
            self._tell({"op": "slow_test"})

    def finish(self, name: str, outcome: Outcome) -> None:
        if self.needs_sharing is not None:
            outcome = Outcome("shared", self.needs_sharing)
        elif not self.shared and outcome.status in ("fail", "error") and (why := self._unfair()):
            outcome = Outcome("shared", why)
        elif outcome.status in ("pass", "skipped", "broken") and (foul := self.foul()):
            outcome = Outcome("error", foul)
        if self.again:
            if name in self.passed and outcome.status in ("fail", "error"):
                self._tell({"op": "doubt", "name": name[:200]})
            return
        if outcome.status == "pass":
            self.passed[name] = self.calls
            outcome = outcome._replace(certain=outcome.certain and self.unasked is None)
        report = {"op": "result", "name": name[:200], "status": outcome.status, "certain": outcome.certain}
        report["touched"] = bool(self.calls) or self.reads_data
        lacks = outcome.lacks or self.lacks
        self._tell({**report, "message": outcome.message[:MAX_MESSAGE], "lacks": lacks})

    def _unfair(self) -> str | None:
        """Why a failure may be due to the two boxes: what they hide from each other, or what arrives changed."""
        return "the test sets up what code in another box cannot see" if self.uses.set_up else self.loss

    def foul(self) -> str | None:
        """What the code did that no test may pass after, whatever became of it on its way."""
        lost = [error for error, frame in self.awaited if not reached(error, frame)]
        left = [error for error in self.carried if ended_a_thread(error)]
        if left:
            return f"the code raised {type(left[0]).__name__} in a thread, where nobody caught it"
        if lost:
            return f"the code raised {type(lost[0]).__name__}, which ended a loop or a look-up of the test"
        return self.spoiled

    def spoil(self, why: str) -> TypeError:
        """Note that this test cannot pass, even one that expects a TypeError; the caller raises what comes back."""
        self.spoiled = self.spoiled or why
        return TypeError(why)

    def note_loss(self, loss: object) -> None:
        if isinstance(loss, str):
            self.loss = self.loss or loss[:200]

    def refuse(self, why: str) -> NotCarried:
        """Note that this test must share a box with the code; the caller raises what comes back."""
        self.needs_sharing = self.needs_sharing or why[:200]
        return NotCarried(why)

    def note_call(self, name: str) -> None:
        """Count a call of the code. One of a helper that nobody asked the code for proves nothing of what was."""
        self.calls += 1
        if self.again and self.calls > max(self.passed.values(), default=0):
            raise CodeStopped("the test goes on and on where the code changes no arguments")
        entry_point = (self.entry_point or "").partition(".")[0]
        if not entry_point or name.partition(".")[0] == entry_point or name in self.uses.imported.values():
            return
        if re.search(rf"\b{re.escape(name)}\b", self.prompt) is None:
            self.unasked = name

    def calls_only(self, name: str) -> bool:
        """Whether the text that runs now does nothing with this name of the code but call it."""
        here = {alias for alias, there in self.uses.imported.items() if there == name} or {name}
        return not self.uses.types and here <= self.uses.only_called

    def can_do(self, words: Collection[str]) -> bool:
        """Whether the test may have caused by itself what takes one of these words.

        After a call of the code that may be what it made of the answer (`eval(f(1))`); and where code shares the box,
        a function of some library that it left in place of its own raises without a frame of the code's. Then only
        the test's text can clear the code.
        """
        return not (self.shared or self.calls) or self.uses.can_do(words)

    def ended_early(self, how: str) -> Outcome:
        """The outcome of a test that was skipped or never finished."""
        if self.can_do(ENDS_EARLY):
            return Outcome("skipped", how)
        return Outcome("error", f"the code ended its test: {how}")

    def _tell(self, message: dict[str, Any]) -> None:
        self.channel.send(json.dumps(message).encode())


def run_test(
    session: Session,
    name: str,
    body: Callable[[], object],
    *,
    uses_data: bool = False,
    certain: bool = True,
) -> None:
    """Run one test and report how it ended. `uses_data`: it reads a constant of the code, without a call.

    A failure is `certain` unless the caller says otherwise, or the code stopped or raised.
    """
    session.start(name)
    session.reads_data = uses_data
    try:
        body()
    except BaseException as error:
        outcome = explain(session, error, uses_data=uses_data)
        blamed = isinstance(error, CodeStopped) or any(error is one for one in session.carried)
        session.finish(name, outcome._replace(certain=certain or blamed))
        return
    touched = session.calls or uses_data or session.shared
    session.finish(
        name, Outcome("pass") if touched else Outcome("broken", "it passes without calling the code")
    )


def explain(session: Session, error: BaseException, *, uses_data: bool = False) -> Outcome:
    """Say what an error means that a test raised."""
    return _classify(session, error, uses_data)._replace(lacks=lacking_name(error))


def _classify(session: Session, error: BaseException, uses_data: bool) -> Outcome:
    text = f"{type(error).__name__}: {_text(error)}".rstrip(": ")
    if isinstance(error, CodeStopped):
        return Outcome("error", text)
    if any(error is one for one in session.carried):
        return Outcome("error", f"the code raised {text}")
    if passed_the_code(session, error):
        return Outcome("fail" if isinstance(error, AssertionError) else "error", text)
    if missing := _missing_name(error):
        blamed = _owes(session, missing) or not session.can_do([missing])
        return (
            Outcome("error", f"the code does not define {missing!r}") if blamed else Outcome("broken", text)
        )
    if isinstance(error, BrokenTest) or (
        isinstance(error, (SyntaxError, ImportError)) and _is_the_texts(session, error)
    ):
        return Outcome("broken", text)
    if not (session.calls or uses_data or session.shared):
        return Outcome("broken", f"it fails without calling the code: {text}")
    return Outcome("fail" if isinstance(error, AssertionError) else "error", text)


def _is_the_texts(session: Session, error: SyntaxError | ImportError) -> bool:
    """Whether the text of the test fails by itself in this way: it has no such syntax, or there is no such module."""
    if isinstance(error, ImportError):
        return session.can_do((error.name or "").split(".")[:1])
    by_itself = not (session.calls or session.shared) and session.can_do(COMPILES)
    return error.filename == session.test_file or by_itself


def passed_the_code(session: Session, error: BaseException) -> bool:
    """Whether an exception went through a frame of the code under test (seen only where they share a box)."""
    trace = error.__traceback__
    while trace is not None and session.code_globals is not None:
        if trace.tb_frame.f_globals is session.code_globals:
            return True
        trace = trace.tb_next
    return False


def _missing_name(error: BaseException) -> str | None:
    """The name that a NameError, or an import from the code's module, did not find."""
    if isinstance(error, NameError) and not isinstance(error, UnboundLocalError):
        return error.name or _quoted(error)
    if (
        isinstance(error, ImportError)
        and error.name is not None
        and str(error).startswith("cannot import name")
    ):
        return _quoted(error)
    return None


def _quoted(error: BaseException) -> str | None:
    found = re.search(r"name '(\w+)'", str(error))
    return found.group(1) if found else None


def _owes(session: Session, name: str) -> bool:
    """Whether the code was asked to define a name: it is the entry point, is in the prompt, or nothing says.

    A module, or a constant that cannot be read, does for the code only where no function was asked for.
    """
    entry_point = (session.entry_point or "").partition(".")[0]
    kind = session.names.get(name)
    if kind is not None:
        useless = kind == "data" or kind.startswith("module:")
        return useless and (name == entry_point or name in session.uses.asked)
    if name in sys.stdlib_module_names:
        return False
    if session.entry_point is None or name == entry_point:
        return True
    return re.search(rf"\b{re.escape(name)}\b", session.prompt) is not None


def _text(error: BaseException) -> str:
    try:
        return str(error)[:MAX_MESSAGE]
    except Exception:
        return ""
