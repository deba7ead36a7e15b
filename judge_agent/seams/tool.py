"""The seam to a tool: what the judge can check without asking a model.

A tool decides bearing and strength itself; the model never does. Adding one needs only this file.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from judge_agent.errors import BudgetExceeded
from judge_agent.schema import (
    Bearing,
    Principle,
    PrincipleSpec,
    Resources,
    Source,
    Strength,
    Task,
    ToolStatus,
    Trajectory,
)
from judge_agent.seams.signature import Signature


@dataclass(frozen=True)
class ToolView:
    """What a tool sees of a request: the task and ONE candidate, in canonical form.

    The candidate's id is not in it, so that equal candidates give equal calls and share their results.
    `tenant` says whose blobs the resources name. `sees_images`: the model that judges takes pictures. `indexed`: the
    trajectory does not fit its window, and is shown by an index of spans.
    """

    task: Task
    trajectory: Trajectory
    seed: int = 0
    resources: Resources = field(default_factory=Resources)
    tenant: str = ""
    sees_images: bool = False
    indexed: bool = False


@dataclass(frozen=True)
class OpeningCall:
    """A call worth making without asking the model; `arguments` is JSON and is part of the result's key."""

    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """What one tool result says. `step_id` None: of the whole candidate. `score` in [0,1] when it decides.

    A finding without `step_id` bears on the principles tied to the tool; one with it bears on that step only.
    One with a `handle` bears on the tied principle of that name alone, and the others then do not bear on it.
    """

    bearing: Bearing
    strength: Strength
    score: float | None = None
    reason: str = ""
    step_id: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    handle: str | None = None


@dataclass(frozen=True)
class Aside:
    """A principle that a tool comes upon and settles while it works: it is there only where it is settled.

    So one that could not be told makes no candidate `partial`. It is left out where its dimension is not declared; the
    tool names that dimension among its `dimensions`, where the recipe does not.
    `finding` is decisive; it bears on this principle alone.
    """

    name: str
    description: str
    dimension: str
    finding: Finding
    kind: Literal["hard", "soft"] = "soft"
    weight: float = 1.0


@dataclass(frozen=True)
class ResultImage:
    """A picture that a tool made; `data` is base64 of one of the types that models take, sizes are in pixels.

    It is shown to a model that takes pictures; what one that takes none must know of it stands in the output as well.
    """

    name: str
    data: str
    width: int
    height: int
    media_type: str = "image/png"


@dataclass(frozen=True)
class ToolResult:
    """`ok`: it ran. `failed`: the thing checked failed to run. `refused`: not allowed. `timeout`: it ran out of time.

    `output` is JSON and is shown (fenced) to the model. `checked` counts what was looked at, by kind.
    `asides` count only in the result of an opening call.
    """

    status: ToolStatus
    output: Any
    findings: tuple[Finding, ...] = ()
    source: Source = "tool"
    truncated: bool = False
    checked: Mapping[str, int] = field(default_factory=dict)
    flags: Mapping[str, Any] = field(default_factory=dict)
    asides: tuple[Aside, ...] = ()
    images: tuple[ResultImage, ...] = ()


class Tool(Protocol):
    """A tool. Instances are made once, hold their box, and serve concurrent calls."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str:
        """Change it when results can change: it is part of every result's key."""
        ...

    @property
    def description(self) -> str:
        """One or two sentences, shown to the model and in `/v1/tools`."""
        ...

    @property
    def parameters(self) -> Mapping[str, Any]:
        """JSON Schema of the arguments that the MODEL may give; `{}` when the model may not call the tool."""
        ...

    def principle(self, view: ToolView) -> PrincipleSpec | None:
        """The principle that this tool can decide for this request, or None when it does not apply."""
        ...

    def opening_calls(self, view: ToolView) -> Sequence[OpeningCall]:
        """Calls that are worth making without asking the model, from the request alone."""
        ...

    def offered(self, view: ToolView) -> bool:
        """Whether the model may call it for this candidate (only asked when `parameters` is not empty)."""
        ...

    def can_decide(self, principle: Principle, view: ToolView) -> bool:
        """Whether this tool's decisive findings settle that principle. Asked for every tie of principle and tool."""
        ...

    async def run(
        self, arguments: Mapping[str, Any], view: ToolView, *, timeout_seconds: float
    ) -> ToolResult:
        """Run one call. Plain Python errors are classified by the caller: SandboxError is the box's failure,
        ValueError is bad arguments (told to the model), anything else is tool_unavailable.
        """
        ...


def dimensions_of(tool: Tool) -> tuple[str, ...] | None:
    """Return the dimensions of all principles that a tool may ever bring; None where it does not say.

    It says so by an attribute `dimensions`, which the bases below have.
    """
    said = getattr(tool, "dimensions", None)
    return None if said is None else tuple(said)


class AskedTool(ABC):
    """A base for tools that the model calls and that do nothing else: no principle, no opening calls, no decisions.

    What the model may ask is a method `asked`: its signature is the schema of the arguments, its docstring what the
    model is told of them and of the tool (`judge_agent.seams.signature`). A tool that the model may not call has none,
    and a `run` and a `description` of its own. `limits` is a dataclass of its ceilings, told by `GET /v1/tools`.
    `repeats`: equal calls give equal results, so that judgments share them. What a tool does beyond that it says in
    methods of its own.
    """

    name: str
    version: str
    description: str
    parameters: Mapping[str, Any]
    limits: Any = None
    repeats: bool = True
    _taken: Signature | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        asked = vars(cls).get("asked")
        if asked is not None:
            cls._taken = Signature(asked, left_out=("self", "view", "timeout_seconds"))
            cls.description, cls.parameters = cls._taken.description, cls._taken.parameters

    @property
    def dimensions(self) -> tuple[str, ...] | None:
        """The dimensions of its principles; None where the tool has one of its own and does not say which."""
        return () if type(self).principle is AskedTool.principle else None

    def principle(self, view: ToolView) -> PrincipleSpec | None:
        return None

    def opening_calls(self, view: ToolView) -> Sequence[OpeningCall]:
        return ()

    def offered(self, view: ToolView) -> bool:
        return True

    def can_decide(self, principle: Principle, view: ToolView) -> bool:
        return False

    async def run(
        self, arguments: Mapping[str, Any], view: ToolView, *, timeout_seconds: float
    ) -> ToolResult:
        """Read the arguments and do what is asked, in time. A tool with opening calls does those here itself.

        Raises ValueError that names argument, value and limit, BudgetExceeded, and what `asked` raises.
        """
        given = {} if self._taken is None else self._taken.read(arguments)
        async with in_time(self.name, timeout_seconds):
            return await self.asked(view, timeout_seconds=timeout_seconds, **given)

    async def asked(self, *args: Any, **kwargs: Any) -> ToolResult:
        """Answer the model: `asked(self, view, *, ..., timeout_seconds)`, with named and typed arguments."""
        raise ValueError(f"{self.name} takes no questions of a model")


@asynccontextmanager
async def in_time(tool: str, seconds: float) -> AsyncIterator[None]:
    """Bound what a tool does. Raises BudgetExceeded that names the tool and the limit."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        message = f"tool {tool!r} exceeded timeout_seconds={seconds:g}; raise budget.seconds"
        raise BudgetExceeded("deadline", message) from error


class DecidingTool(AskedTool):
    """A base for tools that decide one principle of their own, wherever they have an opening call to make."""

    decides: PrincipleSpec

    @property
    def dimensions(self) -> tuple[str, ...] | None:
        """That of its own principle; a tool that comes upon others (asides) names theirs as well."""
        return None if self.decides.dimension is None else (self.decides.dimension,)

    @abstractmethod
    def opening_calls(self, view: ToolView) -> Sequence[OpeningCall]: ...

    def principle(self, view: ToolView) -> PrincipleSpec | None:
        """Its own principle, where it has something to look at."""
        return self.decides if self.opening_calls(view) else None

    def can_decide(self, principle: Principle, view: ToolView) -> bool:
        """Only its own principle, or one that the caller or a recipe tied to this tool; never a generated one."""
        if principle.tool != self.name or not self.opening_calls(view):
            return False
        return principle.origin in ("given", "recipe", "tool")
