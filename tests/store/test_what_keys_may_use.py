"""Limits of keys, as both stores count them: with the acceptance, exactly, over restarts and clocks that jump."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from judge_agent.store import Accepted, KeyLimits, NewJudgment, QuotaExceeded, Store
from judge_agent.store.quotas import Charge, Usage
from tests.postgres_server import PostgresServer
from tests.store.stores import Place, accepted, claimed, new, queued

pytestmark = pytest.mark.anyio
OPEN_3 = KeyLimits(max_open=3)
SIXTY = KeyLimits(requests_per_minute=60)
TOKENS = KeyLimits(tokens_per_minute=600)
DAILY = KeyLimits(tokens_per_day=1000)


def by(key_id: str, id: str, limits: KeyLimits, **changes: object) -> NewJudgment:
    return new(id, key_id=key_id, limits=limits, **changes)


async def refusal(store: Store, wanted: NewJudgment) -> QuotaExceeded:
    with pytest.raises(QuotaExceeded) as caught:
        await store.accept(wanted)
    assert await store.get(wanted.id) is None
    return caught.value


async def cost(store: Store, id: str, tokens: int, limits: KeyLimits, *, key_id: str = "k") -> None:
    """Have a judgment accepted and ended that cost so many tokens."""
    lease = await accepted(store, id, key_id=key_id, limits=limits)
    assert await store.finish(lease, "{}", elapsed_seconds=1.0, tokens=tokens)


async def test_a_key_has_no_more_open_than_it_may_and_others_are_not_touched(store: Store) -> None:
    lease = await accepted(store, "j0", key_id="k", limits=OPEN_3)
    await queued(store, "j1", "j2", key_id="k", limits=OPEN_3)
    full = (await refusal(store, by("k", "j3", OPEN_3))).standing
    assert (full.quota, full.limit, full.used, full.retry_seconds) == ("max_open", 3, 3, None)
    await queued(store, "other", key_id="other", limits=OPEN_3)
    await queued(store, "free", key_id="k2")
    await store.finish(lease, "{}", elapsed_seconds=1.0)
    await queued(store, "j3", key_id="k", limits=OPEN_3)


async def test_of_fifty_at_one_time_as_many_are_kept_as_the_key_may_have(store: Store) -> None:
    limits = KeyLimits(max_open=10, requests_per_minute=20)
    found = await asyncio.gather(
        *(store.accept(by("k", f"j{index}", limits)) for index in range(50)), return_exceptions=True
    )
    assert sum(isinstance(one, Accepted) for one in found) == 10
    assert all(one.standing.quota == "max_open" for one in found if isinstance(one, QuotaExceeded))
    [_, requests] = await store.quotas.standings("k", limits)
    assert 7 < requests.used <= 10  # what was refused is not counted


async def test_two_processes_together_accept_no_more_than_one_would(place: Place) -> None:
    limits = KeyLimits(requests_per_minute=12)
    async with place.opened() as one, place.opened() as two:
        found = await asyncio.gather(
            *((one, two)[index % 2].accept(by("k", f"j{index}", limits)) for index in range(40)),
            return_exceptions=True,
        )
    kept = sum(isinstance(one, Accepted) for one in found)
    assert 12 <= kept <= 13  # one more runs off in five seconds


async def test_a_burst_is_taken_and_then_one_comes_when_the_refusal_said(store: Store) -> None:
    for index in range(60):
        await queued(store, f"j{index}", key_id="k", limits=SIXTY)
    while True:
        try:
            await store.accept(by("k", f"more{index}", SIXTY))
            index += 1
        except QuotaExceeded as error:
            full = error.standing
            break
    assert (full.quota, full.limit) == ("requests_per_minute", 60)
    assert 59 < full.used <= 61
    assert full.retry_seconds is not None
    assert 0 < full.retry_seconds <= 1


async def test_who_posts_the_same_again_is_not_counted_again(store: Store) -> None:
    one = KeyLimits(max_open=1, requests_per_minute=1)
    await store.accept(by("k", "j1", one, idempotency_key="i"))
    again = await store.accept(by("k", "j2", one, idempotency_key="i"))
    assert (again.row.id, again.created) == ("j1", False)


async def test_tokens_are_charged_at_the_end_and_run_off(store: Store) -> None:
    await cost(store, "j1", 599, TOKENS)
    await cost(store, "j2", 901, TOKENS)  # the bucket had room for one token, and is in debt now
    full = (await refusal(store, by("k", "j3", TOKENS))).standing
    assert (full.quota, full.limit) == ("tokens_per_minute", 600)
    assert 1490 < full.used <= 1500
    assert full.retry_seconds is not None
    assert 88 < full.retry_seconds <= 90.1
    await queued(store, "other", key_id="other", limits=TOKENS)


async def test_an_end_that_is_told_twice_or_by_a_former_worker_costs_once(store: Store) -> None:
    lease = await accepted(store, "j1", key_id="k", limits=DAILY)
    assert await store.finish(lease, "{}", elapsed_seconds=1.0, tokens=400)
    await store.finish(lease, "{}", elapsed_seconds=1.0, tokens=400)
    await store.finish(lease._replace(token=9), "{}", elapsed_seconds=1.0, tokens=400)
    [day] = await store.quotas.standings("k", DAILY)
    assert (day.quota, day.used, day.remaining) == ("tokens_per_day", 400, 600)


async def test_a_day_is_over_at_midnight_of_utc(store: Store) -> None:
    await cost(store, "j1", 999, DAILY)
    await cost(store, "j2", 7, DAILY)
    full = (await refusal(store, by("k", "j3", DAILY))).standing
    assert (full.quota, full.used) == ("tokens_per_day", 1006)
    assert full.retry_seconds is not None
    assert 0 < full.retry_seconds <= 86_400


async def test_counts_outlive_the_process(place: Place) -> None:
    limits = KeyLimits(max_open=9, requests_per_minute=3, tokens_per_day=50)
    async with place.opened() as store:
        await cost(store, "j1", 20, limits)
        await queued(store, "j2", key_id="k", limits=limits)
    async with place.opened() as store:
        opened, requests, tokens = await store.quotas.standings("k", limits)
        assert (opened.used, tokens.used) == (1, 20)
        assert 1.5 < requests.used <= 2
        await cost(store, "j3", 30, limits)
        assert (await refusal(store, by("k", "j4", limits))).standing.quota == "tokens_per_day"


async def test_limits_of_a_key_are_kept_and_changed_while_counts_go_on(store: Store) -> None:
    await store.quotas.set_limits("k", KeyLimits(max_open=2))
    await store.quotas.set_limits("k", KeyLimits(None, 5, 0))
    assert await store.quotas.limits() == {"k": KeyLimits(None, 5, 0, None)}
    for index in range(3):
        await queued(store, f"j{index}", key_id="k", limits=KeyLimits(requests_per_minute=5))
    assert (await refusal(store, by("k", "j9", KeyLimits(requests_per_minute=2)))).standing.used > 2
    await queued(store, "j3", key_id="k", limits=KeyLimits(requests_per_minute=50))
    await queued(store, "j4", key_id="k", limits=KeyLimits())


def test_own_limits_go_before_defaults_and_nought_is_none() -> None:
    defaults = KeyLimits(10, 20, 30, 40)
    assert KeyLimits(1, None, 0, None).within(defaults) == KeyLimits(1, 20, None, 40)
    assert not KeyLimits(0, 0, 0, 0).within(defaults).is_limited


async def test_those_that_belong_together_are_accepted_whole_or_not_at_all(store: Store) -> None:
    limits = KeyLimits(max_open=4, requests_per_minute=6)
    await queued(store, "alone", key_id="k", limits=limits)
    assert (await refusal(store, by("k", "m0", limits, count=4))).standing.quota == "max_open"
    await queued(store, "m0", key_id="k", limits=limits, count=3)
    await queued(store, "m1", "m2", key_id="k", limits=limits, count=0)
    opened, requests = await store.quotas.standings("k", limits)
    assert (opened.used, opened.remaining) == (4, 0)
    assert 3.5 < requests.used <= 4
    assert (await refusal(store, by("k", "one", limits))).standing.quota == "max_open"


async def test_more_than_may_be_open_are_taken_where_nothing_is(store: Store) -> None:
    limits = KeyLimits(max_open=2)
    lease = await accepted(store, "alone", key_id="k", limits=limits)
    assert (await refusal(store, by("k", "m0", limits, count=5))).standing.quota == "max_open"
    await store.finish(lease, "{}", elapsed_seconds=1.0)
    await queued(store, "m0", key_id="k", limits=limits, count=5)
    assert (await refusal(store, by("k", "m1", limits, count=5))).standing.used == 1


async def test_more_than_a_bucket_holds_are_taken_by_an_empty_one(store: Store) -> None:
    limits = KeyLimits(requests_per_minute=4)
    await queued(store, "m0", key_id="k", limits=limits, count=8)
    full = (await refusal(store, by("k", "one", limits))).standing
    assert 7.9 < full.used <= 8
    assert full.retry_seconds is not None
    assert 70 < full.retry_seconds <= 75


async def test_other_requests_are_counted_with_judgments(store: Store) -> None:
    limits = KeyLimits(max_open=1, requests_per_minute=2, tokens_per_day=1)
    await queued(store, "j", key_id="k", limits=limits)
    await store.quotas.take_request("k", limits)
    with pytest.raises(QuotaExceeded) as caught:
        await store.quotas.take_request("k", limits)
    assert caught.value.standing.quota == "requests_per_minute"
    await store.quotas.take_request("other", KeyLimits(max_open=1))


async def test_what_runs_off_goes_on_from_where_a_clock_was_set_back_to(
    place: Place, request: pytest.FixtureRequest
) -> None:
    limits = KeyLimits(requests_per_minute=600)
    async with place.opened() as store:
        await queued(store, "j", key_id="k", limits=limits, count=600)
        change = "UPDATE key_usage SET requests_at = requests_at + 3600"
        if place.url is None:
            with sqlite3.connect(place.path) as connection:
                connection.execute(change)
            connection.close()
        else:
            server: PostgresServer = request.getfixturevalue("postgres")
            server.execute(change, place.url)
        await refusal(store, by("k", "more", limits))
        for _ in range(50):
            try:
                await store.accept(by("k", "more", limits))
                return
            except QuotaExceeded:
                await asyncio.sleep(0.1)
        pytest.fail("nothing has run off")


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_that_jumps_locks_nobody_out_and_gives_no_more_than_a_bucket(
    place: Place, hours: int, request: pytest.FixtureRequest
) -> None:
    limits = KeyLimits(requests_per_minute=5, tokens_per_minute=100)
    async with place.opened() as store:
        for index in range(5):
            await queued(store, f"j{index}", key_id="k", limits=limits)
        # What was written an hour from now, or before, is what a clock that was set leaves behind.
        change = f"UPDATE key_usage SET requests_at = requests_at - {hours * 3600}"
        if place.url is None:
            with sqlite3.connect(place.path) as connection:
                connection.execute(change)
            connection.close()
        else:
            server: PostgresServer = request.getfixturevalue("postgres")
            server.execute(change, place.url)
        found = await asyncio.gather(
            *(store.accept(by("k", f"more{index}", limits)) for index in range(10)), return_exceptions=True
        )
        refused = [one.standing.retry_seconds for one in found if isinstance(one, QuotaExceeded)]
        assert all(seconds is not None and seconds <= 12 for seconds in refused)
        assert len(refused) == (5 if hours == 1 else 10)


@pytest.mark.parametrize(
    "ahead",
    ["UPDATE key_usage SET day = day + 365", "UPDATE token_charges SET at = at + 365 * 86400.0"],
    ids=["as it was accepted", "as it ended"],
)
async def test_a_clock_that_was_ahead_once_closes_a_key_until_midnight_at_most(
    place: Place, ahead: str, request: pytest.FixtureRequest
) -> None:
    async with place.opened() as store:
        await cost(store, "j1", 600, DAILY)
        await cost(store, "j2", 1000, DAILY)
        if place.url is None:
            with sqlite3.connect(place.path) as connection:
                connection.execute(ahead)
            connection.close()
        else:
            server: PostgresServer = request.getfixturevalue("postgres")
            server.execute(ahead, place.url)
        for attempt in ("j3", "j4"):
            full = (await refusal(store, by("k", attempt, DAILY))).standing
            assert full.quota == "tokens_per_day"
            assert full.retry_seconds is not None
            assert 0 < full.retry_seconds <= 86_400
        [day] = await store.quotas.standings("k", DAILY)
        assert day.reset_seconds is not None
        assert day.reset_seconds <= 86_400


def test_what_was_used_in_a_day_ahead_counts_today_and_is_over_tomorrow() -> None:
    noon = 20_000.5 * 86_400
    ahead = Usage().at(noon, DAILY, [Charge(300, noon), Charge(700, noon + 400 * 86_400)])
    assert (ahead.day, ahead.day_tokens) == (20_000, 700)
    assert Usage(day=20_365, day_tokens=1000).at(noon, DAILY) == ahead._replace(day_tokens=1000)
    assert ahead.at(noon + 86_400, DAILY)[-2:] == (20_001, 0)


async def test_keys_of_one_tenant_share_its_part(store: Store) -> None:
    for index in range(6):
        await queued(store, f"a{index}", tenant="ada", key_id="loud")
    await queued(store, "quiet", tenant="ada", key_id="quiet")
    for index in range(6):
        await queued(store, f"b{index}", tenant="bob", key_id="bob")
    assert sorted(await claimed(store, 4)) == ["a0", "b0", "b1", "quiet"]
    assert sorted(await claimed(store, 2)) == ["a1", "b2"]


async def test_a_thousand_of_one_key_delay_anothers_first_by_what_is_running_only(store: Store) -> None:
    await asyncio.gather(*(store.accept(new(f"m{index}", key_id="loud")) for index in range(1000)))
    assert len(await claimed(store, 4)) == 4
    await queued(store, "late", key_id="late")
    assert await claimed(store, 1) == ["late"]


async def test_a_cohort_of_a_key_comes_whole(store: Store) -> None:
    await queued(store, "a1", key_id="k", cohort="a")
    await queued(store, "b1", key_id="k", cohort="b")
    await queued(store, "a2", key_id="k", cohort="a")
    assert await claimed(store, 2) == ["a1", "a2"]
