"""Canaries in the SQLite store."""

from __future__ import annotations

from judge_agent.store.canaries import CanaryRow, CanaryState
from judge_agent.store.database import Database


class SqliteCanaries:
    """Fulfils `Canaries`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> tuple[CanaryRow, ...]:
        rows = await self._database.fetch(
            "SELECT recipe, name, state, since, unknown_since, at, judgment_id, detail FROM canaries "
            "WHERE at > 0 ORDER BY recipe, name"
        )
        return tuple(CanaryRow(*row) for row in rows)

    async def take(self, recipe: str, name: str, *, now: float, until: float) -> bool:
        return await self._database.execute(_TAKE, recipe, name, now, until) == 1

    async def settle(
        self, recipe: str, name: str, state: CanaryState, *, at: float, judgment_id: str, detail: str
    ) -> None:
        await self._database.execute(_SETTLE, recipe, name, state, at, judgment_id, detail)

    async def give_back(self, recipe: str, name: str) -> None:
        statement = "UPDATE canaries SET taken_until = 0 WHERE recipe = ? AND name = ?"
        await self._database.execute(statement, recipe, name)


_TAKE = """
INSERT INTO canaries (recipe, name, since, taken_until) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (recipe, name) DO UPDATE SET taken_until = excluded.taken_until WHERE canaries.taken_until <= ?3
"""
_SETTLE = """
UPDATE canaries SET
    since = CASE WHEN ?3 = 'unknown' OR state = ?3 THEN since ELSE ?4 END,
    state = CASE WHEN ?3 = 'unknown' THEN state ELSE ?3 END,
    unknown_since = CASE WHEN ?3 = 'unknown' THEN coalesce(unknown_since, ?4) END,
    at = ?4, judgment_id = ?5, detail = ?6, taken_until = 0
WHERE recipe = ?1 AND name = ?2
"""
