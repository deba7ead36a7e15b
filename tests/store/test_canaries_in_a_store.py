"""How canaries came out is kept for all workers, and one of them judges each at a time."""

from __future__ import annotations

import pytest

from judge_agent.store import CanaryRow, Store
from tests.store.stores import Place

pytestmark = pytest.mark.anyio


async def settled(store: Store, state: str, at: float) -> CanaryRow:
    assert await store.canaries.take("verify", "empty", now=at, until=at + 10)
    await store.canaries.settle("verify", "empty", state, at=at, judgment_id=f"jdg_{at:g}", detail="0.5")  # type: ignore[arg-type]
    return (await store.canaries.all())[0]


async def test_one_worker_at_a_time_has_a_canary(place: Place, store: Store) -> None:
    async with place.opened() as other:
        assert await store.canaries.take("verify", "empty", now=1.0, until=11.0)
        assert not await other.canaries.take("verify", "empty", now=2.0, until=12.0)
        assert await other.canaries.take("verify", "master_key", now=2.0, until=12.0)
        assert await other.canaries.take("verify", "empty", now=11.0, until=21.0)
        assert await other.canaries.all() == ()
        await other.canaries.give_back("verify", "empty")
        assert await store.canaries.take("verify", "empty", now=12.0, until=22.0)


async def test_a_state_holds_from_its_first_round_and_unknown_ones_leave_it(store: Store) -> None:
    assert await settled(store, "unknown", 1.0) == CanaryRow(
        "verify", "empty", "unknown", 1.0, 1.0, 1.0, "jdg_1", "0.5"
    )
    failed = await settled(store, "failed", 2.0)
    assert (failed.state, failed.since, failed.unknown_since) == ("failed", 2.0, None)
    again = await settled(store, "failed", 3.0)
    assert (again.state, again.since, again.at) == ("failed", 2.0, 3.0)
    for at in (4.0, 5.0):
        unknown = await settled(store, "unknown", at)
        assert (unknown.state, unknown.since, unknown.unknown_since) == ("failed", 2.0, 4.0)
    passed = await settled(store, "passed", 6.0)
    assert (passed.state, passed.since, passed.unknown_since) == ("passed", 6.0, None)


async def test_what_one_worker_settles_another_reads(place: Place, store: Store) -> None:
    kept = await settled(store, "passed", 1.0)
    async with place.opened() as other:
        assert await other.canaries.all() == (kept,)
