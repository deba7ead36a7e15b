"""What is read at once on the thread of the loop, and what goes along with other work."""

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest

from judge_agent.errors import StoreError
from judge_agent.store import database as module
from judge_agent.store.database import Database

LONG_SECONDS = 30.0


async def _with_table(path: Path | None) -> Database:
    database = Database(path)
    await database.open()
    await database.execute("CREATE TABLE t (x INTEGER PRIMARY KEY)")
    return database


@pytest.mark.parametrize("kept", [True, False])
def test_who_looks_sees_what_was_written_before(tmp_path: Path, kept: bool) -> None:
    async def looked() -> list[list[tuple[int]]]:
        database = await _with_table(tmp_path / "a.db" if kept else None)
        found = []
        for number in (1, 2):
            await database.execute("INSERT INTO t VALUES (?)", number)
            found.append(await database.look("SELECT x FROM t WHERE x = ?", number))
        found.append(await database.look("SELECT x FROM t WHERE x = ?", 3))
        await database.aclose()
        return found

    assert asyncio.run(looked()) == [[(1,)], [(2,)], []]


def test_who_looks_takes_no_turn_of_the_thread_that_writes(tmp_path: Path) -> None:
    async def looked() -> list[tuple[int]]:
        database = await _with_table(tmp_path / "a.db")
        await database.execute("INSERT INTO t VALUES (1)")
        go_on = threading.Event()
        writing = asyncio.create_task(database.run(lambda _: go_on.wait(LONG_SECONDS)))
        await asyncio.sleep(0)
        found = await database.look("SELECT x FROM t")
        assert not writing.done()
        go_on.set()
        assert await writing
        await database.aclose()
        return found

    assert asyncio.run(looked()) == [(1,)]


def test_a_look_cannot_write(tmp_path: Path) -> None:
    async def tried() -> int:
        database = await _with_table(tmp_path / "a.db")
        assert database._own is not None
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            database._own.reading.execute("INSERT INTO t VALUES (1)")
        found = await database.look("SELECT count(*) FROM t")
        await database.aclose()
        return int(found[0][0])

    assert asyncio.run(tried()) == 0


def test_a_look_from_another_thread_takes_a_turn(tmp_path: Path) -> None:
    async def looked() -> list[tuple[int]]:
        database = await _with_table(tmp_path / "a.db")
        await database.execute("INSERT INTO t VALUES (7)")
        found = await asyncio.to_thread(lambda: asyncio.run(database.look("SELECT x FROM t")))
        await database.aclose()
        return found

    assert asyncio.run(looked()) == [(7,)]


def test_errors_of_a_look_are_those_of_the_store(tmp_path: Path) -> None:
    async def looked() -> None:
        database = await _with_table(tmp_path / "a.db")
        try:
            for statement, value in (("SELECT x FROM nowhere WHERE x = ?", 1), ("SELECT ?", "\ud800")):
                with pytest.raises(StoreError):
                    await database.look(statement, value)
        finally:
            await database.aclose()
        with pytest.raises(StoreError, match="closed"):
            await database.look("SELECT x FROM t")

    asyncio.run(looked())


def test_what_goes_along_shares_the_transaction_of_what_comes_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ALONG_SECONDS", LONG_SECONDS)
    batches = []

    class Watched(Database):
        def _commit(self, connection, batch):  # type: ignore[no-untyped-def]
            batches.append(len(batch))
            return super()._commit(connection, batch)

    async def written() -> list[tuple[int]]:
        database = Watched(tmp_path / "a.db")
        await database.open()
        await database.execute("CREATE TABLE t (x INTEGER PRIMARY KEY)")
        first = asyncio.create_task(database.along(lambda c: c.execute("INSERT INTO t VALUES (1)").rowcount))
        await asyncio.sleep(0)
        assert await database.fetch("SELECT x FROM t") == [(1,)]
        assert await first == 1
        found = await database.fetch("SELECT x FROM t")
        await database.aclose()
        return found

    assert asyncio.run(written()) == [(1,)]
    assert batches == [1, 2, 1]


def test_what_goes_along_waits_for_nobody_for_long(tmp_path: Path) -> None:
    async def written() -> int:
        database = await _with_table(tmp_path / "a.db")
        async with asyncio.timeout(LONG_SECONDS):
            changed = await database.along(lambda c: c.execute("INSERT INTO t VALUES (1)").rowcount)
        await database.aclose()
        return changed

    assert asyncio.run(written()) == 1


def test_what_waits_for_company_is_kept_when_the_store_closes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ALONG_SECONDS", LONG_SECONDS)

    async def written() -> None:
        database = await _with_table(tmp_path / "a.db")
        waiting = asyncio.create_task(
            database.along(lambda c: c.execute("INSERT INTO t VALUES (5)").rowcount)
        )
        await asyncio.sleep(0)
        await database.aclose()
        assert await waiting == 1

    asyncio.run(written())
    with sqlite3.connect(tmp_path / "a.db") as connection:
        assert connection.execute("SELECT x FROM t").fetchall() == [(5,)]


def test_a_failure_beside_it_undoes_nothing_that_goes_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ALONG_SECONDS", LONG_SECONDS)

    async def written() -> list[tuple[int]]:
        database = await _with_table(tmp_path / "a.db")
        waiting = asyncio.create_task(
            database.along(lambda c: c.execute("INSERT INTO t VALUES (1)").rowcount)
        )
        await asyncio.sleep(0)
        with pytest.raises(StoreError):
            await database.execute("INSERT INTO nowhere VALUES (1)")
        assert await waiting == 1
        found = await database.fetch("SELECT x FROM t")
        await database.aclose()
        return found

    assert asyncio.run(written()) == [(1,)]
