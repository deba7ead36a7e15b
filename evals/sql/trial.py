"""Asks `query_sql` whether one query is another's equal, and reads what it says with and without perturbed copies."""

from __future__ import annotations

import time
from typing import Any, Literal, NamedTuple

from judge_agent.errors import JudgeError
from judge_agent.schema import Artifact, Database, Reference, Resources, Task, Trajectory
from judge_agent.seams.resources import ResourceFiles
from judge_agent.seams.sandbox import Sandbox
from judge_agent.seams.tool import ToolView
from tools.query_sql import QuerySql

CALL_SECONDS = 60.0
OnGiven = Literal["right", "wrong", "open", "unavailable"]
OnCopies = Literal["same", "decisive", "strong", "untried"]


class Answer(NamedTuple):
    """`given`: what the given data says. `copies`: a difference on copies that decides, or is strong only.

    `keyed`: every table that is read has a declared key, as far as copies were tried.
    """

    given: OnGiven
    copies: OnCopies
    seconds: float
    reason: str
    keyed: bool = False


class Asker:
    """One tool for all questions."""

    def __init__(self, sandbox: Sandbox, files: ResourceFiles | None = None, *, at_once: int = 2) -> None:
        self._tool = QuerySql(sandbox, files, concurrent_runs=at_once)

    async def ask(self, database: dict[str, Any], candidate: str, reference: str) -> Answer:
        """Whether the candidate's query is the reference's equal."""
        view = ToolView(
            Task(prompt="Ask the data.", reference=Reference(sql=reference)),
            Trajectory(artifacts=(Artifact(name="answer.sql", kind="sql", content=candidate),)),
            0,
            Resources(databases=(Database.model_validate(database),)),
        )
        started = time.monotonic()
        try:
            result = await self._tool.run({}, view, timeout_seconds=CALL_SECONDS)
        except JudgeError as error:
            return Answer("unavailable", "untried", time.monotonic() - started, str(error))
        main = result.findings[0]
        given: OnGiven = "open"
        if main.strength == "decisive" or main.bearing == "confirms":
            given = "right" if main.bearing == "confirms" else "wrong"
        told = result.output["databases"][0].get("perturbed") if "databases" in result.output else None
        copies: OnCopies = "untried" if told is None else "same"
        if told is not None and told["matches"] is False:
            copies = (
                "decisive" if any(one.finding.bearing == "refutes" for one in result.asides) else "strong"
            )
        reason = "; ".join(one.reason for one in result.findings)
        keyed = told is not None and told["keys_declared"] is True
        return Answer(given, copies, time.monotonic() - started, reason, keyed)
