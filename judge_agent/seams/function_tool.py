"""A tool out of one function: its signature is the schema of the arguments, its docstring the description.

What is annotated as `ToolView` or `Sandbox` is given by the judge, and is no argument of the model's. Such a tool
informs and never decides; one that decides is a class on `DecidingTool`.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import re
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from judge_agent.errors import ToolError
from judge_agent.seams.sandbox import Sandbox
from judge_agent.seams.signature import Signature
from judge_agent.seams.tool import AskedTool, Finding, ToolResult, ToolView, in_time

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True)
class Limits:
    """Ceilings of one call: its arguments as JSON, in characters."""

    argument_chars: int = 20_000


class FunctionTool(AskedTool):
    """The tool that a function is. Made by `tool`; `given` makes the one that holds its box."""

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        version: str = "1",
        name: str | None = None,
        limits: Limits | None = None,
        sandbox: Sandbox | None = None,
    ) -> None:
        """Raises ValueError for a function without a docstring, or of whose arguments a type is missing."""
        self._function, self._sandbox = function, sandbox
        self.name = name or function.__name__
        if not _NAME.fullmatch(self.name):
            raise ValueError(
                f"name={self.name!r} is no tool's name: small letters, digits, underscores, at most 64"
            )
        self.limits = limits or Limits()
        self._version = version
        self._arguments = Signature(function, kinds=(ToolView, Sandbox))
        box = f"/{sandbox.name}-{sandbox.version}" if sandbox is not None and self.needs_box else ""
        self.version = version + box
        self.description, self.parameters = self._arguments.description, self._arguments.parameters

    @property
    def needs_box(self) -> bool:
        return Sandbox in self._arguments.given.values()

    def given(self, sandbox: Sandbox | None) -> FunctionTool:
        """The same tool with its box."""
        return FunctionTool(
            self._function, version=self._version, name=self.name, limits=self.limits, sandbox=sandbox
        )

    def offered(self, view: ToolView) -> bool:
        return self._sandbox is not None or not self.needs_box

    async def run(
        self, arguments: Mapping[str, Any], view: ToolView, *, timeout_seconds: float
    ) -> ToolResult:
        """Call the function, a plain one in a thread. Raises ValueError (arguments), ToolError, BudgetExceeded."""
        given = self._read(arguments)
        for name, kind in self._arguments.given.items():
            given[name] = view if kind is ToolView else self._box()
        async with in_time(self.name, timeout_seconds):
            if inspect.iscoroutinefunction(self._function):
                answer = await self._function(**given)
            else:
                answer = await asyncio.to_thread(self._function, **given)
        informs = (Finding("none", "hint"),)
        return answer if isinstance(answer, ToolResult) else ToolResult("ok", answer, informs)

    def _box(self) -> Sandbox:
        if self._sandbox is None:
            raise ToolError(
                f"{self.name} needs a box; JUDGE_SANDBOX names none that works here (judge-agent doctor)"
            )
        return self._sandbox

    def _read(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        written = json.dumps(dict(arguments))
        if len(written) > self.limits.argument_chars:
            raise ValueError(
                f"arguments have {len(written)} characters; the limit is argument_chars={self.limits.argument_chars}"
            )
        return self._arguments.read(arguments)


@typing.overload
def tool(function: Callable[..., Any], /) -> FunctionTool: ...
@typing.overload
def tool(
    *, version: str = "1", name: str | None = None, limits: Limits | None = None
) -> Callable[[Callable[..., Any]], FunctionTool]: ...
def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    version: str = "1",
    name: str | None = None,
    limits: Limits | None = None,
) -> FunctionTool | Callable[[Callable[..., Any]], FunctionTool]:
    """Make a tool of a function, as a decorator. Change `version` when its results can change."""

    def made(function: Callable[..., Any]) -> FunctionTool:
        return FunctionTool(function, version=version, name=name, limits=limits)

    return made if function is None else made(function)
