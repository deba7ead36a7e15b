"""Which judgment comes next: tenants share, cohorts come whole, followers wait, and no more are open than may."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from judge_agent.store import Accepted, Store, TooManyOpen
from tests.store.stores import accepted, claimed, new, queued

pytestmark = pytest.mark.anyio


async def test_three_of_one_tenant_do_not_wait_for_a_thousand_of_another(store: Store) -> None:
    await asyncio.gather(*(store.accept(new(f"many{index}", tenant="many")) for index in range(1000)))
    await asyncio.gather(*(store.accept(new(f"few{index}", tenant="few")) for index in range(3)))
    taken = await store.claim("w1", 10, lease_seconds=60)
    assert Counter(one.tenant for one in taken) == {"few": 3, "many": 7}
    await queued(store, "few3", "few4", tenant="few")
    assert await claimed(store, 1) == ["few3"]
    assert await claimed(store, 1) == ["few4"]
    assert len(await claimed(store, 20)) == 20


async def test_what_one_tenant_has_running_counts_against_it(store: Store) -> None:
    leases = [await accepted(store, f"running{index}", tenant="busy") for index in range(4)]
    await queued(store, *(f"busy{index}" for index in range(9)), tenant="busy")
    await queued(store, *(f"idle{index}" for index in range(9)), tenant="idle")
    assert await claimed(store, 4) == [f"idle{index}" for index in range(4)]
    await store.finish(leases[0], "{}", elapsed_seconds=1.0)
    assert await claimed(store, 1) == ["busy0"]


async def test_one_tenants_judgments_come_in_the_order_in_which_they_were_accepted(store: Store) -> None:
    for index in range(6):
        await queued(store, f"j{index}")
    assert await claimed(store, 3) == ["j0", "j1", "j2"]
    assert await claimed(store) == ["j3", "j4", "j5"]
    assert await claimed(store, 0) == []


async def test_what_was_left_comes_before_what_waits(store: Store) -> None:
    await queued(store, "waits")
    await accepted(store, "left", lease_seconds=0.0)
    assert await claimed(store) == ["left", "waits"]


async def test_a_cohort_comes_whole_before_what_was_accepted_between_its_members(store: Store) -> None:
    await queued(store, "a1", "a2", cohort="a")
    await queued(store, "b1", cohort="b")
    await queued(store, "alone")
    await queued(store, "a3", cohort="a")
    await queued(store, "b2", cohort="b")
    assert await claimed(store, 3) == ["a1", "a2", "a3"]
    assert await claimed(store) == ["b1", "b2", "alone"]


async def test_a_cohort_belongs_to_a_tenant(store: Store) -> None:
    await queued(store, "a1", cohort="c")
    await queued(store, "between")
    await queued(store, "b1", cohort="c", tenant="bob")
    assert await claimed(store, 4) == ["a1", "between", "b1"]


async def test_followers_wait_for_their_leader_and_go_on_when_it_has_ended(store: Store) -> None:
    leader = await accepted(store, "first", flight_key="f")
    waits = await store.accept(new("second", flight_key="f", worker="w1", lease_seconds=60))
    assert (waits.lease, waits.row.state) == (None, "queued")
    await queued(store, "third", flight_key="f")
    await queued(store, "foreign", flight_key="f", tenant="bob")
    assert await claimed(store) == ["foreign"]
    await store.finish(leader, "{}", elapsed_seconds=1.0)
    taken = await store.claim("w2", 1, lease_seconds=60)
    assert [(one.lease.judgment_id, one.leader) for one in taken] == [("second", "first")]


async def test_where_an_end_serves_nobody_the_first_who_waits_leads_the_others(store: Store) -> None:
    leader = await accepted(store, "first", flight_key="f")
    await queued(store, "second", "third", "fourth", flight_key="f")
    await store.pass_on("first")
    await store.finish(leader, "{}", elapsed_seconds=1.0)
    [second] = await store.claim("w2", 9, lease_seconds=60)
    assert (second.lease.judgment_id, second.leader) == ("second", None)
    assert await claimed(store) == []
    await queued(store, "fifth", flight_key="f")
    assert await claimed(store) == []
    await store.finish(second.lease, "{}", elapsed_seconds=1.0)
    assert await claimed(store) == ["third", "fourth", "fifth"]


async def test_who_has_waited_long_enough_goes_on_with_the_end_that_others_are_not_served_by(
    store: Store,
) -> None:
    leader = await accepted(store, "first", flight_key="f", created=1.0)
    for at, name in enumerate(("second", "third", "fourth", "fifth"), start=2):
        await queued(store, name, flight_key="f", created=float(at))
    await store.pass_on("first", created_after=3.0)
    await store.finish(leader, "{}", elapsed_seconds=1.0)
    taken = await store.claim("w2", 9, lease_seconds=60)
    assert sorted((one.lease.judgment_id, one.leader) for one in taken) == [
        ("fourth", None),
        ("second", "first"),
        ("third", "first"),
    ]
    [lead] = [one.lease for one in taken if one.leader is None]
    await store.finish(lead, "{}", elapsed_seconds=1.0)
    assert await claimed(store) == ["fifth"]


async def test_nobody_follows_one_that_ends_or_is_called_off(store: Store) -> None:
    ended = await accepted(store, "ended", flight_key="a")
    await store.finish(ended, "{}", elapsed_seconds=1.0)
    await accepted(store, "called off", flight_key="b")
    assert await store.cancel("called off", worker="w2", lease_seconds=60) is None
    for name in ("a", "b"):
        assert await accepted(store, f"new {name}", flight_key=name)


async def test_of_many_equal_ones_at_one_time_one_leads(store: Store) -> None:
    found = await asyncio.gather(
        *(store.accept(new(f"j{index}", flight_key="f", worker="w", lease_seconds=60)) for index in range(30))
    )
    assert sum(one.lease is not None for one in found) == 1


async def test_no_more_are_open_than_may_be(store: Store) -> None:
    lease = await accepted(store, "j0", max_open=3)
    await queued(store, "j1", "j2", max_open=3)
    with pytest.raises(TooManyOpen) as caught:
        await store.accept(new("j3", max_open=3))
    assert (caught.value.open_count, caught.value.limit) == (3, 3)
    assert await store.get("j3") is None
    await store.finish(lease, "{}", elapsed_seconds=1.0)
    await queued(store, "j3", max_open=3)
    assert await store.open_count() == (3, 0)


async def test_of_fifty_at_one_time_as_many_are_kept_as_may_be(store: Store) -> None:
    found = await asyncio.gather(
        *(store.accept(new(f"j{index}", max_open=10)) for index in range(50)), return_exceptions=True
    )
    assert sum(isinstance(one, Accepted) for one in found) == 10
    assert all(one.open_count == 10 for one in found if isinstance(one, TooManyOpen))
    assert sum(await store.open_count()) == 10


async def test_one_that_was_accepted_before_is_found_again_where_no_more_may_be_open(store: Store) -> None:
    await store.accept(new("j1", idempotency_key="k", max_open=1))
    again = await store.accept(new("j2", idempotency_key="k", max_open=1))
    assert (again.row.id, again.created) == ("j1", False)
