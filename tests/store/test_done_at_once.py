"""Small transactions are done at once on the loop's thread, and are on disk when that was waited for."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from judge_agent.errors import StoreError
from judge_agent.store import Database, SqliteStore
from judge_agent.store import database as module


async def _opened(path: Path) -> Database:
    database = Database(path)
    await database.open()
    await database.execute("CREATE TABLE IF NOT EXISTS t (x INTEGER)")
    return database


def _put(number: int) -> Any:
    return lambda connection: connection.execute("INSERT INTO t VALUES (?)", (number,)).rowcount


def _without_waiting(work: Any) -> Any:
    """The result of a coroutine that must not wait for anything."""
    with pytest.raises(StopIteration) as ended:
        work.send(None)
    return ended.value.value


def test_it_is_there_without_a_wait_and_others_see_it(tmp_path: Path) -> None:
    async def run() -> None:
        database = await _opened(tmp_path / "a.db")
        assert database.answers_at_once
        assert _without_waiting(database.at_once(_put(7))) == 1
        with sqlite3.connect(tmp_path / "a.db") as other:
            assert other.execute("SELECT x FROM t").fetchall() == [(7,)]
        assert await database.fetch("SELECT x FROM t") == [(7,)]
        await database.aclose()

    asyncio.run(run())


def test_for_the_disk_waits_who_needs_it_and_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []

    def fdatasync(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))

    async def run() -> None:
        database = await _opened(tmp_path / "a.db")
        monkeypatch.setattr(module.os, "fdatasync", fdatasync)
        await database.on_disk()
        assert not synced
        for number in range(3):
            await database.at_once(_put(number))
        assert not synced
        await database.on_disk()
        await database.on_disk()
        assert [Path(one).name for one in synced] == ["a.db-wal"]
        await database.at_once(_put(3))
        # What the thread tells may rest on it.
        await database.fetch("SELECT x FROM t")
        assert len(synced) == 2
        await database.at_once(_put(4))
        await database.aclose()
        assert len(synced) == 3

    asyncio.run(run())


@pytest.mark.parametrize("asked", ["fetch", "on_disk"])
def test_what_another_process_has_committed_is_on_disk_before_it_is_told(
    asked: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = list[int]()

    async def run() -> None:
        path = tmp_path / "a.db"
        # Two workers of one service; SQLite tells connections apart, and no processes.
        one, other = Database(path, exclusive=False), Database(path, exclusive=False)
        await one.open()
        await one.execute("CREATE TABLE t (x INTEGER)")
        await other.open()
        await other.on_disk()
        monkeypatch.setattr(module.os, "fdatasync", synced.append)
        await one.at_once(_put(7))
        assert not synced
        if asked == "fetch":
            assert await other.fetch("SELECT x FROM t") == [(7,)]
        else:
            await other.on_disk()
        assert len(synced) == 1
        await other.fetch("SELECT x FROM t")
        await other.on_disk()
        assert len(synced) == 1, "nothing new"
        await one.aclose()
        await other.aclose()

    asyncio.run(run())


def test_a_disk_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fdatasync(_: int) -> None:
        raise OSError(5, "Input/output error")

    async def run() -> None:
        database = await _opened(tmp_path / "a.db")
        await database.at_once(_put(1))
        with monkeypatch.context() as patched:
            patched.setattr(module.os, "fdatasync", fdatasync)
            for asked in (database.on_disk(), database.fetch("SELECT x FROM t")):
                with pytest.raises(StoreError, match=r"could not be written to disk: .*Input/output error"):
                    await asked
        await database.on_disk()
        assert await database.fetch("SELECT x FROM t") == [(1,)]
        await database.aclose()

    asyncio.run(run())


def test_what_a_disk_could_not_keep_is_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fdatasync(_: int) -> None:
        raise OSError(5, "Input/output error")

    def in_the_file() -> list[tuple[int]]:
        with sqlite3.connect(f"file:{tmp_path / 'a.db'}?immutable=1", uri=True) as whatever_the_wal_holds:
            return whatever_the_wal_holds.execute("SELECT x FROM t").fetchall()

    async def run() -> None:
        monkeypatch.setattr(module, "CHECKPOINT_SECONDS", 1000)
        database = await _opened(tmp_path / "a.db")
        await database.at_once(_put(1))
        with monkeypatch.context() as patched:
            patched.setattr(module.os, "fdatasync", fdatasync)
            with pytest.raises(StoreError):
                await database.on_disk()
        await database.at_once(_put(2))
        assert in_the_file() == []
        await database.on_disk()
        assert in_the_file() == [(1,), (2,)]
        await database.aclose()

    asyncio.run(run())


def test_the_thread_tells_nothing_of_a_commit_that_is_not_counted_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others read a row from the moment of its commit: before the loop's thread goes on."""
    synced = threading.Event()

    async def run() -> None:
        database = await _opened(tmp_path / "a.db")
        own = database._own
        assert own is not None
        commit = own.commit

        def committed(*args: Any) -> Any:
            outcomes = commit(*args)
            database._send(
                database._item(lambda connection: connection.execute("SELECT x FROM t").fetchall())
            )
            assert synced.wait(5)
            return outcomes

        await database.on_disk()
        monkeypatch.setattr(module.os, "fdatasync", lambda _: synced.set())
        monkeypatch.setattr(own, "commit", committed)
        await database.at_once(_put(1))
        await database.aclose()

    asyncio.run(run())


def test_while_another_writes_the_thread_does_it(tmp_path: Path) -> None:
    async def run() -> None:
        database = await _opened(tmp_path / "a.db")
        other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        going = asyncio.create_task(database.at_once(_put(1)))
        await asyncio.sleep(0.05)
        assert not going.done()
        other.execute("COMMIT")
        assert await asyncio.wait_for(going, 5) == 1
        other.close()
        await database.aclose()

    asyncio.run(run())


def test_what_fails_is_undone_and_takes_no_company_along(tmp_path: Path) -> None:
    async def run() -> None:
        database = await _opened(tmp_path / "a.db")

        def half(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT INTO t VALUES (1)")
            raise KeyError("a bug")

        beside = asyncio.create_task(database.along(_put(2)))
        await asyncio.sleep(0)
        with pytest.raises(KeyError, match="a bug"):
            await database.at_once(half)
        assert await beside == 1
        with pytest.raises(StoreError, match="no such table"):
            await database.at_once(lambda connection: connection.execute("INSERT INTO nowhere VALUES (1)"))
        assert await database.look("SELECT x FROM t") == [(2,)]
        await database.aclose()
        with pytest.raises(StoreError, match="is closed"):
            await database.at_once(_put(3))

    asyncio.run(run())


def test_from_another_thread_it_takes_a_turn(tmp_path: Path) -> None:
    async def run() -> None:
        database = await _opened(tmp_path / "a.db")
        assert await asyncio.to_thread(lambda: asyncio.run(database.at_once(_put(5)))) == 1
        assert await database.fetch("SELECT x FROM t") == [(5,)]
        await database.aclose()

    asyncio.run(run())


def test_a_store_in_memory_has_its_thread_do_it() -> None:
    async def run() -> None:
        async with SqliteStore.opened(None) as store:
            assert not store.answers_at_once
            await store.shared.put("t", "k", {"a": 1})
            assert await store.shared.get("t", "k") == {"a": 1}
            await store.on_disk()

    asyncio.run(run())


def test_the_wal_is_moved_into_the_database_now_and_then_and_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(module, "MAX_WAL_PAGES", 50)

    async def run() -> None:
        database = await _opened(tmp_path / "a.db")
        for number in range(2000):
            await database.at_once(_put(number))
            if number % 20 == 0:
                await database.on_disk()
        assert (tmp_path / "a.db-wal").stat().st_size < 2_000_000
        assert await database.fetch("SELECT count(*) FROM t") == [(2000,)]
        await database.aclose()

    asyncio.run(run())


async def _dropped(shared: Any) -> None:
    value = {"by": "j1", "half": "\ud800"}
    await shared.put("t", "k", value)
    await shared.drop("t", "k", {"by": "j2"})
    await shared.drop("other", "k", value)
    assert await shared.get("t", "k") == value
    await shared.drop("t", "k", value)
    assert await shared.get("t", "k") is None


@pytest.mark.anyio
async def test_a_shared_result_is_dropped_by_who_knows_it(store: Any) -> None:
    await _dropped(store.shared)
