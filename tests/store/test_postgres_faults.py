"""PostgreSQL goes away and comes back: nothing is lost, nothing is kept twice, and the store goes on by itself."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from judge_agent.errors import LeaseLost, StoreError
from judge_agent.seams.storage import AuditEvent
from judge_agent.store import KeyLimits, Lease, Renewed
from judge_agent.store.postgres import PostgresStore
from tests.postgres_server import PostgresServer
from tests.store.cutting_proxy import CuttingProxy, cutting
from tests.store.stores import accepted, claimed, entry, new, queued

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]
ROOT = Path(__file__).parents[2]


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[CuttingProxy]:
    with tempfile.TemporaryDirectory() as folder:  # a socket's path has at most 107 characters
        async with cutting(Path(folder), database_url) as found:
            yield found


@pytest.fixture
async def cut_store(proxy: CuttingProxy) -> AsyncIterator[PostgresStore]:
    async with PostgresStore.opened(proxy.url) as store:
        await asyncio.sleep(0.1)
        yield store
    assert proxy.lost == 1


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "crashed"])
async def test_a_restart_under_load_loses_nothing(
    postgres: PostgresServer, database_url: str, how: signal.Signals
) -> None:
    """The load goes on until the server is back, however long a busy machine takes for that."""
    async with PostgresStore.opened(database_url, retry_seconds=180) as store:
        ended, some_ended, is_back = list[str](), asyncio.Event(), asyncio.Event()

        async def judge(id: str) -> None:
            lease = await accepted(store, id)
            for index in range(20):
                await store.journal.append(id, entry(f"k{index}"), lease=lease.token)
            assert await store.finish(lease, f'"{id}"', elapsed_seconds=1.0)
            ended.append(id)
            if len(ended) == 20:
                some_ended.set()

        async def judge_on(name: str) -> None:
            count = 0
            while not is_back.is_set() or not count:
                await judge(f"{name}-{count}")
                count += 1

        async with asyncio.TaskGroup() as tasks:
            for index in range(100):
                tasks.create_task(judge_on(f"j{index}"))
            await some_ended.wait()
            await asyncio.to_thread(postgres.stop, how)
            await asyncio.to_thread(postgres.start)
            is_back.set()
        assert len(set(ended)) == len(ended)
        assert sum(await store.open_count()) == 0
        for id in ended:
            row = await store.get(id)
            assert row is not None
            assert row.judgment == f'"{id}"'
            assert len(await store.journal.load(id)) == 20


async def test_a_server_that_stays_away_is_an_error_in_time_and_used_again_later(
    postgres: PostgresServer, database_url: str
) -> None:
    async with PostgresStore.opened(database_url, retry_seconds=0.3) as store:
        lease = await accepted(store, "j1")
        await asyncio.to_thread(postgres.stop)
        try:
            began = time.monotonic()
            calls = (
                store.accept(new("j2")),
                store.journal.append("j1", entry("a"), lease=1),
                store.claim("w2", 1, lease_seconds=60),
                store.finish(lease, "{}", elapsed_seconds=1.0),
                store.get("j1"),
            )
            found = await asyncio.gather(*calls, return_exceptions=True)
            await store.changed(0.1)
            assert time.monotonic() - began < 3
        finally:
            await asyncio.to_thread(postgres.start)
        assert all(isinstance(one, StoreError) for one in found), found
        assert "PostgreSQL did not answer" in str(found[0])
        assert await store.finish(lease, "{}", elapsed_seconds=1.0)


async def test_an_accepting_whose_answer_was_lost_is_one_judgment_with_its_lease(
    proxy: CuttingProxy, cut_store: PostgresStore
) -> None:
    proxy.lose("SELECT 1")
    found = await cut_store.accept(new("j1", worker="w1", lease_seconds=60, idempotency_key="k"))
    assert (found.created, found.lease) == (True, Lease("j1", 1))
    assert await cut_store.open_count() == (0, 1)


async def test_an_end_whose_answer_was_lost_was_kept_by_who_ended_it(
    proxy: CuttingProxy, cut_store: PostgresStore
) -> None:
    limits = KeyLimits(tokens_per_day=9)
    lease = await accepted(cut_store, "j1", key_id="k", limits=limits)
    proxy.lose("SELECT 1")
    assert await cut_store.finish(lease, '{"by": 1}', elapsed_seconds=1.0, tokens=5)
    assert not await cut_store.finish(lease, '{"by": 1}', elapsed_seconds=1.0, tokens=5)
    [day] = await cut_store.quotas.standings("k", limits)
    assert day.used == 5


async def test_a_claim_whose_answer_was_lost_takes_nothing_twice(
    proxy: CuttingProxy, cut_store: PostgresStore
) -> None:
    await queued(cut_store, "j1", "j2", "j3")
    proxy.lose("SELECT 2")
    taken = await cut_store.claim("w1", 2, lease_seconds=60)
    assert [one.lease for one in taken] == [Lease("j1", 1), Lease("j2", 1)]
    assert await claimed(cut_store) == ["j3"]


async def test_a_cancelling_whose_answer_was_lost_holds_what_it_took(
    proxy: CuttingProxy, cut_store: PostgresStore
) -> None:
    await queued(cut_store, "j1")
    proxy.lose("UPDATE 1")
    taken = await cut_store.cancel("j1", worker="w1", lease_seconds=60)
    assert taken is not None
    assert taken.lease == Lease("j1", 1)


async def test_an_append_whose_answer_was_lost_is_there_once(
    proxy: CuttingProxy, cut_store: PostgresStore
) -> None:
    lease = await accepted(cut_store, "j1")
    proxy.lose("SELECT 1")
    await cut_store.journal.append("j1", entry("a"), lease=lease.token)
    assert list(await cut_store.journal.load("j1")) == ["a"]


async def test_a_telling_whose_answer_was_lost_is_told_once(
    proxy: CuttingProxy, cut_store: PostgresStore
) -> None:
    proxy.lose("INSERT 0 2")
    await cut_store.tell([AuditEvent("model.call", "j1", "ada"), AuditEvent("judgment.done", "j1", "ada")])
    assert [one.type for one in await cut_store.happenings("j1")] == ["model.call", "judgment.done"]


def _claiming(url: str, index: int) -> subprocess.Popen[str]:
    program = [sys.executable, str(Path(__file__).parent / "claiming_worker.py")]
    command = [*program, url, f"w{index}", str(3 + index)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}
    )


async def test_processes_that_claim_together_claim_each_once(database_url: str) -> None:
    async with PostgresStore.opened(database_url) as store:
        await asyncio.gather(*(store.accept(new(f"j{index}")) for index in range(500)))
    workers = [_claiming(database_url, index) for index in range(5)]
    printed = [(await asyncio.to_thread(worker.communicate))[0].split() for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * 5
    ids = [id for found in printed for id in found[::2]]
    assert (len(ids), len(set(ids))) == (500, 500)
    assert {token for found in printed for token in found[1::2]} == {"1"}


async def test_a_take_over_waits_for_appends_under_way_and_refuses_those_after(database_url: str) -> None:
    async with PostgresStore.opened(database_url) as old, PostgresStore.opened(database_url) as other:
        lease = await accepted(old, "j1", lease_seconds=0.0)

        async def append_on() -> int:
            index = 0
            while True:
                try:
                    await old.journal.append("j1", entry(f"k{index}"), lease=lease.token)
                except LeaseLost:
                    return index
                index += 1

        appending = asyncio.create_task(append_on())
        await asyncio.sleep(0.05)
        taken = await other.claim("w2", 1, lease_seconds=60)
        while not taken:  # its row was locked by an append at that moment
            taken = await other.claim("w2", 1, lease_seconds=60)
        seen = await other.journal.load("j1")
        assert await appending == len(seen) == len(await other.journal.load("j1"))
        assert await other.renew({taken[0].lease: 1.0}, lease_seconds=1) == Renewed(frozenset(), frozenset())


async def test_appends_that_come_together_share_their_round_trips(database_url: str) -> None:
    async with PostgresStore.opened(database_url) as store:
        lease = await accepted(store, "j1")
        began = time.perf_counter()
        for index in range(60):
            await store.journal.append("j1", entry(f"one{index}"), lease=lease.token)
        one_by_one = 60 / (time.perf_counter() - began)
        began = time.perf_counter()
        await asyncio.gather(
            *(store.journal.append("j1", entry(f"k{index}"), lease=lease.token) for index in range(2000))
        )
        together = 2000 / (time.perf_counter() - began)
        print(f"appends a second: {one_by_one:.0f} one by one, {together:.0f} together")
        assert together > 3 * one_by_one
