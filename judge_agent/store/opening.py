"""Opens the store that the settings ask for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from judge_agent.errors import StoreError
from judge_agent.store.records import Store
from judge_agent.store.sqlite import SqliteStore


@asynccontextmanager
async def opened_store(
    path: Path, database_url: str | None = None, *, exclusive: bool = True
) -> AsyncIterator[Store]:
    """Open the PostgreSQL database at `database_url` where there is one, else the SQLite file at `path`.

    `exclusive` is for SQLite: no other process judges from the file. Raises StoreError.
    """
    if database_url is None:
        async with SqliteStore.opened(path, exclusive=exclusive) as kept:
            yield kept
        return
    try:
        from judge_agent.store.postgres import PostgresStore
    except ModuleNotFoundError as error:
        raise StoreError(
            "JUDGE_DATABASE_URL needs asyncpg; install it with: pip install 'judge-agent[service]'"
        ) from error
    async with PostgresStore.opened(database_url) as shared:
        yield shared
