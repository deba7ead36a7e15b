"""Canaries in the PostgreSQL store. Each statement is safe to repeat."""

from __future__ import annotations

from judge_agent.store.canaries import CanaryRow, CanaryState
from judge_agent.store.postgres_pool import PostgresPool


class PostgresCanaries:
    """Fulfils `Canaries`."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool

    async def all(self) -> tuple[CanaryRow, ...]:
        rows = await self._pool.fetch(
            "SELECT recipe, name, state, since, unknown_since, at, judgment_id, detail FROM canaries "
            "WHERE at > 0 ORDER BY recipe, name"
        )
        return tuple(CanaryRow(*row) for row in rows)

    async def take(self, recipe: str, name: str, *, now: float, until: float) -> bool:
        """A turn whose answer was lost stays taken until its time is over; another round comes."""
        return bool(await self._pool.fetch(_TAKE, recipe, name, now, until))

    async def settle(
        self, recipe: str, name: str, state: CanaryState, *, at: float, judgment_id: str, detail: str
    ) -> None:
        await self._pool.fetch(_SETTLE, recipe, name, state, at, judgment_id, detail)

    async def give_back(self, recipe: str, name: str) -> None:
        statement = "UPDATE canaries SET taken_until = 0 WHERE recipe = $1 AND name = $2"
        await self._pool.fetch(statement, recipe, name)


_TAKE = """
INSERT INTO canaries (recipe, name, since, taken_until)
VALUES ($1, $2, $3::double precision, $4::double precision)
ON CONFLICT (recipe, name) DO UPDATE SET taken_until = excluded.taken_until
WHERE canaries.taken_until <= $3::double precision RETURNING name
"""
_SETTLE = """
UPDATE canaries SET
    since = CASE WHEN $3::text = 'unknown' OR state = $3::text THEN since ELSE $4::double precision END,
    state = CASE WHEN $3::text = 'unknown' THEN state ELSE $3::text END,
    unknown_since = CASE WHEN $3::text = 'unknown' THEN coalesce(unknown_since, $4::double precision) END,
    at = $4::double precision, judgment_id = $5, detail = $6, taken_until = 0
WHERE recipe = $1 AND name = $2
"""
