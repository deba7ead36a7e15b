"""What every store promises: kept on return, ended once, results that stay, pages that fit."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from judge_agent.errors import StoreError
from judge_agent.seams.storage import AuditEvent, JournalEntry
from judge_agent.store import ApiKey, IdempotencyConflict, Lease, LogHead, Store
from tests.store.stores import Place, accepted, entry, new

pytestmark = pytest.mark.anyio


async def test_a_judgment_ends_once_however_many_try(store: Store) -> None:
    lease = await accepted(store, "j1")
    finished = await asyncio.gather(
        *(store.finish(lease, f'{{"by": {index}}}', elapsed_seconds=1.0) for index in range(20))
    )
    ends = [one is not None for one in finished]
    assert sum(ends) == 1
    row = await store.get("j1")
    assert row is not None
    assert row.judgment == f'{{"by": {ends.index(True)}}}'
    assert not await store.claim("w2", 1, lease_seconds=60)
    assert not await store.finish(lease, "{}", elapsed_seconds=1.0, state="cancelled")


async def test_one_idempotency_key_makes_one_row_among_concurrent_ones(store: Store) -> None:
    found = await asyncio.gather(
        *(store.accept(new(f"j{index}", idempotency_key="k", body_sha256="b")) for index in range(50))
    )
    assert sum(one.created for one in found) == 1
    assert len({one.row.id for one in found}) == 1
    with pytest.raises(IdempotencyConflict) as caught:
        await store.accept(new("other", idempotency_key="k", body_sha256="c"))
    assert caught.value.judgment_id == found[0].row.id
    bob = await store.accept(new("bobs", tenant="bob", idempotency_key="k", body_sha256="c"))
    assert bob.created


async def test_a_failed_write_undoes_itself_and_not_its_neighbours(store: Store) -> None:
    results = await asyncio.gather(
        *(store.accept(new(f"j{index % 5}")) for index in range(10)), return_exceptions=True
    )
    assert sum(isinstance(result, StoreError) for result in results) == 5
    assert len((await store.list("ada")).rows) == 5


async def test_what_a_cancelled_caller_wrote_is_kept(place: Place) -> None:
    async with place.opened() as store:
        writing = asyncio.create_task(store.accept(new("j1")))
        await asyncio.sleep(0)
        writing.cancel()
        # What is kept at once has been: there was no wait in which to be cancelled.
        with contextlib.suppress(asyncio.CancelledError):
            await writing
    async with place.opened() as store:
        assert await store.get("j1") is not None


async def test_the_first_journalled_result_of_a_call_stays(store: Store) -> None:
    await store.journal.append("j1", entry("a"))
    await store.journal.append("j1", JournalEntry("a", "critique", "model", {"answer": "later"}, 9.0))
    assert (await store.journal.load("j1"))["a"] == entry("a")
    assert await store.journal.load("j2") == {}


async def test_odd_values_come_back_from_the_journal_as_they_went_in(store: Store) -> None:
    result = {"logprob": float("-inf"), "half": "\ud800", "nul": "\0", "deep": [{"a": [1, 2.5, None, True]}]}
    await store.journal.append("j1", JournalEntry("a", "n", "tool", result, 0.0))
    assert (await store.journal.load("j1"))["a"].result == result


async def test_a_result_that_is_no_json_is_a_store_error(store: Store) -> None:
    with pytest.raises(StoreError, match="journal entry 'a'"):
        await store.journal.append("j1", JournalEntry("a", "n", "tool", {"x": object()}, 0.0))


async def test_five_hundred_appends_at_once_are_all_kept(store: Store) -> None:
    async with asyncio.TaskGroup() as tasks:
        for index in range(500):
            tasks.create_task(store.journal.append("j1", entry(f"k{index}")))
    assert len(await store.journal.load("j1")) == 500


async def test_shared_results_keep_the_first_and_belong_to_a_tenant(store: Store) -> None:
    kept = await asyncio.gather(*(store.shared.put("ada", "k", {"by": index}) for index in range(10)))
    assert len({str(value) for value in kept}) == 1
    assert await store.shared.get("ada", "k") == kept[0]
    assert await store.shared.get("bob", "k") is None


async def test_what_is_open_comes_back_oldest_first_with_the_later_of_its_clocks(store: Store) -> None:
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


async def test_the_head_of_a_segment_only_moves_on(store: Store) -> None:
    assert await store.last_segment("w1") is None
    assert await store.set_head("w1", "s1", 3, "aaa")
    assert not await store.set_head("w1", "s1", 2, "bbb")
    assert not await store.set_head("w1", "s1", 3, "bbb")
    assert await store.set_head("w1", "s1", 3, "aaa"), "an anchor whose answer was lost is set again"
    assert await store.set_head("w1", "s2", 1, "ccc")
    assert await store.heads() == (LogHead("w1", "s1", 3, "aaa"), LogHead("w1", "s2", 1, "ccc"))
    assert await store.set_head("w2", "1000000", 1, "ddd")
    assert await store.set_head("w2", "999999", 1, "eee")
    assert (await store.last_segment("w1"), await store.last_segment("w2")) == ("s2", "1000000")


async def test_pages_end_early_when_records_are_large(store: Store) -> None:
    for index in range(3):
        lease = await accepted(store, f"j{index}")
        await store.finish(lease, '"' + "x" * 9_000_000 + '"', elapsed_seconds=1.0)
    first = await store.list("ada", limit=3)
    rest = await store.list("ada", limit=3, cursor=first.next_cursor)
    assert [row.id for row in first.rows + rest.rows][:2] == ["j2", "j1"]
    assert first.next_cursor is not None


async def test_rows_outlive_the_process_that_wrote_them(place: Place) -> None:
    async with place.opened() as store:
        await store.accept(new("j1"))
    async with place.opened() as store:
        assert await store.request("j1") == "{}"


async def test_pages_go_on_where_the_last_one_ended(store: Store) -> None:
    for index in range(5):
        await store.accept(new(f"j{index}", tenant="ada" if index != 2 else "bob"))
    lease = await accepted(store, "j5")
    await store.finish(lease, "{}", elapsed_seconds=1.0)
    found, cursor = list[str](), None
    while True:
        page = await store.list("ada", states=("queued", "done"), limit=2, cursor=cursor)
        found += [row.id for row in page.rows]
        if (cursor := page.next_cursor) is None:
            break
    assert found == ["j5", "j4", "j3", "j1", "j0"]
    assert [row.id for row in (await store.list("ada", states=("done",))).rows] == ["j5"]
    assert (await store.list("eve")).rows == ()


async def test_another_tenant_does_not_see_a_judgment(store: Store) -> None:
    await store.accept(new("j1"))
    assert await store.get("j1", "bob") is None
    assert await store.get("j2") is None
    with pytest.raises(StoreError, match="no judgment 'j2'"):
        await store.request("j2")


async def test_a_key_is_revoked_once_and_has_one_row(store: Store) -> None:
    key = ApiKey("key1", "ada", "hash", "jk_abc", 1.0, scope="judge")
    await store.add_key(key)
    with pytest.raises(StoreError):
        await store.add_key(key)
    assert await store.keys() == (key,)
    assert await store.revoke_key("key1", 2.0)
    assert not await store.revoke_key("key1", 3.0)
    assert (await store.keys())[0].revoked == 2.0


async def test_what_happened_is_told_in_order_and_from_where_the_reader_was(store: Store) -> None:
    await store.tell(
        [
            AuditEvent("judgment.accepted", "j1", "ada", fields={"half": "\ud800", "nul": "\0"}),
            AuditEvent("model.call", "j2", "ada"),
            AuditEvent("model.call", "j1", "ada", node="critique"),
        ]
    )
    await store.tell([AuditEvent("judgment.done", "j1", "ada")])
    first, second, third = await store.happenings("j1")
    assert [one.type for one in (first, second, third)] == [
        "judgment.accepted",
        "model.call",
        "judgment.done",
    ]
    assert await store.happenings("j1", after=first.number, limit=1) == (second,)
    assert await store.happenings("j1", after=third.number) == ()


async def test_text_that_no_encoding_holds_is_kept_in_escapes(store: Store) -> None:
    odd = '{"nul": "\\u0000", "half": "\\ud800", "escape": "\\u001a0000"}'
    lease = await accepted(store, "j1", request=odd, metadata=odd)
    assert await store.finish(lease, odd, elapsed_seconds=1.0)
    row = await store.get("j1")
    assert row is not None
    assert (await store.request("j1"), row.metadata, row.judgment) == (odd, odd, odd)


async def test_a_shared_result_can_be_replaced(store: Store) -> None:
    await store.shared.put("ada", "k", {"by": 1})
    assert await store.shared.put("ada", "k", {"by": 2}, replace=True) == {"by": 2}
    assert await store.shared.get("ada", "k") == {"by": 2}
