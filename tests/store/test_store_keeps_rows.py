"""What the store promises: kept on return, ended once, one owner, private files, clear refusals."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from judge_agent.errors import StoreError
from judge_agent.seams.storage import JournalEntry
from judge_agent.store import IdempotencyConflict, Lease, LogHead, NewJudgment, SqliteStore

pytestmark = pytest.mark.anyio


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with SqliteStore.opened(tmp_path / "judge.db") as found:
        yield found


def new(id: str, **changes: object) -> NewJudgment:
    return NewJudgment(**{"id": id, "tenant": "ada", "request": "{}", "created": 1.0} | changes)  # type: ignore[arg-type]


async def accepted(store: SqliteStore, id: str) -> Lease:
    found = await store.accept(new(id, worker="w1", lease_seconds=60.0))
    assert found.lease is not None
    return found.lease


def entry(key: str, seconds: float = 1.0) -> JournalEntry:
    return JournalEntry(key, "critique", "model", {"answer": key}, seconds)


async def test_a_judgment_ends_once_however_many_try(store: SqliteStore) -> None:
    lease = await accepted(store, "j1")
    ends = await asyncio.gather(
        *(store.finish(lease, f'{{"by": {index}}}', elapsed_seconds=1.0) for index in range(20))
    )
    assert sum(ends) == 1
    row = await store.get("j1")
    assert row is not None
    assert row.judgment == f'{{"by": {ends.index(True)}}}'
    assert not await store.claim("w2", 1, lease_seconds=60)
    assert not await store.finish(lease, "{}", elapsed_seconds=1.0, state="cancelled")


async def test_one_idempotency_key_makes_one_row_among_concurrent_ones(store: SqliteStore) -> None:
    accepted = await asyncio.gather(
        *(store.accept(new(f"j{index}", idempotency_key="k", body_sha256="b")) for index in range(50))
    )
    assert sum(one.created for one in accepted) == 1
    assert len({one.row.id for one in accepted}) == 1
    with pytest.raises(IdempotencyConflict) as caught:
        await store.accept(new("other", idempotency_key="k", body_sha256="c"))
    assert caught.value.judgment_id == accepted[0].row.id
    bob = await store.accept(new("bobs", tenant="bob", idempotency_key="k", body_sha256="c"))
    assert bob.created


async def test_a_failed_write_undoes_itself_and_not_its_neighbours(store: SqliteStore) -> None:
    results = await asyncio.gather(
        *(store.accept(new(f"j{index % 5}")) for index in range(10)), return_exceptions=True
    )
    assert sum(isinstance(result, StoreError) for result in results) == 5
    assert len((await store.list("ada")).rows) == 5


async def test_what_a_cancelled_caller_wrote_is_kept(store: SqliteStore) -> None:
    writing = asyncio.create_task(store.accept(new("j1")))
    await asyncio.sleep(0)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert await store.get("j1") is not None


async def test_the_first_journalled_result_of_a_call_stays(store: SqliteStore) -> None:
    await store.journal.append("j1", entry("a"))
    await store.journal.append("j1", JournalEntry("a", "critique", "model", {"answer": "later"}, 9.0))
    assert (await store.journal.load("j1"))["a"] == entry("a")
    assert await store.journal.load("j2") == {}


async def test_odd_values_come_back_from_the_journal_as_they_went_in(store: SqliteStore) -> None:
    result = {"logprob": float("-inf"), "half": "\ud800", "nul": "\0", "deep": [{"a": [1, 2.5, None, True]}]}
    await store.journal.append("j1", JournalEntry("a", "n", "tool", result, 0.0))
    assert (await store.journal.load("j1"))["a"].result == result


async def test_a_result_that_is_no_json_is_a_store_error(store: SqliteStore) -> None:
    with pytest.raises(StoreError, match="journal entry 'a'"):
        await store.journal.append("j1", JournalEntry("a", "n", "tool", {"x": object()}, 0.0))


async def test_five_hundred_appends_at_once_are_all_kept(store: SqliteStore) -> None:
    async with asyncio.TaskGroup() as tasks:
        for index in range(500):
            tasks.create_task(store.journal.append("j1", entry(f"k{index}")))
    assert len(await store.journal.load("j1")) == 500


async def test_shared_results_keep_the_first_and_belong_to_a_tenant(store: SqliteStore) -> None:
    kept = await asyncio.gather(*(store.shared.put("ada", "k", {"by": index}) for index in range(10)))
    assert len({str(value) for value in kept}) == 1
    assert await store.shared.get("ada", "k") == kept[0]
    assert await store.shared.get("bob", "k") is None


async def test_what_is_open_comes_back_oldest_first_with_the_later_of_its_clocks(store: SqliteStore) -> None:
    leases = {name: await accepted(store, name) for name in ("j1", "j2", "j3")}
    await store.renew({leases["j1"]: 4.0, leases["j2"]: 1.0}, lease_seconds=60)
    await store.renew({leases["j1"]: 3.0}, lease_seconds=60)
    await store.journal.append("j2", entry("a", seconds=2.5))
    await store.finish(leases["j3"], "{}", elapsed_seconds=1.0)
    await store.release_all()
    left = await store.claim("w2", 9, lease_seconds=60)
    assert [(one.lease, one.elapsed_seconds, one.resumed) for one in left] == [
        (Lease("j1", 2), 4.0, True),
        (Lease("j2", 2), 2.5, True),
    ]


async def test_the_head_of_a_segment_only_moves_on(store: SqliteStore) -> None:
    await store.set_head("w1", "s1", 3, "aaa")
    await store.set_head("w1", "s1", 2, "bbb")
    await store.set_head("w1", "s2", 1, "ccc")
    assert await store.heads() == (LogHead("w1", "s1", 3, "aaa"), LogHead("w1", "s2", 1, "ccc"))


async def test_pages_end_early_when_records_are_large(store: SqliteStore) -> None:
    for index in range(3):
        lease = await accepted(store, f"j{index}")
        await store.finish(lease, '"' + "x" * 9_000_000 + '"', elapsed_seconds=1.0)
    first = await store.list("ada", limit=3)
    rest = await store.list("ada", limit=3, cursor=first.next_cursor)
    assert [row.id for row in first.rows + rest.rows][:2] == ["j2", "j1"]
    assert first.next_cursor is not None


async def test_files_are_private_even_where_the_folder_is_not(tmp_path: Path) -> None:
    path = tmp_path / "judge.db"
    path.touch(mode=0o644)
    async with SqliteStore.opened(path) as store:
        await store.accept(new("j1"))
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}  # noqa: ASYNC240
    assert set(modes.values()) == {0o600}, modes


async def test_rows_outlive_the_process_that_wrote_them(tmp_path: Path) -> None:
    async with SqliteStore.opened(tmp_path / "judge.db") as store:
        await store.accept(new("j1"))
    async with SqliteStore.opened(tmp_path / "judge.db") as store:
        assert await store.request("j1") == "{}"


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
