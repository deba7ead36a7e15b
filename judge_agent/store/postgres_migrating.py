"""Brings the tables of a PostgreSQL database up to date, once, whoever else starts at the same time."""

from __future__ import annotations

from typing import Any

from judge_agent.errors import StoreError
from judge_agent.store.postgres_tables import MIGRATION_LOCK, MIGRATIONS, SCHEMA_VERSION


async def brought_up_to_date(connection: Any) -> None:
    """Migrate in one transaction; of several services that start together, one does it and the others wait.

    Where nothing is to be done, no right to make tables is needed. Raises StoreError, and what asyncpg does.
    """
    encoding = await connection.fetchval("SHOW server_encoding")
    if encoding != "UTF8":
        raise StoreError(f"the database keeps text as {encoding}; create it with ENCODING 'UTF8'")
    if await _version(connection) == SCHEMA_VERSION:
        return
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", MIGRATION_LOCK)
        # What another service has made meanwhile is seen by this, and not yet by to_regclass.
        await connection.execute("CREATE TABLE IF NOT EXISTS judge_agent_schema (version integer NOT NULL)")
        version = await connection.fetchval("SELECT version FROM judge_agent_schema") or 0
        if version > SCHEMA_VERSION:
            raise StoreError(
                f"the database has schema version {version}, newer than {SCHEMA_VERSION}, which this judge-agent "
                "knows; upgrade judge-agent, or give it another database"
            )
        if version == 0:
            await connection.execute("INSERT INTO judge_agent_schema (version) VALUES (0)")
        for script in MIGRATIONS[version:]:
            await connection.execute(script)
        await connection.execute("UPDATE judge_agent_schema SET version = $1", SCHEMA_VERSION)


async def _version(connection: Any) -> int:
    if await connection.fetchval("SELECT to_regclass('judge_agent_schema')") is None:
        return 0
    return int(await connection.fetchval("SELECT version FROM judge_agent_schema") or 0)
