"""The host's side of the code box: load the code under test, call its functions, restart it when it dies.

Only bounded JSON lines come back, and every one is a claim of the code's: it can say what a call returned, never
whether that is right.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any

from judge_agent.seams.sandbox import Box, BoxClosed, Limits, Program, Sandbox, Warm
from tools.testing.codec import TOO_LARGE, parse
from tools.testing.in_box.loading import MAX_CONSTANT_BYTES
from tools.testing.report import Code, Unloadable

LOAD_SECONDS = 20.0
MAX_LOADED_BYTES = 2 * MAX_CONSTANT_BYTES
_ROOM_BYTES, _ROOM_PARTS, _ROOM_TIMES = (
    64 * 1024,
    1000,
    64,
)  # of a reply, beside what is expected: tags, digits
MAX_DEATHS = 3
MAX_TIMEOUTS = 2
_MODULES = (
    "tools.testing.codec",
    "tools.testing.in_box.lacking_modules",
    "tools.testing.in_box.loading",
    "tools.testing.in_box.candidate_server",
    "tools.testing.in_box.own_doing",
    "tools.testing.in_box.own_state",
    "tools.testing.in_box.closer",
    "tools.testing.in_box.edited_arguments",
    "tools.testing.in_box.expected",
    "tools.testing.in_box.names",
    "tools.testing.in_box.outcome",
    "tools.testing.in_box.raised",
    "tools.testing.in_box.stand_in",
    "tools.testing.in_box.proxies",
    "tools.testing.in_box.plain_tests",
    "tools.testing.in_box.doctests",
    "tools.testing.in_box.pytest_files",
    "tools.testing.in_box.tester",
)


@cache
def box_modules() -> dict[str, str]:
    """Sources of what runs inside boxes, by module name."""
    found = {}
    for name in _MODULES:
        package, _, module = name.rpartition(".")
        found[name] = resources.files(package).joinpath(f"{module}.py").read_text(encoding="utf-8")
    return found


def program(main_module: str, seed: int, warm: Warm = "python") -> Program:
    """A program that talks: the `main` of one of the in-box modules."""
    return Program(f"from {main_module} import main", modules=box_modules(), seed=seed, warm=warm)


class CodeStopped(Exception):
    """The code ended its box, or used up its time, during a call. `timed_out` says which.

    `killed`: by a SIGKILL of which no limit knows. The code may have sent it, or somebody else on the machine.
    """

    def __init__(self, message: str, *, timed_out: bool, killed: bool = False) -> None:
        super().__init__(message)
        self.timed_out = timed_out
        self.killed = killed


class CodeGivenUp(Exception):
    """The code stopped too often to be started again."""


@dataclass(frozen=True)
class Loaded:
    assembled: str
    names: dict[str, str]
    constants: dict[str, Any]


class CodeBox:
    """One code under test in its box. An async context manager; not for concurrent use."""

    def __init__(
        self, sandbox: Sandbox, code: Code, limits: Limits, *, seconds_per_test: float, seed: int
    ) -> None:
        self._sandbox = sandbox
        self._code = code
        self._limits = limits
        self._seconds_per_test = seconds_per_test
        self._seed = seed
        self._stack = AsyncExitStack()
        self._box: Box | None = None
        self._deaths = 0
        self._timeouts = 0
        self._was_killed = False

    async def __aenter__(self) -> CodeBox:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def load(self) -> Loaded | Unloadable:
        """Start the box and load the code. Raises SandboxError."""
        await self._stack.aclose()
        self._box = await self._stack.enter_async_context(
            self._sandbox.open(
                program("tools.testing.in_box.candidate_server", self._seed), limits=self._limits
            )
        )
        code = self._code
        request = {"op": "load", "code": code.source, "prompt": code.prompt, "entry_point": code.entry_point}
        try:
            line = await self._exchange(
                json.dumps(request).encode(), max(LOAD_SECONDS, self._seconds_per_test)
            )
            if len(line) > MAX_LOADED_BYTES:
                raise ValueError(f"more than {MAX_LOADED_BYTES} bytes")
            reply = await asyncio.to_thread(_object, line)
        except CodeStopped as stopped:
            if self._is_to_run_again(stopped):
                return await self.load()
            return Unloadable("timeout" if stopped.timed_out else "died", str(stopped))
        except ValueError as error:
            return Unloadable("died", f"the code forged the report of its own loading: {error}")
        if "failed" in reply:
            return Unloadable(str(reply.get("kind")), str(reply["failed"]), text_or_none(reply.get("lacks")))
        return _loaded(reply)

    async def call(self, name: str, args: Any, kwargs: Any, *, expected: bytes) -> dict[str, Any]:
        """Call one function with encoded arguments and return its reply, as parsed JSON.

        A reply that is too large to be the `expected` value (as JSON) is not read: `{"opaque": TOO_LARGE}`.
        Raises CodeStopped when the code died or ran out of time in this call, CodeGivenUp after too many of those.
        """
        request = {
            "op": "call",
            "name": name,
            "args": args,
            "kwargs": kwargs,
            "mutations": False,
            "quiet": True,
        }
        line = await self.call_line(json.dumps(request).encode())
        if len(line) > _ROOM_BYTES + _ROOM_TIMES * len(expected) or _parts(line) > _ROOM_PARTS + (
            _ROOM_TIMES * _parts(expected)
        ):
            return {"opaque": TOO_LARGE}
        try:
            return _object(line)
        except ValueError as error:
            self._deaths += 1
            raise await self._death_notice(error) from error

    async def call_line(self, line: bytes) -> bytes:
        """Hand one call on as it was written, and return the reply unread. Raises as `call` does.

        What the code writes is large at will: on its way to the tester it costs this process no more than its bytes.
        """
        if self._box is None:
            await self._restart()
        try:
            return await self._exchange(line, self._seconds_per_test)
        except CodeStopped as stopped:
            if not self._is_to_run_again(stopped):
                raise
            await self._restart()
            return await self._exchange(line, self._seconds_per_test)

    def _is_to_run_again(self, stopped: CodeStopped) -> bool:
        """Once: code that kills itself does so again, and what was killed from outside says nothing of the code."""
        if not stopped.killed or self._was_killed:
            return False
        self._was_killed = True
        self._deaths -= 1
        return True

    async def _restart(self) -> None:
        if self._timeouts >= MAX_TIMEOUTS or self._deaths >= MAX_DEATHS:
            raise CodeGivenUp(
                f"not run: the code ran out of time {self._timeouts} and died {self._deaths} times"
            )
        outcome = await self.load()
        if isinstance(outcome, Unloadable):
            self._deaths = MAX_DEATHS
            raise CodeGivenUp(f"not run: the code did not load again: {outcome.reason}")

    async def _exchange(self, line: bytes, seconds: float) -> bytes:
        box = self._box
        assert box is not None
        try:
            await box.send(line)
            return await box.receive(timeout_seconds=seconds)
        except TimeoutError as error:
            self._timeouts += 1
            await self._drop()
            raise CodeStopped(f"the code did not answer within {seconds:g} s", timed_out=True) from error
        except (BoxClosed, ValueError) as error:
            self._deaths += 1
            raise await self._death_notice(error) from error

    async def _death_notice(self, error: Exception) -> CodeStopped:
        box = self._box
        assert box is not None
        result = await box.stop()
        await self._drop()
        if result.status == "timeout":
            self._timeouts += 1
            return CodeStopped(f"the code used up its {result.limit}", timed_out=True)
        how = f"limit {result.limit}" if result.limit else f"exit code {result.exit_code}"
        killed = result.was_killed
        return CodeStopped(f"the code ended its own process ({how}): {error}", timed_out=False, killed=killed)

    async def _drop(self) -> None:
        self._box = None
        await self._stack.aclose()


def _object(line: bytes) -> dict[str, Any]:
    """Read one reply. Raises ValueError."""
    reply = parse(line)
    if not isinstance(reply, dict):
        raise ValueError("the reply is no object")
    return reply


def _parts(line: bytes) -> int:
    """At least as many as a text of JSON has values; the same in two texts of equal values, but for tags."""
    return line.count(b",") + line.count(b"[") + line.count(b"{")


def text_or_none(claim: object) -> str | None:
    return claim if isinstance(claim, str) else None


def _loaded(reply: dict[str, Any]) -> Loaded | Unloadable:
    """Read the claim of a loaded box: names to kinds, constants to encoded values."""
    names, constants = reply.get("names"), reply.get("constants")
    if not isinstance(names, dict) or not isinstance(constants, dict):
        return Unloadable("died", "the code forged the report of its own loading")
    kinds = {name: str(kind) for name, kind in names.items() if _is_plain_name(name) and _is_kind(str(kind))}
    values = {name: value for name, value in constants.items() if kinds.get(name) == "data"}
    return Loaded(str(reply.get("assembled"))[:40], kinds, values)


def _is_plain_name(name: str) -> bool:
    """No dunder name: a claimed `__builtins__` would bend the test."""
    return name.isidentifier() and not (name.startswith("__") and name.endswith("__"))


def _is_kind(kind: str) -> bool:
    return kind in ("function", "class", "data", "other") or kind.startswith("module:")


def box_limits(total_seconds: float) -> Limits:
    """Limits of a box that answers many calls: the time per call is watched by the caller.

    The processor's time is bounded past the clock's, so that a short rest of the judgment's time ends as
    its deadline and is never held against the code.
    """
    return replace(Limits(), wall_seconds=total_seconds, cpu_seconds=2 * int(total_seconds) + 10)
