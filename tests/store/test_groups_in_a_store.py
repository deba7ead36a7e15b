"""Groups are joined, closed and settled once, alike in both stores, whoever comes at the same time."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from judge_agent.store import Finished, SqliteStore, Store
from judge_agent.store.group_room import ShareTaken, TooMuchWaits
from judge_agent.store.groups import NewGroup, NewMember, Seat
from judge_agent.store.records import IdempotencyConflict, TooManyOpen
from tests.store.stores import Place, accepted, claimed, new, queued

pytestmark = pytest.mark.anyio
GROUP = NewGroup("grp_1", "ada", "g", 0, 3, False, "{}", "{}", 1.0, 60.0, 60.0)


def member(index: int, content: str = "x", **changes: object) -> NewMember:
    return NewMember(index, f"c{index}", content, **changes)  # type: ignore[arg-type]


async def test_members_are_seated_once_and_the_last_one_closes_the_group(store: Store) -> None:
    for index, state in ((0, "open"), (2, "open"), (1, "judging")):
        seat = await store.groups.join(replace(GROUP, id=f"grp_{index}"), [member(index)])
        assert seat == Seat("seated", "grp_0", index, None)
        found = await store.groups.get("grp_0")
        assert found is not None
        assert found.state == state
    assert [one.index for one in await store.groups.members("grp_0")] == [0, 1, 2]
    again = await store.groups.join(GROUP, [member(2)])
    assert (again.outcome, again.id) == ("earlier", "grp_0")
    every = [member(index) for index in range(3)]
    assert (await store.groups.join(GROUP, every)).outcome == "earlier"
    assert (await store.groups.join(GROUP, [member(2, "y")])).outcome == "taken"
    assert (await store.groups.join(replace(GROUP, agreed="[]"), [member(2)])).outcome == "disagrees"


async def test_a_post_of_which_some_are_seated_seats_nobody(store: Store) -> None:
    await store.groups.join(GROUP, [member(1)])
    seat = await store.groups.join(GROUP, [member(index) for index in range(3)])
    assert (seat.outcome, seat.id, seat.index) == ("partly", "grp_1", 1)
    assert [one.index for one in await store.groups.members("grp_1")] == [1]


async def test_a_tenant_that_shares_the_room_holds_as_many_groups_as_it_leaves(store: Store) -> None:
    async def opened(tenant: str, number: int) -> None:
        group = replace(
            GROUP, id=f"{tenant}{number}", tenant=tenant, group_id=str(number), max_open=5, is_shared=True
        )
        await store.groups.join(group, [member(0)])

    for number in range(3):
        await opened("ada", number)
    with pytest.raises(ShareTaken) as taken:
        await opened("ada", 3)
    await opened("bob", 0)
    with pytest.raises(ShareTaken):
        await opened("bob", 1)
    await opened("eve", 0)
    with pytest.raises(TooManyOpen) as full:
        await opened("zoe", 0)
    assert (taken.value.held, taken.value.open_count, taken.value.limit) == (3, 3, 5)
    assert not isinstance(full.value, ShareTaken)
    assert await store.groups.open_of("ada") == (3, 5)
    await store.groups.join(replace(GROUP, max_open=99), [member(0)])


async def test_members_that_wait_for_each_other_weigh_no_more_than_they_may(store: Store) -> None:
    group = replace(GROUP, is_joint=True, max_waiting_bytes=10)
    await store.groups.join(group, [member(0, candidate='"' + "x" * 20 + '"')])
    with pytest.raises(TooMuchWaits) as refused:
        await store.groups.join(group, [member(1, candidate="{}")])
    assert (refused.value.found_bytes, refused.value.limit) == (24, 10)
    await store.groups.join(replace(group, id="grp_2", group_id="h"), [member(0, candidate='"xx"')])
    await store.groups.join(replace(group, id="grp_3", group_id="h"), [member(1, candidate='"yyyy"')])
    assert len(await store.groups.candidates("grp_2")) == 2


async def test_a_key_that_came_for_a_seated_member_is_kept(store: Store) -> None:
    await store.groups.join(GROUP, [member(0, judgment_id="jdg_1")])
    seat = await store.groups.join(GROUP, [member(0)])
    for _ in range(2):
        await store.groups.note_key("ada", "k", "b", seat)
    assert await store.groups.earlier("ada", "k", "b") == Seat("earlier", "grp_1", 0, "jdg_1")
    assert await store.groups.earlier("bob", "k", "b") is None
    with pytest.raises(IdempotencyConflict):
        await store.groups.note_key("ada", "k", "c", seat)
    with pytest.raises(IdempotencyConflict):
        await store.groups.join(
            replace(GROUP, id="grp_2", group_id="h"), [member(0, idempotency_key="k", body_sha256="c")]
        )


async def test_an_end_tells_whether_anyone_waits_and_whether_a_group_does(store: Store) -> None:
    def told(others_wait: bool, is_in_group: bool) -> Finished:
        """PostgreSQL does not look, so that somebody has to."""
        return Finished(others_wait, is_in_group) if isinstance(store, SqliteStore) else Finished(True, True)

    leases = [await accepted(store, name) for name in ("alone", "member", "waited_for", "both", "last")]
    await store.groups.join(GROUP, [member(0, judgment_id="member"), member(1, judgment_id="both")])
    ends = [await store.finish(lease, "{}", elapsed_seconds=1.0) for lease in leases[:2]]
    await queued(store, "other")
    ends += [await store.finish(lease, "{}", elapsed_seconds=1.0) for lease in leases[2:4]]
    assert await claimed(store) == ["other"]
    ends.append(await store.finish(leases[4], "{}", elapsed_seconds=1.0))
    wanted = [(False, False), (False, True), (True, False), (True, True), (False, False)]
    assert ends == [told(*one) for one in wanted]
    assert await store.finish(leases[4], "{}", elapsed_seconds=1.0) is None


async def test_a_cohort_that_is_over_gives_its_name_no_turn_and_an_open_group_keeps_its(store: Store) -> None:
    for name in ("over", "open"):
        lease = await accepted(store, name, cohort=name)
        await store.finish(lease, "{}", elapsed_seconds=1.0)
    await store.groups.join(GROUP, [member(0, judgment_id="open")])
    await queued(store, "other")
    for name in ("over", "open"):
        await queued(store, f"{name}_2", cohort=name)
    await queued(store, "last")
    await queued(store, "over_3", cohort="over")
    assert await claimed(store) == ["open_2", "other", "over_2", "over_3", "last"]


async def test_tenants_and_attempts_are_groups_of_their_own(store: Store) -> None:
    ids = set()
    for number, (tenant, attempt) in enumerate([("ada", 0), ("bob", 0), ("ada", 1)]):
        group = replace(GROUP, id=f"grp_{number}", tenant=tenant, attempt=attempt)
        ids.add((await store.groups.join(group, [member(0)])).id)
    assert len(ids) == 3
    assert [one.attempt for one in await store.groups.find("ada", "g")] == [1, 0]
    assert await store.groups.get("grp_1", "ada") is None


async def test_thirty_two_joins_at_once_over_two_connections_make_one_group(place: Place) -> None:
    async with place.opened() as one, place.opened() as other:
        seats = await asyncio.gather(
            *(
                (one, other)[number % 2].groups.join(
                    replace(GROUP, id=f"grp_{number}", size=32), [member(number // 2)]
                )
                for number in range(64)
            )
        )
        assert len({seat.id for seat in seats}) == 1
        assert sum(seat.outcome == "seated" for seat in seats) == 32
        found = await other.groups.get(seats[0].id)
        assert found is not None
        assert (found.state, found.revision) == ("judging", 32)


async def test_a_group_settles_once_and_only_as_it_was_looked_at(store: Store) -> None:
    await store.groups.join(GROUP, [member(0)])
    found = await store.groups.get("grp_1")
    assert found is not None
    await store.groups.join(GROUP, [member(1)])
    assert not await store.groups.settle("grp_1", found.revision, "done", "stale")
    settled = [store.groups.settle("grp_1", found.revision + 1, "done", str(turn)) for turn in range(5)]
    assert sum(await asyncio.gather(*settled)) == 1
    late = await store.groups.join(GROUP, [member(2)])
    assert late.outcome == "late"
    assert await store.groups.settled(["grp_1", "grp_x"]) == ("grp_1",)
    assert [one.is_late for one in await store.groups.members("grp_1")] == [False, False, True]
    assert (await store.groups.unlogged(60.0), await store.groups.unlogged(-1.0)) == ((), ("grp_1",))
    assert [await store.groups.logged("grp_1") for _ in range(2)] == [True, False]
    assert await store.groups.unlogged(-1.0) == ()


async def test_a_cancelled_group_and_a_joint_one_that_has_begun_take_nobody(store: Store) -> None:
    for id, is_joint in (("grp_c", False), ("grp_j", True)):
        group = replace(GROUP, id=id, group_id=id, is_joint=is_joint)
        await store.groups.join(group, [member(0)])
        if is_joint:
            assert await store.groups.close(id, 1)
            assert not await store.groups.close(id, 1)
        else:
            assert await store.groups.settle(id, 1, "cancelled", "{}")
        assert (await store.groups.join(group, [member(1)])).outcome == "closed"


async def test_what_there_is_to_do_is_found(store: Store) -> None:
    lease = await accepted(store, "jdg_1")
    await store.groups.join(replace(GROUP, size=2), [member(0, judgment_id="jdg_1")])
    assert await store.groups.due(9) == ()
    joint = replace(GROUP, id="grp_2", group_id="h", is_joint=True, size=1)
    await store.groups.join(joint, [member(0, candidate="{}")])
    assert await store.groups.due(9) == ("grp_2",)
    assert await store.groups.candidates("grp_2") == ((0, "{}"),)
    await store.accept(new("jdg_2", worker="w", lease_seconds=60.0))
    await store.groups.begun("grp_2", "jdg_2")
    assert await store.groups.due(9) == ()
    assert await store.groups.of_judgments(["jdg_2", "jdg_x"]) == ("grp_2",)
    await store.finish(lease, "{}", elapsed_seconds=1.0)
    assert await store.groups.due(9) == ()  # its second member is missing
    await store.groups.join(replace(GROUP, size=2), [member(1, judgment_id="jdg_1")])
    assert await store.groups.due(9) == ("grp_1",)


async def test_groups_that_find_no_room_to_begin_hold_up_nobody_else(store: Store) -> None:
    for at, tenant in enumerate(("ada", "ada", "ada", "bob")):
        group = replace(GROUP, id=f"stuck_{at}", group_id=str(at), tenant=tenant, is_joint=True, size=1)
        await store.groups.join(group, [member(0, candidate="{}")])
    lease = await accepted(store, "jdg_1")
    await store.groups.join(replace(GROUP, id="ready", size=1), [member(0, judgment_id="jdg_1")])
    await store.finish(lease, "{}", elapsed_seconds=1.0)
    assert await store.groups.due(1) == ("ready", "stuck_0")
    assert await store.groups.due(2) == ("ready", "stuck_0", "stuck_3")


async def test_a_deadline_comes_by_the_stores_clock_which_stands_still_without_a_service(
    store: Store,
) -> None:
    await store.groups.join(replace(GROUP, deadline_seconds=1.6), [member(0)])
    for _ in range(17):
        await asyncio.sleep(0.1)
    await store.groups.restart_clock()
    assert await store.groups.due(9) == ()
    looks = 0
    while looks < 50 and await store.groups.due(9) != ("grp_1",):
        looks += 1
        await asyncio.sleep(0.1)
    found = await store.groups.get("grp_1")
    assert found is not None
    assert (found.is_due, found.is_over) == (True, False)
    assert found.seconds >= 1.6


async def test_a_key_is_used_once_and_room_is_bounded(store: Store) -> None:
    keyed = member(0, idempotency_key="k", body_sha256="b")
    await store.groups.join(GROUP, [keyed])
    assert (await store.groups.join(replace(GROUP, group_id="other"), [keyed])).id == "grp_1"
    assert await store.groups.earlier("ada", "k", "b") == Seat("earlier", "grp_1", 0, None)
    assert await store.groups.earlier("bob", "k", "b") is None
    with pytest.raises(IdempotencyConflict):
        await store.groups.earlier("ada", "k", "c")
    with pytest.raises(IdempotencyConflict):
        await store.groups.join(GROUP, [replace(keyed, index=1, body_sha256="c")])
    with pytest.raises(TooManyOpen):
        await store.groups.join(replace(GROUP, id="grp_2", group_id="h", max_open=1), [member(0)])
    assert await store.groups.open_counts() == {"open": 1}
