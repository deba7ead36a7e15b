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

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from judge_agent.errors import BudgetExceeded, ToolError
from judge_agent.seams.sandbox import Sandbox
from judge_agent.seams.tool import AskedTool, Finding, ToolResult, ToolView

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_ARGUMENT_LINE = re.compile(r"\s*(\w+)(?:\s*\([^)]*\))?:\s+(\S.*)")


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
        self._version, self._wanted = version, _needs(function)
        box = f"/{sandbox.name}-{sandbox.version}" if sandbox is not None and self.needs_box else ""
        self.version = version + box
        self.description, described = _described(function)
        self._arguments = _model(function, described)
        self.parameters: Mapping[str, Any] = _schema(self._arguments)

    @property
    def needs_box(self) -> bool:
        return Sandbox in self._wanted.values()

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
        for name, kind in self._wanted.items():
            given[name] = view if kind is ToolView else self._box()
        try:
            async with asyncio.timeout(timeout_seconds):
                if inspect.iscoroutinefunction(self._function):
                    answer = await self._function(**given)
                else:
                    answer = await asyncio.to_thread(self._function, **given)
        except TimeoutError as error:
            message = f"tool {self.name!r} exceeded timeout_seconds={timeout_seconds:g}; raise budget.seconds"
            raise BudgetExceeded("deadline", message) from error
        return (
            answer if isinstance(answer, ToolResult) else ToolResult("ok", answer, (Finding("none", "hint"),))
        )

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
        try:
            read = self._arguments.model_validate_json(written)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
        return {name: getattr(read, name) for name in type(read).model_fields}


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


def _needs(function: Callable[..., Any]) -> dict[str, type]:
    """The parameters that the judge gives, by what they are annotated with."""
    hints = typing.get_type_hints(function)
    return {
        name: hints[name]
        for name in inspect.signature(function).parameters
        if hints.get(name) in (ToolView, Sandbox)
    }


def _model(function: Callable[..., Any], described: Mapping[str, str]) -> type[BaseModel]:
    """The arguments as a model that reads them strictly."""
    hints, needs = typing.get_type_hints(function, include_extras=True), _needs(function)
    fields: dict[str, Any] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if name in needs:
            continue
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise ValueError(f"{function.__name__}: {name!r} must be a named argument")
        if name not in hints:
            raise ValueError(f"{function.__name__}: the argument {name!r} has no type")
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[name] = (hints[name], Field(default, description=described.get(name)))
    config = ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=False)
    return create_model(f"{function.__name__}_arguments", __config__=config, **fields)


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of the arguments, without the titles that pydantic makes of their names."""
    schema = model.model_json_schema()
    schema.setdefault("properties", {})
    return {key: _untitled(value) for key, value in schema.items() if key != "title"}


def _untitled(value: Any, names: bool = True) -> Any:
    """`names`: the keys of an object are names of arguments, of which one may be `title`."""
    if isinstance(value, dict):
        return {
            key: _untitled(inner, not names or key in ("properties", "$defs"))
            for key, inner in value.items()
            if names or key != "title" or not isinstance(inner, str)
        }
    return [_untitled(inner, False) for inner in value] if isinstance(value, list) else value


def _described(function: Callable[..., Any]) -> tuple[str, dict[str, str]]:
    """The description, which is the docstring's first paragraph, and what its lines `name: text` say of arguments."""
    said = inspect.getdoc(function) or ""
    first = " ".join(said.partition("\n\n")[0].split())
    if not first:
        raise ValueError(f"{function.__name__} has no docstring: its first paragraph is shown to the model")
    names = inspect.signature(function).parameters
    lines = [_ARGUMENT_LINE.match(line) for line in said.splitlines()]
    return first, {found.group(1): found.group(2) for found in lines if found and found.group(1) in names}
