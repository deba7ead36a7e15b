"""The model's own look into a database: one query, or the description of its tables. It informs, it never decides."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from judge_agent.schema import ToolStatus
from judge_agent.seams.sandbox import Sandbox
from judge_agent.seams.tool import Finding, ToolResult
from tools.sql.allowed import NotParsed, read_query
from tools.sql.database import DatabaseSource
from tools.sql.engine_box import QueryFailed, open_database
from tools.sql.scan import Refused
from tools.sql.showing import clean, is_cut, shown

MAX_ROWS = 50
MAX_BYTES = 200_000
MAX_TABLES = 60
MAX_COLUMNS = 60


async def explore(
    sandbox: Sandbox, source: DatabaseSource, sql: str, *, seconds: float, seed: int
) -> ToolResult:
    """Run the model's query; empty: describe the tables. A refused or failing one is told to the model.

    Raises ToolError, SandboxError.
    """
    try:
        query = await asyncio.to_thread(read_query, sql, source.engine) if sql else None
        async with open_database(sandbox, source, seed=seed) as box:
            if query is None:
                return _described(await box.describe(seconds=seconds))
            if query.unlisted and (there := await box.knows(query.unlisted, seconds=seconds)):
                raise Refused(f"the function {min(there)} is not on the list of those that may be called")
            result = await box.query(sql, seconds=seconds, max_rows=MAX_ROWS, max_bytes=MAX_BYTES)
    except (Refused, NotParsed) as refusal:
        reason = clean(f"refused: {refusal}")
        return ToolResult("refused", {"reason": reason}, (Finding("none", "hint", None, reason),))
    except QueryFailed as failure:
        reason = clean(f"the query failed: {failure}")
        status: ToolStatus = "timeout" if failure.kind == "timeout" else "failed"
        return ToolResult(status, {"reason": reason}, (Finding("none", "hint", None, reason),))
    reason = f"{len(result.rows)}{' or more' if result.cut else ''} rows from database {source.name!r}"
    finding = Finding("none", "strong", None, reason)
    return ToolResult("ok", shown(result, MAX_ROWS), (finding,), truncated=is_cut(result, MAX_ROWS))


def _described(tables: Sequence[Any]) -> ToolResult:
    """Tables as the box tells them; it is a claim, so only known fields are passed on, as text."""
    described = []
    for table in tables[:MAX_TABLES]:
        if isinstance(table, dict) and isinstance(table.get("columns"), list):
            columns = [
                f"{clean(str(column.get('name')))} {clean(str(column.get('type')))}"
                + (" PRIMARY KEY" if column.get("key") is True else "")
                for column in table["columns"][:MAX_COLUMNS]
                if isinstance(column, dict)
            ]
            references = [clean(str(one)) for one in table.get("references") or ()][:MAX_COLUMNS]
            described.append(
                {"name": clean(str(table.get("name"))), "columns": columns, "references": references}
            )
    reason = f"{len(tables)} tables"
    return ToolResult(
        "ok",
        {"tables": described},
        (Finding("none", "strong", None, reason),),
        truncated=len(tables) > MAX_TABLES,
    )
