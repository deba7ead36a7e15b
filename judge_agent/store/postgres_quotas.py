"""What keys may use and have used, on PostgreSQL. The clock is the database's."""

from __future__ import annotations

from collections.abc import Mapping

from judge_agent.errors import StoreError
from judge_agent.store.postgres_pool import PostgresPool, Session
from judge_agent.store.quotas import QUOTAS, Charge, KeyLimits, QuotaExceeded, Standing, Usage, standings

# A part of the statement that ends a judgment: its row, as it was `ended`, costs its key so many tokens.
CHARGE = """
    INSERT INTO token_charges (key_id, tokens, at)
    SELECT key_id, {tokens}::bigint, extract(epoch FROM clock_timestamp()) FROM ended
    WHERE is_metered AND {tokens}::bigint > 0
"""
_LIMITS = "SELECT key_id, max_open, requests_per_minute, tokens_per_minute, tokens_per_day FROM key_limits"
_SET_LIMITS = """
INSERT INTO key_limits (key_id, max_open, requests_per_minute, tokens_per_minute, tokens_per_day)
VALUES ($1, $2, $3, $4, $5) ON CONFLICT (key_id) DO UPDATE SET
    max_open = excluded.max_open, requests_per_minute = excluded.requests_per_minute,
    tokens_per_minute = excluded.tokens_per_minute, tokens_per_day = excluded.tokens_per_day
"""
_STANDING = """
SELECT extract(epoch FROM clock_timestamp())::double precision,
    (SELECT count(*) FROM judgments WHERE key_id = $1 AND key_id <> '' AND state IN ('queued', 'running')),
    (SELECT array[requests, requests_at, tokens, tokens_at, day, day_tokens]::double precision[]
        FROM key_usage WHERE key_id = $1),
    (SELECT array_agg(tokens ORDER BY number) FROM token_charges WHERE key_id = $1),
    (SELECT array_agg(at ORDER BY number) FROM token_charges WHERE key_id = $1)
"""
_TAKE = "SELECT quota, used, retry_seconds FROM take_of_key($1, $2, $3, NULL, $4, $5, $6, 0)"


class PostgresQuotas:
    """Fulfils `Quotas`."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool

    async def limits(self) -> Mapping[str, KeyLimits]:
        return {str(key_id): KeyLimits(*values) for key_id, *values in await self._pool.fetch(_LIMITS)}

    async def set_limits(self, key_id: str, limits: KeyLimits) -> None:
        await self._pool.fetch(_SET_LIMITS, key_id, *limits)

    async def standings(self, key_id: str, limits: KeyLimits) -> tuple[Standing, ...]:
        [(now, opened, used, tokens, ats)] = await self._pool.fetch(_STANDING, key_id)
        levels = Usage()
        if used:
            requests, requests_at, level, level_at, day, day_tokens = used
            levels = Usage(requests, requests_at, level, level_at, int(day), int(day_tokens))
        charges = [Charge(int(one), at) for one, at in zip(tokens or (), ats or (), strict=True)]
        return standings(limits, levels.at(now, limits, charges), int(opened), now)

    async def take_request(self, key_id: str, limits: KeyLimits) -> None:
        per_minute = limits.requests_per_minute

        async def take(session: Session) -> None:
            # One whose answer was lost is counted twice at most: the limit errs on its own side.
            rows = await session.fetch(_TAKE, key_id, 1, "requests_per_minute", *limits[1:])
            if rows[0][0] is not None:
                raise QuotaExceeded(standing_of(str(rows[0][0]), limits, *rows[0][1:]))

        if per_minute:
            await self._pool.run(take)


def exceeded(outcome: str, limits: KeyLimits | None, used: float, retry: float | None) -> StoreError:
    """The refusal that `accept_judgments` tells by the name of a limit."""
    return QuotaExceeded(standing_of(outcome, limits or KeyLimits(), used, retry))


def standing_of(outcome: str, limits: KeyLimits, used: float, retry: float | None) -> Standing:
    quota = next((name for name in QUOTAS if name == outcome), None)
    if quota is None:
        raise StoreError(f"the database refused by an unknown limit {outcome!r}")
    return Standing(quota, getattr(limits, quota) or 0, used, retry)
