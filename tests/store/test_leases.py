"""Who holds a judgment writes to it, and nobody else: expiry, release, cancelling, fencing."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random

import pytest

from judge_agent.errors import LeaseLost
from judge_agent.store import Claimed, Lease, Renewed, Store
from tests.store.stores import Place, accepted, claimed, entry, ids_of, new, queued

pytestmark = pytest.mark.anyio
NOTHING = Renewed(frozenset(), frozenset())


async def test_an_expired_lease_is_anothers_and_the_first_is_refused_every_write(store: Store) -> None:
    first = await accepted(store, "j1", lease_seconds=0.0)
    await store.journal.append("j1", entry("before"), lease=first.token)
    [taken] = await store.claim("w2", 9, lease_seconds=60)
    assert taken.lease == Lease("j1", first.token + 1)
    assert taken.resumed
    with pytest.raises(LeaseLost, match="'j1' is not held by lease 1"):
        await store.journal.append("j1", entry("late"), lease=first.token)
    with pytest.raises(LeaseLost):
        await store.journal.held("j1", first.token)
    assert await store.renew({first: 99.0}, lease_seconds=60) == Renewed(frozenset({"j1"}), frozenset())
    assert not await store.finish(first, '{"by": "w1"}', elapsed_seconds=99.0)
    await store.release({first: 99.0})
    assert await claimed(store) == []
    await store.journal.held("j1", taken.lease.token)
    await store.journal.append("j1", entry("after"), lease=taken.lease.token)
    assert list(await store.journal.load("j1")) == ["before", "after"]
    assert await store.finish(taken.lease, '{"by": "w2"}', elapsed_seconds=2.0)
    row = await store.get("j1")
    assert row is not None
    assert (row.judgment, row.elapsed_seconds) == ('{"by": "w2"}', 2.0)


async def test_a_refused_append_takes_no_other_one_with_it(store: Store) -> None:
    held, lost = await accepted(store, "held"), await accepted(store, "lost", lease_seconds=0.0)
    await claimed(store)
    written = await asyncio.gather(
        *(
            store.journal.append(lease.judgment_id, entry(f"k{index}"), lease=lease.token)
            for index in range(20)
            for lease in (held, lost)
        ),
        return_exceptions=True,
    )
    assert [type(one) for one in written] == [type(None), LeaseLost] * 20
    assert len(await store.journal.load("held")) == 20
    assert await store.journal.load("lost") == {}


async def test_a_lease_is_kept_as_long_as_it_is_renewed(store: Store) -> None:
    lease = await accepted(store, "j1", lease_seconds=1.0)
    for _ in range(4):
        await asyncio.sleep(0.3)
        assert await store.renew({lease: 1.0}, lease_seconds=1.0) == NOTHING
        assert await claimed(store) == []
    await asyncio.sleep(1.05)
    assert await claimed(store) == ["j1"]


async def test_one_that_comes_late_keeps_its_lease_where_nobody_took_it(store: Store) -> None:
    lease = await accepted(store, "j1", lease_seconds=0.0)
    assert await store.renew({lease: 1.0}, lease_seconds=60) == NOTHING
    assert await claimed(store) == []
    assert await store.finish(lease, "{}", elapsed_seconds=1.0)


async def test_a_released_lease_is_claimed_at_once_and_its_clock_goes_on(store: Store) -> None:
    lease = await accepted(store, "j1")
    await store.release({lease: 7.5})
    [taken] = await store.claim("w2", 1, lease_seconds=60)
    assert (taken.elapsed_seconds, taken.lease.token) == (7.5, 2)
    await store.release_all()
    assert await claimed(store, worker="w3") == ["j1"]


async def test_what_has_ended_is_renewed_by_nobody(store: Store) -> None:
    lease = await accepted(store, "j1")
    await store.finish(lease, "{}", elapsed_seconds=1.0)
    assert (await store.renew({lease: 5.0}, lease_seconds=60)).lost == {"j1"}
    assert await store.renew({}, lease_seconds=60) == NOTHING
    await store.release({lease: 5.0})
    await store.release({})
    assert await claimed(store) == []
    with pytest.raises(LeaseLost):
        await store.journal.append("j1", entry("late"), lease=lease.token)


async def test_a_queued_judgment_is_cancelled_by_whoever_asks(store: Store) -> None:
    await queued(store, "j1")
    taken = await store.cancel("j1", worker="w2", lease_seconds=60)
    assert taken is not None
    assert (taken.lease, taken.is_cancelled, taken.resumed) == (Lease("j1", 1), True, False)
    assert await claimed(store) == []
    assert await store.cancel("j1", worker="w3", lease_seconds=60) is None
    assert await store.finish(taken.lease, "{}", elapsed_seconds=0.0, state="cancelled")
    [row] = await store.ended(["j1", "j2"])
    assert row.state == "cancelled"


async def test_the_holder_learns_of_a_cancelling_when_it_renews(store: Store) -> None:
    lease, other = await accepted(store, "j1"), await accepted(store, "j2")
    assert await store.cancel("j1", worker="w2", lease_seconds=60) is None
    assert await store.renew({lease: 1.0, other: 1.0}, lease_seconds=60) == Renewed(
        frozenset(), frozenset({"j1"})
    )
    assert await store.finish(lease, "{}", elapsed_seconds=1.0, state="cancelled")


async def test_an_expired_judgment_that_was_cancelled_is_taken_over_to_end(store: Store) -> None:
    lease = await accepted(store, "j1", lease_seconds=0.0)
    taken = await store.cancel("j1", worker="w2", lease_seconds=0.0)
    assert taken is not None
    assert (taken.lease.token, taken.is_cancelled) == (2, True)
    assert not await store.finish(lease, "{}", elapsed_seconds=1.0)
    [again] = await store.claim("w3", 1, lease_seconds=60)
    assert (again.lease.token, again.is_cancelled) == (3, True)


async def test_what_has_ended_or_never_was_is_not_cancelled(store: Store) -> None:
    lease = await accepted(store, "j1")
    await store.finish(lease, "{}", elapsed_seconds=1.0)
    assert await store.cancel("j1", worker="w2", lease_seconds=60) is None
    assert await store.cancel("nobody", worker="w2", lease_seconds=60) is None
    row = await store.get("j1")
    assert row is not None
    assert row.state == "done"


async def test_twenty_workers_claim_five_hundred_judgments_once_each(place: Place, store: Store) -> None:
    await asyncio.gather(*(store.accept(new(f"j{index}")) for index in range(500)))

    async def claim_all(worker: str) -> list[str]:
        found = list[str]()
        async with place.opened() as own:
            while taken := await own.claim(worker, 7, lease_seconds=60):
                assert all(one.lease.token == 1 for one in taken)
                found += ids_of(taken)
        return found

    taken = await asyncio.gather(*(claim_all(f"w{index}") for index in range(20)))
    every = [id for found in taken for id in found]
    assert (len(every), len(set(every))) == (500, 500)


async def test_a_finish_and_a_take_over_at_one_moment_leave_one_end(store: Store) -> None:
    leases = [await accepted(store, f"j{index}", lease_seconds=0.0) for index in range(30)]
    ends, taken = await asyncio.gather(
        asyncio.gather(*(store.finish(lease, '{"by": 1}', elapsed_seconds=1.0) for lease in leases)),
        store.claim("w2", 30, lease_seconds=60),
    )
    later = [await store.finish(one.lease, '{"by": 2}', elapsed_seconds=1.0) for one in taken]
    assert sum(map(bool, ends)) + sum(map(bool, later)) == 30
    assert all(later)
    lost = {lease.judgment_id for lease, end in zip(leases, ends, strict=True) if not end}
    assert lost == set(ids_of(taken))


async def test_workers_in_strife_end_each_judgment_once(place: Place, store: Store) -> None:
    """Leases run out, are given back and taken over while calls are journalled, cancelled and ended."""
    count, ends, chance = 200, Counter[str](), Random(7)

    async def judge(own: Store, worker: str, one: Claimed) -> None:
        lease = one.lease
        try:
            if chance.random() < 0.5:
                await own.pass_on(lease.judgment_id)
            for index in range(3):
                await own.journal.append(lease.judgment_id, entry(f"k{index}"), lease=lease.token)
                await asyncio.sleep(0.1 * (chance.random() < 0.1))
        except LeaseLost:
            return
        if await own.finish(lease, f'"{worker}"', elapsed_seconds=1.0):
            ends[lease.judgment_id] += 1

    async def work(worker: str) -> None:
        async with place.opened() as own, asyncio.TaskGroup() as tasks:
            while len(ends) < count:
                for one in await own.claim(worker, 20, lease_seconds=0.1):
                    tasks.create_task(judge(own, worker, one))
                if chance.random() < 0.1:
                    await own.release_all()
                await own.changed(0.05)

    async def called_off(id: str) -> None:
        taken = await store.cancel(id, worker="w9", lease_seconds=60)
        if taken and await store.finish(taken.lease, "{}", elapsed_seconds=0.0, state="cancelled"):
            ends[id] += 1

    async with asyncio.TaskGroup() as tasks:
        for index in range(4):
            tasks.create_task(work(f"w{index}"))
        for index in range(count):
            await queued(store, f"j{index}", tenant=f"t{index % 3}", flight_key=f"f{index // 4}")
            if index % 10 == 0:
                await called_off(f"j{chance.randrange(index + 1)}")
    assert set(ends.values()) == {1}
    assert sum(await store.open_count()) == 0
