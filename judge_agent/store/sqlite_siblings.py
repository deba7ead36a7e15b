"""The rollouts of one prompt, in SQLite."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from judge_agent.store.database import Database
from judge_agent.store.siblings import KEPT_SECONDS, Failures, Group, SiblingEnd


class SqliteSiblings:
    """Fulfils `siblings.Siblings`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, tenant: str, group: str, judgment_id: str, at: float) -> None:
        def keep(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM siblings WHERE at < ?", (at - KEPT_SECONDS,))
            connection.execute(_BEGIN, (tenant, group, judgment_id, at))

        await self._database.run(keep)

    async def end(self, tenant: str, group: str, end: SiblingEnd, at: float) -> None:
        vector = json.dumps(dict(end.vector))
        outcome = "scored" if end.is_scored else "failed"
        await self._database.execute(
            _END, tenant, group, end.judgment_id, at, outcome, end.reward, end.score, vector, end.way
        )

    async def group(self, tenant: str, group: str, *, but: str, since: float, limit: int) -> Group:
        def read(connection: sqlite3.Connection) -> Group:
            mine = (tenant, group, but, since)
            scored = connection.execute(_SCORED, (*mine, limit)).fetchall()
            unread = connection.execute(_UNREAD, (*mine, limit)).fetchall()
            is_open = bool(connection.execute(_IS_OPEN, mine).fetchone()[0])
            return Group(tuple(map(read_end, scored)), tuple(row[0] for row in unread), is_open)

        return await self._database.run(read)

    async def failures(self, tenant: str, *, since: float, limit: int) -> Failures:
        [(failed, ended)] = await self._database.fetch(_FAILURES, tenant, since, limit)
        return Failures(int(failed or 0), int(ended))


def read_end(row: tuple[Any, ...]) -> SiblingEnd:
    judgment_id, reward, score, vector, way = row
    return SiblingEnd(judgment_id, reward, score, json.loads(vector), way)


_BEGIN = "INSERT INTO siblings (tenant, prompt, judgment_id, at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
_END = """
INSERT INTO siblings (tenant, prompt, judgment_id, at, outcome, reward, score, vector, way)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (tenant, prompt, judgment_id) DO UPDATE SET
    at = excluded.at, outcome = excluded.outcome, reward = excluded.reward, score = excluded.score,
    vector = excluded.vector, way = excluded.way
WHERE siblings.outcome IS NOT 'scored' AND (excluded.way <> '' OR siblings.way = '')
"""
_MINE = "siblings.tenant = ? AND siblings.prompt = ? AND siblings.judgment_id <> ? AND siblings.at >= ?"
_SCORED = f"""
SELECT judgment_id, reward, score, vector, way FROM siblings
WHERE {_MINE} AND outcome = 'scored' ORDER BY at DESC, judgment_id LIMIT ?
"""  # noqa: S608 - a constant
_GIVEN_UP = "siblings.outcome = 'failed' AND siblings.way = ''"
_JOINED = f"siblings JOIN judgments ON judgments.id = siblings.judgment_id WHERE {_MINE}"
_UNREAD = f"""
SELECT siblings.judgment_id FROM {_JOINED} AND (siblings.outcome IS NULL OR {_GIVEN_UP})
    AND judgments.judgment IS NOT NULL
ORDER BY siblings.at DESC LIMIT ?
"""  # noqa: S608 - a constant
_IS_OPEN = f"SELECT EXISTS (SELECT 1 FROM {_JOINED} AND judgments.state IN ('queued', 'running'))"  # noqa: S608
_HAS_ENDED = (
    "EXISTS (SELECT 1 FROM judgments WHERE judgments.id = siblings.judgment_id AND judgment IS NOT NULL)"
)
_FAILURES = f"""
SELECT sum(outcome = 'failed'), count(*) FROM (
    SELECT outcome FROM siblings WHERE tenant = ? AND outcome IS NOT NULL AND at >= ?
        AND NOT ({_GIVEN_UP} AND {_HAS_ENDED})
    ORDER BY at DESC LIMIT ?
)
"""  # noqa: S608 - a constant
