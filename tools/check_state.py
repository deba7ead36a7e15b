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
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from judge_agent.errors import ToolError
from judge_agent.resources.checking import MAX_STATE_BYTES
from judge_agent.schema import Environment, PrincipleSpec
from judge_agent.seams.resources import ResourceFiles, ResourceMissing
from judge_agent.seams.sandbox import Sandbox
from judge_agent.seams.tool import DecidingTool, Finding, OpeningCall, ToolResult, ToolView
from judge_agent.trajectory import read
from tools.sql.database import source_of
from tools.states.claiming import Checked
from tools.states.comparing import Difference
from tools.states.database_judging import DatabaseJudging
from tools.states.judging import judged
from tools.states.looking import PARAMETERS, Look, look, read_look
from tools.states.report import BadReference, Report
from tools.states.work import Work, read_state

MAX_LISTED = 30
MAX_VALUE_CHARS = 300


class CheckState(DecidingTool):
    """The tool `check_state`. `files` is where blobs and files under the root are read; None: inline states only."""

    name = "check_state"
    description = (
        "Replays the trajectory's writing calls on a copy of the records, compares the end state with the "
        "required one, and looks up what the agent told about records. Use it to look into the records "
        "before or after the calls."
    )
    parameters = PARAMETERS
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

    def __init__(self, sandbox: Sandbox | None, files: ResourceFiles | None = None) -> None:
        # What a box does is part of what a verdict on a database rests on.
        self.version = f"1/{sandbox.name}-{sandbox.version}" if sandbox is not None else "1/no box"
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
        wanted = read_look(arguments) if arguments else None
        environment = view.resources.environment
        if environment is None or (wanted is not None and environment.database is not None):
            raise ValueError("there are no JSON records (resources.environment) to look into")
        deadline = time.monotonic() + timeout_seconds
        try:
            if environment.database is not None:
                async with asyncio.timeout(timeout_seconds):
                    report = await self._in_database(view, environment, deadline)
            else:
                content = await self._content(environment, view.tenant)
                records = _Records(view, environment, content, deadline)
                if wanted is not None:
                    return ToolResult("ok", await asyncio.to_thread(records.looked_up, wanted))
                report = await asyncio.to_thread(records.judged)
        except TimeoutError as error:
            why = str(error) or "the replay took too long"
            return ToolResult("timeout", {"error": f"{why}; timeout_seconds={timeout_seconds:g}"})
        except BadReference as error:
            raise ToolError(f"task.reference.final_state: {error}") from error
        return _result(report, wanted=view.task.reference.final_state is not None)

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
                content = await self._files.read_root(environment.root_name, max_bytes=MAX_STATE_BYTES)
        except (ResourceMissing, ValueError) as error:
            raise ToolError(f"resources.environment: {error}") from error
        if len(content) > MAX_STATE_BYTES:
            raise ToolError(
                f"resources.environment: the state has {len(content)} bytes, at most {MAX_STATE_BYTES}"
            )
        return content


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

    def looked_up(self, wanted: Look) -> dict[str, Any]:
        return look(wanted, read(self._view.trajectory), self._environment, self._loader(), self._work)

    def _loader(self) -> Callable[[], dict[str, Any]]:
        """Gives a fresh copy of the state each time; how deep it is is looked at once. Raises ToolError."""
        text = self._content if self._content is not None else json.dumps(self._environment.state)
        try:
            copies = [read_state(text)]
        except ValueError as error:
            raise ToolError(f"resources.environment: the state {error}") from error
        return lambda: copies.pop() if copies else read_state(text, again=True)


def _result(report: Report, *, wanted: bool) -> ToolResult:
    findings = [_of_all(report, wanted), *_of_steps(report)]
    outcomes = Counter(call.outcome for call in report.calls)
    flags = {} if report.undecided is None else {"state_not_decided": report.undecided[:300]}
    return ToolResult(
        "ok",
        _output(report),
        tuple(findings),
        truncated=len(report.differences or ()) > MAX_LISTED or len(report.calls) > MAX_LISTED,
        checked={
            "writing_calls": outcomes["done"],
            "failed_calls": outcomes["failed"],
            "claims": len(report.claims),
        },
        flags=flags,
    )


def _of_all(report: Report, wanted: bool) -> Finding:
    """The finding on the whole candidate: what the principle rests on."""
    contradicted = [claim for claim in report.claims if claim.holds is False]
    sure = next((claim for claim in contradicted if claim.strength == "decisive"), None)
    missing = sum(found == "not_said" for found in report.said.values())
    if report.differences:
        kinds = Counter(difference.kind for difference in report.differences)
        told = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
        return Finding("refutes", "decisive", 0.0, f"the records do not end as required: {told}")
    if missing:
        reason = f"{missing} of {len(report.said)} things that had to be told were not told"
        return Finding("refutes", "decisive", 0.0, reason)
    if sure is not None:
        return Finding("refutes", "decisive", 0.0, _contradiction(sure))
    if report.undecided is not None:
        return Finding("none", "hint", None, f"what the calls did cannot be told: {report.undecided}"[:500])
    if contradicted:
        return Finding("refutes", contradicted[0].strength, None, _contradiction(contradicted[0]))  # type: ignore[arg-type]
    if "in_doubt" in report.said.values():
        return Finding("none", "hint", None, "whether something that had to be told was told is in doubt")
    if not wanted:
        held = sum(claim.holds is True for claim in report.claims)
        bearing = "confirms" if held else "none"
        return Finding(bearing, "hint", None, f"{held} claims about records hold")  # type: ignore[arg-type]
    if not report.ended:
        return Finding(
            "none", "hint", None, "the trajectory stops before its end; the records are as required so far"
        )
    return Finding("confirms", "decisive", 1.0, _confirmation(report))


def _confirmation(report: Report) -> str:
    done = sum(call.outcome == "done" for call in report.calls)
    ends = (
        [f"after {done} writing calls the records end as required"] if report.differences is not None else []
    )
    told = [f"all {len(report.said)} things that had to be told were told"] if report.said else []
    return "; ".join([*ends, *told])


def _of_steps(report: Report) -> list[Finding]:
    """Steps that last wrote what is not as required, and steps with contradicted claims: strong, for what came before
    may be what was wrong.
    """
    reasons: dict[str, str] = {}
    for difference in report.differences or ():
        if difference.by is not None:
            reasons.setdefault(difference.by, "what this step wrote is not as required at the end")
    for claim in report.claims:
        if claim.holds is False:
            reasons.setdefault(claim.step_id, _contradiction(claim))
    return [Finding("refutes", "strong", None, reason, step) for step, reason in reasons.items()]


def _contradiction(claim: Checked) -> str:
    return f"the records contradict what step {claim.step_id} tells ({claim.name}): {claim.said!r}"


def _output(report: Report) -> dict[str, Any]:
    """What evidence shows. What is under `reference_only` is for the caller and no prompt holds it."""
    output: dict[str, Any] = {
        "calls": [
            {
                "step_id": call.step_id,
                "name": call.name,
                "outcome": call.outcome,
                "message": call.message[:200],
            }
            for call in report.calls[:MAX_LISTED]
        ],
        "claims": [_told_claim(claim) for claim in report.claims[:MAX_LISTED]],
    }
    if report.undecided is not None:
        output["undecided"] = report.undecided[:500]
    if report.differences is not None:
        output["differences"] = [_told(one) for one in report.differences[:MAX_LISTED]]
    if report.said:
        output["reference_only"] = {"said": report.said}
    return output


def _told(difference: Difference) -> dict[str, Any]:
    return {
        "kind": difference.kind,
        "step_id": difference.by,
        "found": _short(difference.found),
        # A place that only the reference has would name what it wants.
        "reference_only": {"pointer": difference.pointer, "wanted": _short(difference.wanted)},
    }


def _told_claim(claim: Checked) -> dict[str, Any]:
    told: dict[str, Any] = {
        "step_id": claim.step_id,
        "name": claim.name,
        "said": claim.said,
        "holds": claim.holds,
    }
    return told | ({"problem": claim.problem[:200]} if claim.problem else {})


def _short(value: Any) -> Any:
    text = json.dumps(value, ensure_ascii=False)
    return value if len(text) <= MAX_VALUE_CHARS else text[:MAX_VALUE_CHARS] + " [cut]"
