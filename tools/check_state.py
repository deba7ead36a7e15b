"""Replays the calls of a candidate on a copy of the records, and compares where they end with where they had to.

What each tool does to the records is declared in the request (`resources.environment`), as data. A call counts where
its effect is known for sure: where the declared effects and the observed results disagree, where a tool is not
declared, or a result is missing, the check says why it cannot tell, and decides nothing. Else it decides: the same
end state, with all said that had to be said, confirms; another one refutes; so does what was not said at all. Claims of
the agent about records are looked up in the state in which they were made; a contradiction refutes as strongly as the
declaration says, and no end state confirms decisively beside it.

Does not know whether the declared effects are those of the agent's world, nor whether the required state is the only
right one. Effects on JSON run here, as data; SQL runs in a box, on a copy.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from judge_agent.call_marks import loose_calls, tool_names
from judge_agent.errors import ToolError
from judge_agent.resources.checking import MAX_STATE_BYTES
from judge_agent.schema import Environment, PrincipleSpec, Trajectory
from judge_agent.seams.resources import ResourceFiles, ResourceMissing
from judge_agent.seams.sandbox import Sandbox
from judge_agent.seams.tool import DecidingTool, OpeningCall, ToolResult, ToolView
from judge_agent.trajectory import read
from tools.sql.database import source_of
from tools.states.database_judging import DatabaseJudging
from tools.states.judging import judged
from tools.states.looking import Look, look
from tools.states.report import BadReference, Report, leave_open
from tools.states.weighing import result_of
from tools.states.work import Work, read_state

_NO_RECORDS = "there are no JSON records (resources.environment) to look into"


@dataclass(frozen=True)
class CheckStateLimits:
    """`state_bytes` of a state that lies in a file; `value_chars` of a value that the model is shown."""

    state_bytes: int = MAX_STATE_BYTES
    value_chars: int = 4000


class CheckState(DecidingTool):
    """The tool `check_state`. `files` is where blobs and files under the root are read; None: inline states only."""

    name = "check_state"
    decides = PrincipleSpec(
        name="required_state",
        description=(
            "The agent's calls leave the records as the task requires, no more and no less changed, "
            "and it tells what it has to tell, and nothing that the records contradict."
        ),
        dimension="correctness",
        kind="hard",
        scale="pass_fail",
        tool="check_state",
    )

    def __init__(
        self,
        sandbox: Sandbox | None,
        files: ResourceFiles | None = None,
        *,
        limits: CheckStateLimits | None = None,
    ) -> None:
        self.limits = limits or CheckStateLimits()
        # What a box does is part of what a verdict on a database rests on.
        self.version = f"4/{sandbox.name}-{sandbox.version}" if sandbox is not None else "4/no box"
        self._sandbox = sandbox
        self._files = files

    def opening_calls(self, view: ToolView) -> Sequence[OpeningCall]:
        """One call, where there are records, and something to hold them or the claims about them to."""
        environment = view.resources.environment
        wanted = view.task.reference.final_state is not None
        applies = environment is not None and (wanted or bool(environment.claims))
        return (OpeningCall(),) if applies else ()

    def offered(self, view: ToolView) -> bool:
        """Where there are JSON records to look into; what was required is not shown."""
        environment = view.resources.environment
        return environment is not None and environment.database is None

    async def run(
        self, arguments: Mapping[str, Any], view: ToolView, *, timeout_seconds: float
    ) -> ToolResult:
        """Replay and compare, or look something up. Raises ValueError for arguments, ToolError for a state, a reference
        or a declaration that cannot be read.
        """
        if arguments:
            return await super().run(arguments, view, timeout_seconds=timeout_seconds)
        environment = view.resources.environment
        if environment is None:
            raise ValueError(_NO_RECORDS)
        deadline = time.monotonic() + timeout_seconds
        try:
            if environment.database is not None:
                async with asyncio.timeout(timeout_seconds):
                    report = await self._in_database(view, environment, deadline)
            else:
                records = await self._records(view, environment, deadline)
                report = await asyncio.to_thread(records.judged)
        except TimeoutError as error:
            return _too_late(error, timeout_seconds)
        except BadReference as error:
            raise ToolError(f"task.reference.final_state: {error}") from error
        if unread := _unread(view.trajectory, environment):
            leave_open(report, unread)
        return result_of(report, wanted=view.task.reference.final_state is not None)

    async def asked(
        self,
        view: ToolView,
        *,
        pointer: Annotated[str, Field(max_length=500)],
        when: Literal["start", "end"],
        timeout_seconds: float,
    ) -> ToolResult:
        """Replays the trajectory's writing calls on a copy of the records, compares the end state with the required
        one, and looks up what the agent told about records. Use it to look into the records before or after the calls.

        pointer: A JSON pointer into the records, such as /orders/O1. Empty: all of them.
        when: Before the agent's calls, or after them.

        Raises ToolError for records that cannot be read.
        """
        if pointer and not pointer.startswith("/"):
            raise ValueError(f"pointer must be empty or begin with '/', not {pointer!r:.80}")
        environment = view.resources.environment
        if environment is None or environment.database is not None:
            raise ValueError(_NO_RECORDS)
        records = await self._records(view, environment, time.monotonic() + timeout_seconds)
        wanted = Look(pointer, when)
        try:
            return ToolResult(
                "ok", await asyncio.to_thread(records.looked_up, wanted, self.limits.value_chars)
            )
        except TimeoutError as error:
            return _too_late(error, timeout_seconds)

    async def _records(self, view: ToolView, environment: Environment, deadline: float) -> _Records:
        return _Records(view, environment, await self._content(environment, view.tenant), deadline)

    async def _in_database(self, view: ToolView, environment: Environment, deadline: float) -> Report:
        """Judge by a database of the request. Raises ToolError, SandboxError."""
        if self._sandbox is None:
            raise ToolError("no box can be made here, and SQL runs in no other place")
        named = [one for one in view.resources.databases if one.name == environment.database]
        if not named:
            raise ValueError(f"resources.environment.database: there is no {environment.database!r}")
        source = await source_of(named[0], self._files, view.tenant)
        work = Work(deadline=deadline)
        judging = DatabaseJudging(environment, self._sandbox, source, seed=view.seed, work=work)
        return await judging.judged(read(view.trajectory), view.task.reference.final_state)

    async def _content(self, environment: Environment, tenant: str) -> bytes | None:
        """The file that holds the state; None where it is inline. Raises ToolError."""
        if environment.blob is None and environment.root_name is None:
            return None
        if self._files is None:
            raise ToolError("resources.environment: this judge has no store of files; give the state inline")
        try:
            if environment.blob is not None:
                content = await self._files.read_blob(tenant, environment.blob)
            else:
                assert environment.root_name is not None
                content = await self._files.read_root(
                    environment.root_name, max_bytes=self.limits.state_bytes
                )
        except (ResourceMissing, ValueError) as error:
            raise ToolError(f"resources.environment: {error}") from error
        if len(content) > self.limits.state_bytes:
            raise ToolError(
                f"resources.environment: the state has {len(content)} bytes, at most {self.limits.state_bytes}"
            )
        return content


def _too_late(error: TimeoutError, timeout_seconds: float) -> ToolResult:
    why = str(error) or "the replay took too long"
    return ToolResult("timeout", {"error": f"{why}; timeout_seconds={timeout_seconds:g}"})


def _unread(trajectory: Trajectory, environment: Environment) -> int:
    """In how many places the agent makes, or may make, calls that are not read.

    A text that nothing answers may call only the tools that the environment or the trajectory declares.
    """
    names = [*environment.effects, *environment.reads, *tool_names(trajectory.tools)]
    known = trajectory.model_copy(update={"tools": tuple({"name": name} for name in names)})
    transcript = read(known)
    if transcript.unread_calls or transcript.calls:
        return transcript.unread_calls
    return loose_calls([("assistant", trajectory.final_answer or "")], names)


class _Records:
    """A JSON state and a trajectory. Its methods block: they are called in a thread."""

    def __init__(
        self, view: ToolView, environment: Environment, content: bytes | None, deadline: float
    ) -> None:
        self._view = view
        self._environment = environment
        self._content = content
        self._work = Work(deadline=deadline)

    def judged(self) -> Report:
        load = self._loader()
        end = self._view.task.reference.final_state
        transcript = read(self._view.trajectory)
        return judged(transcript, self._environment, end, load(), load, self._work)

    def looked_up(self, wanted: Look, most: int) -> dict[str, Any]:
        return look(wanted, read(self._view.trajectory), self._environment, self._loader(), self._work, most)

    def _loader(self) -> Callable[[], dict[str, Any]]:
        """Gives a fresh copy of the state each time; how deep it is is looked at once. Raises ToolError."""
        text = self._content if self._content is not None else json.dumps(self._environment.state)
        try:
            copies = [read_state(text)]
        except ValueError as error:
            raise ToolError(f"resources.environment: the state {error}") from error
        return lambda: copies.pop() if copies else read_state(text, again=True)
