"""What the store on a file promises besides: one owner, private files, clear refusals."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest

from judge_agent.errors import StoreError
from judge_agent.store import SqliteStore
from tests.store.stores import new

pytestmark = pytest.mark.anyio


async def test_files_are_private_even_where_the_folder_is_not(tmp_path: Path) -> None:
    path = tmp_path / "judge.db"
    path.touch(mode=0o644)
    async with SqliteStore.opened(path) as store:
        await store.accept(new("j1"))
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}  # noqa: ASYNC240
    assert set(modes.values()) == {0o600}, modes


async def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "judge.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match=r"schema version 99.*upgrade judge-agent"):
        async with SqliteStore.opened(path):
            pass


async def test_a_file_that_is_no_database_is_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "judge.db"
    path.write_bytes(b"this is a letter, not a database" * 40)
    with pytest.raises(StoreError, match="cannot be opened"):
        async with SqliteStore.opened(path):
            pass
    path.unlink()
    async with SqliteStore.opened(path):
        pass


async def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be opened"):
        async with SqliteStore.opened(tmp_path / "file" / "judge.db"):
            pass


async def test_a_closed_store_says_so(tmp_path: Path) -> None:
    async with SqliteStore.opened(tmp_path / "judge.db") as store:
        pass
    with pytest.raises(StoreError, match="closed"):
        await store.get("j1")


async def test_keys_can_be_changed_beside_the_owner(tmp_path: Path) -> None:
    path = tmp_path / "judge.db"
    async with SqliteStore.opened(path) as owner, SqliteStore.opened(path, exclusive=False) as beside:
        await owner.accept(new("j1"))
        assert await beside.get("j1") is not None
        assert await beside.keys() == ()


async def test_values_that_sqlite_cannot_hold_are_clear_errors_and_stop_nobody(tmp_path: Path) -> None:
    async with SqliteStore.opened(tmp_path / "judge.db") as store:
        with pytest.raises(StoreError, match="surrogates not allowed"):
            await store.accept(new("half \ud800"))
        with pytest.raises(StoreError, match="too large"):
            await store.list("ada", cursor=2**80)
        assert (await store.accept(new("j1"))).created
