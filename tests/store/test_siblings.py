"""What came of the rollouts of one prompt, in both stores: every worker reads the same."""

from __future__ import annotations

import asyncio

import pytest

from judge_agent.store import Store
from judge_agent.store.siblings import KEPT_SECONDS, Group, SiblingEnd
from tests.store.stores import Place, accepted, queued

pytestmark = pytest.mark.anyio


def scored(id: str, reward: float = 0.5, **changes: object) -> SiblingEnd:
    return SiblingEnd(id, reward, reward, {"correctness": reward}, "v1", **changes)  # type: ignore[arg-type]


async def group(store: Store, *, but: str = "-", since: float = 0.0, limit: int = 64) -> Group:
    return await store.siblings.group("ada", "p", but=but, since=since, limit=limit)


async def rewards(store: Store, **given: object) -> list[float | None]:
    return [end.reward for end in (await group(store, **given)).scored]  # type: ignore[arg-type]


async def test_another_worker_reads_what_one_has_seen(place: Place, store: Store) -> None:
    await store.siblings.begin("ada", "p", "j1", 1.0)
    await store.siblings.end("ada", "p", scored("j1", 0.25), 2.0)
    await store.siblings.end("ada", "p", scored("j2", 0.75), 3.0)
    async with place.opened() as other:
        assert (await group(other)).scored == (scored("j2", 0.75), scored("j1", 0.25))
        assert await rewards(other, but="j2") == [0.25]
        assert await rewards(other, limit=1) == [0.75]
        assert await rewards(other, since=2.5) == [0.75]


async def test_groups_and_tenants_are_kept_apart(store: Store) -> None:
    await store.siblings.end("ada", "q", scored("j1"), 1.0)
    await store.siblings.end("bob", "p", scored("j2"), 1.0)
    assert await group(store) == Group((), (), False)
    assert (await store.siblings.failures("ada", since=0, limit=9)).ended == 1


async def test_a_score_takes_the_place_of_a_failure_and_never_the_other_way_round(store: Store) -> None:
    await store.siblings.end("ada", "p", SiblingEnd("j1"), 1.0)
    assert await rewards(store) == []
    assert await store.siblings.failures("ada", since=0, limit=9) == (1, 1)
    await store.siblings.end("ada", "p", scored("j1"), 2.0)
    await store.siblings.end("ada", "p", SiblingEnd("j1"), 3.0)
    await store.siblings.end("ada", "p", scored("j1", 0.9), 4.0)
    await store.siblings.begin("ada", "p", "j1", 5.0)
    assert await rewards(store) == [0.5]
    assert await store.siblings.failures("ada", since=0, limit=9) == (0, 1)


async def test_a_group_is_open_while_a_judgment_of_it_is_and_its_end_is_found_though_nobody_told(
    store: Store,
) -> None:
    lease = await accepted(store, "j1")
    await queued(store, "j2")
    for id in ("j1", "j2", "none"):
        await store.siblings.begin("ada", "p", id, 1.0)
    assert await group(store, but="j2") == Group((), (), True)
    await store.finish(lease, '{"id": "j1"}', elapsed_seconds=1.0)
    assert await group(store, but="j2") == Group((), ("j1",), False)
    assert (await group(store)).is_open
    await store.siblings.end("ada", "p", scored("j1"), 2.0)
    assert await group(store, but="j2") == Group((scored("j1"),), (), False)


async def test_a_wait_that_was_given_up_is_a_failure_until_the_judgment_has_ended(store: Store) -> None:
    lease = await accepted(store, "j1")
    await store.siblings.end("ada", "p", SiblingEnd("j1"), 1.0)
    assert await group(store) == Group((), (), True)
    assert await store.siblings.failures("ada", since=0, limit=9) == (1, 1)
    await store.finish(lease, '{"id": "j1"}', elapsed_seconds=1.0)
    assert await group(store) == Group((), ("j1",), False)
    assert await store.siblings.failures("ada", since=0, limit=9) == (0, 0)
    await store.siblings.end("ada", "p", SiblingEnd("j1", way="v1"), 2.0)
    assert await group(store) == Group((), (), False)
    assert await store.siblings.failures("ada", since=0, limit=9) == (1, 1)
    await store.siblings.end("ada", "p", SiblingEnd("j1"), 3.0)
    assert await group(store) == Group((), (), False)


async def test_the_last_ends_are_counted_and_open_ones_are_not(store: Store) -> None:
    for at in range(6):
        end = scored(f"j{at}") if at < 4 else SiblingEnd(f"j{at}")
        await store.siblings.end("ada", f"p{at % 2}", end, float(at))
    await store.siblings.begin("ada", "p", "open", 6.0)
    assert await store.siblings.failures("ada", since=0, limit=99) == (2, 6)
    assert await store.siblings.failures("ada", since=0, limit=4) == (2, 4)
    assert await store.siblings.failures("ada", since=5.0, limit=4) == (1, 1)
    assert await store.siblings.failures("bob", since=0, limit=4) == (0, 0)


async def test_what_is_old_is_forgotten_also_by_many_at_one_time(store: Store) -> None:
    for at in range(20):
        await store.siblings.end("ada", "p", scored(f"j{at}"), float(at))
    late = KEPT_SECONDS + 10.0
    await asyncio.gather(*(store.siblings.begin("ada", "q", f"new{at}", late) for at in range(20)))
    assert len(await rewards(store)) == 10


async def test_any_text_and_number_comes_back_as_it_was(store: Store) -> None:
    end = SiblingEnd("j\x00\u00e4", -1.5e300, 1 / 3, {"r\u00e9'\"\x00": 0.1}, "w")
    await store.siblings.end("ada", "p", end, 1.0)
    assert (await group(store)).scored == (end,)
