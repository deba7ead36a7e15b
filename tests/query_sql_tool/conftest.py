"""The tool with a real box, and requests made short."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from judge_agent.schema import Artifact, Database, Reference, Resources, Task, Trajectory
from judge_agent.seams.tool import ToolResult, ToolView
from tools.query_sql import QuerySql, QuerySqlLimits

SETUP = """
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, city TEXT, score DOUBLE PRECISION, born DATE);
INSERT INTO people VALUES
  (1, 'Ada', 'Oslo', 1.5, '1990-05-01'), (2, 'Bo', 'Rome', 2.5, '1985-01-31'), (3, 'Cy', 'Oslo', 2.5, NULL),
  (4, 'Di', NULL, 0.1, '2001-12-24'), (5, 'Ed', 'Rome', 4.0, '1999-09-09');
"""


@pytest.fixture
def tool(sandbox):
    return QuerySql(sandbox, limits=QuerySqlLimits(seconds_per_query=3))


@pytest.fixture
def view():
    def make(
        sql: str | None = None,
        reference: str | None = "SELECT 1",
        *,
        engine: str = "sqlite",
        databases: Sequence[Mapping[str, Any]] | None = None,
        trajectory: Trajectory | None = None,
    ) -> ToolView:
        given = [{"name": "main", "engine": engine, "sql": SETUP}] if databases is None else databases
        if trajectory is None:
            artifacts = () if sql is None else (Artifact(name="answer.sql", kind="sql", content=sql),)
            trajectory = Trajectory(artifacts=artifacts)
        resources = Resources(databases=tuple(Database.model_validate(one) for one in given))
        task = Task(prompt="Ask the data.", reference=Reference(sql=reference))
        return ToolView(task, trajectory, 0, resources, "t")

    return make


@pytest.fixture
def judged(tool, view):
    """Run the opening call on one query; return (bearing, strength) and the whole result."""

    async def run(*args: Any, **kwargs: Any) -> tuple[tuple[str, str], ToolResult]:
        result = await tool.run({}, view(*args, **kwargs), timeout_seconds=60)
        finding = result.findings[0]
        return (finding.bearing, finding.strength), result

    return run
