"""Finds the final SQL of a candidate, and says where it stood.

In this order: the last artifact of kind `sql`; the declared final answer; then the steps from the last to the first,
each with its text before its tool calls. How a query stands in a text: `texts.py`; in a call: `calls.py`. A call that
only looks at tables is no answer where another query was called with. Whether SQL is good is not decided here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from judge_agent.fenced_code import plain_text
from judge_agent.schema import Engine, Trajectory
from judge_agent.trajectory import Step, read
from tools.sql.calls import in_call, only_explores
from tools.sql.statements import is_sql, is_statement, only_looks, only_prepares, query_alone
from tools.sql.texts import Reading, TextReader

Origin = Literal["artifact", "final_answer", "fenced_block", "text", "tool_call"]
MAX_OTHERS = 3


class FinalSql(NamedTuple):
    """`step_id` is the step that it was written in, None for an artifact or answer without steps.

    `others` are queries that may have been meant in its place: a difference decides only where these differ as well.
    `sure` is false where all that was found looks around: a sample of a table may be what was asked for.
    """

    sql: str
    origin: Origin
    step_id: str | None
    others: tuple[str, ...] = ()
    sure: bool = True


class NoSql(NamedTuple):
    """`in_doubt`: a query may stand in what the candidate wrote, but which one it ends with cannot be told."""

    in_doubt: bool


def final_sql(trajectory: Trajectory, engine: Engine) -> FinalSql | NoSql:
    """Return the SQL that the candidate ends with, or that there is none. Blocking: it parses."""
    steps = read(trajectory).steps
    last = steps[-1].id if steps else None
    reader, in_doubt = TextReader(engine), False
    artifacts = [artifact for artifact in trajectory.artifacts if artifact.kind == "sql"]
    if artifacts:
        return FinalSql(_of_artifact(artifacts[-1].content, reader, engine), "artifact", last)
    if trajectory.final_answer is not None:
        found = reader.read(trajectory.final_answer)
        if found.sql is not None:
            answer = FinalSql(found.sql, "final_answer", last, found.others)
            return (only_prepares(found.sql) and _query_in_steps(steps, engine, reader)) or answer
        if found.doubt == "grave":
            return NoSql(in_doubt=True)
        in_doubt = found.doubt != "none"
    return _in_steps(steps, engine, reader) or NoSql(in_doubt or _are_in_doubt(steps, reader))


def _query_in_steps(steps: Sequence[Step], engine: Engine, reader: TextReader) -> FinalSql | None:
    """The query before an answer that only tunes or sets up."""
    found = _in_steps(steps, engine, reader)
    return found if isinstance(found, FinalSql) and not is_statement(found.sql) else None


def _of_artifact(content: str, reader: TextReader, engine: Engine) -> str:
    """An artifact is SQL by its kind; one that does not begin so may hold it in a fence."""
    sql = plain_text(content).strip()
    return query_alone(sql, engine) if is_sql(sql) else reader.read(sql).sql or sql


def _in_steps(steps: Sequence[Step], engine: Engine, reader: TextReader) -> FinalSql | NoSql | None:
    """The last query that does more than look around; it may be one of several that were called with."""
    explored: FinalSql | None = None
    prepared: FinalSql | None = None
    found: list[FinalSql] = []
    for one in _stated(steps, reader):
        if isinstance(one, NoSql):
            if found:
                continue
            return one
        if only_prepares(one.sql) and not only_looks(one.sql):
            prepared = prepared or one
            continue
        if not found and one.origin != "tool_call":
            return one
        if one.origin == "tool_call" and only_explores(one.sql, engine):
            if explored is None and not only_looks(one.sql):
                explored = one._replace(sure=False)
            continue
        found.append(one)
        if len(found) > MAX_OTHERS:
            break
    if not found:
        return explored or prepared
    others = dict.fromkeys(one.sql for one in found[1:] if one.sql != found[0].sql)
    return found[0]._replace(others=tuple(others))


def _stated(steps: Sequence[Step], reader: TextReader) -> Iterator[FinalSql | NoSql]:
    """All queries of the steps, the last one first: of each step its text, then its calls."""
    for step in reversed(steps):
        yield from _seen(reader.read(step.turn.text), step, None)
        for call in reversed(step.turn.calls):
            yield from _seen(in_call(call.arguments or {}, reader), step, "tool_call")


def _seen(reading: Reading, step: Step, origin: Literal["tool_call"] | None) -> Iterator[FinalSql | NoSql]:
    if reading.sql is not None:
        stood = origin or ("fenced_block" if reading.is_fenced else "text")
        yield FinalSql(reading.sql, stood, step.id, reading.others)
    elif reading.doubt == "grave":
        yield NoSql(in_doubt=True)


def _are_in_doubt(steps: Sequence[Step], reader: TextReader) -> bool:
    """Whether words of a query stand in a sentence of any step."""
    return any(reader.read(step.turn.text).doubt != "none" for step in steps)
