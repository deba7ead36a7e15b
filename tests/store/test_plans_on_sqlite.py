"""What SQLite does for each statement: what is asked all the time is looked up, however many judgments there were."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from judge_agent.store import database
from tests.groups.grouped import by_word
from tests.service.served import serving
from tests.store.everyday import a_day_of

pytestmark = pytest.mark.anyio
# Tables that grow with what is judged. The others are read whole by intention, and hold few rows.
GROWING = {"judgments", "journal", "shared_results", "happenings", "run_points", "groups", "group_members"}


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Every statement that a database is asked, with its values."""
    asked = set[str]()
    connect = database._connect

    def listening(path: Path | None) -> sqlite3.Connection:
        connection = connect(path)
        connection.set_trace_callback(asked.add)
        return connection

    monkeypatch.setattr(database, "_connect", listening)
    return asked


async def test_what_a_service_asks_all_the_time_is_looked_up_by_an_index(
    statements: set[str], tmp_path: Path
) -> None:
    async with serving(model=by_word()) as served:
        await a_day_of(served)
    asked = sorted(
        one for one in statements if one.lstrip().startswith(("SELECT", "UPDATE", "DELETE", "WITH"))
    )
    assert len(asked) > 30
    with closing(database._connect(tmp_path / "empty.db")) as connection:
        few = _partial_indexes(connection)
        scanned = {
            one: step[3]
            for one in asked
            for step in connection.execute(f"EXPLAIN QUERY PLAN {one}")
            if _is_whole(step[3], few)
        }
    assert scanned == {}


def test_a_look_at_every_row_would_be_seen(tmp_path: Path) -> None:
    with closing(database._connect(tmp_path / "empty.db")) as connection:
        few = _partial_indexes(connection)
        [step] = connection.execute("EXPLAIN QUERY PLAN SELECT id FROM judgments WHERE lease_until < 1")
    assert _is_whole(step[3], few)


def _partial_indexes(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Indexes of a part of a table: of what is open, or waiting."""
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE '% WHERE %'")
    return tuple(name for (name,) in rows)


def _is_whole(step: str, few: tuple[str, ...]) -> bool:
    words = step.split()
    return words[0] == "SCAN" and words[1] in GROWING and words[-1] not in few
