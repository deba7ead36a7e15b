"""A database of a request as one payload for a box, whatever its source."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import dataclass
from typing import Literal

from judge_agent.errors import ToolError
from judge_agent.resources.checking import MAX_DATABASE_BYTES
from judge_agent.schema import Database, Engine
from judge_agent.seams.resources import ResourceFiles, ResourceMissing


@dataclass(frozen=True)
class DatabaseSource:
    """`payload` is a database file, or JSON that holds the script or the tables. `sha256` is the payload's."""

    name: str
    engine: Engine
    kind: Literal["file", "sql", "tables"]
    payload: bytes
    sha256: str


async def source_of(database: Database, files: ResourceFiles | None, tenant: str) -> DatabaseSource:
    """Read what the request names. Raises ToolError where it is gone; StoreError."""
    if database.sql is not None or database.tables is not None:
        return await asyncio.to_thread(_inline, database)
    if files is None:
        raise ToolError(f"database {database.name!r}: this judge has no store of files; give it inline")
    try:
        if database.blob is not None:
            content = await files.read_blob(tenant, database.blob)
            return DatabaseSource(database.name, database.engine, "file", content, database.blob)
        assert database.root_name is not None
        content = await files.read_root(database.root_name, max_bytes=MAX_DATABASE_BYTES)
    except (ResourceMissing, ValueError) as error:
        raise ToolError(f"database {database.name!r}: {error}") from error
    # Hashing the largest file here would hold the loop up for a tenth of a second.
    return await asyncio.to_thread(_source, database, "file", content)


def _inline(database: Database) -> DatabaseSource:
    if database.sql is not None:
        return _source(database, "sql", json.dumps({"sql": database.sql}).encode())
    return _source(database, "tables", database.model_dump_json(include={"tables"}).encode())


def _source(database: Database, kind: Literal["file", "sql", "tables"], payload: bytes) -> DatabaseSource:
    return DatabaseSource(database.name, database.engine, kind, payload, hashlib.sha256(payload).hexdigest())
