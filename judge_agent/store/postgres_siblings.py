"""The rollouts of one prompt, in PostgreSQL."""

from __future__ import annotations

import json

from judge_agent.store.postgres_pool import PostgresPool, Session
from judge_agent.store.siblings import KEPT_SECONDS, Failures, Group, SiblingEnd
from judge_agent.store.sqlite_siblings import read_end


class PostgresSiblings:
    """Fulfils `siblings.Siblings`."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool

    async def begin(self, tenant: str, group: str, judgment_id: str, at: float) -> None:
        async def keep(session: Session) -> None:
            await session.fetch(_FORGET, at - KEPT_SECONDS)
            await session.fetch(_BEGIN, tenant, group, judgment_id, at)

        await self._pool.run(keep)

    async def end(self, tenant: str, group: str, end: SiblingEnd, at: float) -> None:
        vector = json.dumps(dict(end.vector))
        outcome = "scored" if end.is_scored else "failed"
        await self._pool.fetch(
            _END, tenant, group, end.judgment_id, at, outcome, end.reward, end.score, vector, end.way
        )

    async def group(self, tenant: str, group: str, *, but: str, since: float, limit: int) -> Group:
        async def read(session: Session) -> Group:
            mine = (tenant, group, but, since)
            # Openness first: who ends between the statements is then among the unread, and missed by none.
            [(is_open,)] = await session.fetch(_IS_OPEN, *mine)
            unread = await session.fetch(_UNREAD, *mine, limit)
            scored = await session.fetch(_SCORED, *mine, limit)
            return Group(tuple(map(read_end, scored)), tuple(row[0] for row in unread), bool(is_open))

        return await self._pool.run(read)

    async def failures(self, tenant: str, *, since: float, limit: int) -> Failures:
        [(failed, ended)] = await self._pool.fetch(_FAILURES, tenant, since, limit)
        return Failures(int(failed), int(ended))


# Workers forget at the same time: none waits for a row that another one is taking away.
_FORGET = """
DELETE FROM siblings WHERE ctid = ANY (ARRAY (
    SELECT ctid FROM siblings WHERE at < $1 ORDER BY at LIMIT 1000 FOR UPDATE SKIP LOCKED
))
"""
_BEGIN = (
    "INSERT INTO siblings (tenant, prompt, judgment_id, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
)
_END = """
INSERT INTO siblings (tenant, prompt, judgment_id, at, outcome, reward, score, vector, way)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (tenant, prompt, judgment_id) DO UPDATE SET
    at = excluded.at, outcome = excluded.outcome, reward = excluded.reward, score = excluded.score,
    vector = excluded.vector, way = excluded.way
WHERE siblings.outcome IS DISTINCT FROM 'scored' AND (excluded.way <> '' OR siblings.way = '')
"""
# Plans are made while the table is empty: `at + 0` keeps a look-up of one group from walking through all of them.
_MINE = (
    "siblings.tenant = $1 AND siblings.prompt = $2 AND siblings.judgment_id <> $3 AND siblings.at + 0 >= $4"
)
_SCORED = f"""
SELECT judgment_id, reward, score, vector, way FROM siblings
WHERE {_MINE} AND outcome = 'scored' ORDER BY at + 0 DESC, judgment_id LIMIT $5
"""  # noqa: S608 - a constant
_GIVEN_UP = "siblings.outcome = 'failed' AND siblings.way = ''"
_JOINED = f"siblings JOIN judgments ON judgments.id = siblings.judgment_id WHERE {_MINE}"
_UNREAD = f"""
SELECT siblings.judgment_id FROM {_JOINED} AND (siblings.outcome IS NULL OR {_GIVEN_UP})
    AND judgments.judgment IS NOT NULL
ORDER BY siblings.at + 0 DESC LIMIT $5
"""  # noqa: S608 - a constant
_IS_OPEN = f"SELECT EXISTS (SELECT 1 FROM {_JOINED} AND judgments.state IN ('queued', 'running'))"  # noqa: S608
_HAS_ENDED = (
    "EXISTS (SELECT 1 FROM judgments WHERE judgments.id = siblings.judgment_id AND judgment IS NOT NULL)"
)
_FAILURES = f"""
SELECT count(*) FILTER (WHERE outcome = 'failed'), count(*) FROM (
    SELECT outcome FROM siblings WHERE tenant = $1 AND outcome IS NOT NULL AND at >= $2
        AND NOT ({_GIVEN_UP} AND {_HAS_ENDED})
    ORDER BY at DESC LIMIT $3
) AS latest
"""  # noqa: S608 - a constant
