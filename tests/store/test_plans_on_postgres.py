"""What PostgreSQL does for each statement: an index for what is looked up, and no time spent on compiling."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from judge_agent.store import SqliteStore
from judge_agent.store.postgres import PostgresStore
from judge_agent.store.postgres_pool import PostgresPool, Session, T, Work
from tests.groups.grouped import by_word
from tests.service.served import serving
from tests.store.everyday import a_day_of

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]
# What a scan of a whole table is said to cost where it is switched off.
DISABLED_COST = 1e9
# Tables that are read whole by intention, seldom, and that hold few rows.
READ_WHOLE = ("FROM api_keys", "FROM key_limits", "FROM canaries", "FROM log_heads")


class Explaining(PostgresPool):
    """Asks for the plan of every statement before it is run for the first time."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.plans = dict[str, dict[str, Any]]()

    async def run(self, work: Work[T]) -> T:
        return await super().run(lambda session: work(cast(Session, _Explained(session, self.plans))))


class _Explained:
    def __init__(self, session: Session, plans: dict[str, dict[str, Any]]) -> None:
        self._session = session
        self._plans = plans
        self.is_repeated = session.is_repeated

    async def fetch(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        if statement not in self._plans:
            [(plan,)] = await self._session.fetch(f"EXPLAIN (FORMAT JSON) {statement}", *values)
            self._plans[statement] = json.loads(plan)[0]
        return await self._session.fetch(statement, *values)


@asynccontextmanager
async def explained(url: str) -> AsyncIterator[tuple[Any, Explaining]]:
    pool = Explaining(url)

    class Opened:
        @staticmethod
        @asynccontextmanager
        async def opened(_: Path) -> AsyncIterator[PostgresStore]:
            await pool.open()
            store = PostgresStore(pool)
            try:
                yield store
            finally:
                await store.aclose()

    yield cast(type[SqliteStore], Opened), pool


async def test_what_a_service_asks_all_the_time_is_looked_up_by_an_index_and_never_compiled(
    database_url: str,
) -> None:
    async with explained(database_url) as (store, pool), serving(store_type=store, model=by_word()) as served:
        await a_day_of(served)
    costly = {
        statement: plan["Plan"]["Total Cost"]
        for statement, plan in pool.plans.items()
        if plan["Plan"]["Total Cost"] > DISABLED_COST and not any(name in statement for name in READ_WHOLE)
    }
    assert len(pool.plans) > 30
    assert costly == {}
    assert [statement for statement, plan in pool.plans.items() if "JIT" in plan] == []
