"""Opening PostgreSQL: tables made once, versions and encodings checked, clear errors without passwords; and news."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from api.settings import Settings, from_environment
from judge_agent.errors import InvalidRequest, StoreError
from judge_agent.store import Store
from judge_agent.store.opening import opened_store
from judge_agent.store.postgres import PostgresStore
from judge_agent.store.sqlite import SqliteStore
from tests.postgres_server import PostgresServer
from tests.store.stores import accepted, claimed, entry, new, queued

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]


async def test_services_that_start_together_make_the_tables_once(database_url: str) -> None:
    async def started(index: int) -> None:
        async with PostgresStore.opened(database_url) as store:
            await store.accept(new(f"j{index}"))

    async with asyncio.TaskGroup() as tasks:
        for index in range(8):
            tasks.create_task(started(index))
    async with PostgresStore.opened(database_url) as store:
        assert await store.open_count() == (8, 0)


async def test_a_newer_schema_is_refused_and_left_alone(postgres: PostgresServer, database_url: str) -> None:
    async with PostgresStore.opened(database_url) as store:
        await store.accept(new("j1"))
    postgres.execute("UPDATE judge_agent_schema SET version = 99", database_url)
    with pytest.raises(StoreError, match=r"schema version 99.*upgrade judge-agent"):
        async with PostgresStore.opened(database_url):
            pass


async def test_a_database_that_cannot_hold_every_text_is_refused(postgres: PostgresServer) -> None:
    url = postgres.new_database("ENCODING 'LATIN1' TEMPLATE template0")
    with pytest.raises(StoreError, match="LATIN1; create it with ENCODING 'UTF8'"):
        async with PostgresStore.opened(url):
            pass


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ada:s3cret-w0rd@/missing?host={host}",
        "postgresql://ada:s3cret-w0rd@127.0.0.1:1/judge",
        "postgresql://ada:s3cret-w0rd:more@[::/judge",
        "postgresql://ada:s3cret-w0rd@host:s3cret-w0rd/judge",
    ],
)
async def test_no_error_shows_the_password(postgres: PostgresServer, database_url: str, url: str) -> None:
    host = database_url.partition("host=")[2]
    with pytest.raises(StoreError) as caught:
        async with PostgresStore.opened(url.format(host=host), retry_seconds=0.1):
            pass
    shown, error = list[str](), caught.value
    while error is not None:
        shown.append(repr(error))
        error = None if error.__suppress_context__ else error.__cause__ or error.__context__  # type: ignore[assignment]
    assert "s3cret" not in " ".join(shown)


def test_the_url_of_the_settings_is_checked_and_not_shown() -> None:
    url = "postgresql://ada:s3cret-w0rd@db:5432/judge"
    settings = from_environment({"JUDGE_DATABASE_URL": url})
    assert settings.database == url
    assert "s3cret" not in repr(settings) + settings.model_dump_json()
    with pytest.raises(InvalidRequest, match="JUDGE_DATABASE_URL") as caught:
        from_environment({"JUDGE_DATABASE_URL": "mysql://ada:s3cret-w0rd@db/judge"})
    assert "s3cret" not in str(caught.value)


async def test_the_settings_choose_the_store(database_url: str, tmp_path: Path) -> None:
    for settings, kind in (
        (Settings(data_dir=tmp_path), SqliteStore),
        (from_environment({"JUDGE_DATABASE_URL": database_url}), PostgresStore),
    ):
        async with opened_store(tmp_path / "judge.db", settings.database) as store:
            assert isinstance(store, kind)


async def test_others_hear_at_once_of_what_is_queued_ended_or_called_off(database_url: str) -> None:
    async with PostgresStore.opened(database_url) as one, PostgresStore.opened(database_url) as other:
        lease = await accepted(one, "j1")
        await _quiet(other)
        for change in (
            lambda: queued(one, "j2"),
            lambda: one.cancel("j1", worker="w9", lease_seconds=1),
            lambda: one.finish(lease, "{}", elapsed_seconds=1.0),
        ):
            hearing = asyncio.create_task(_heard(other))
            await asyncio.sleep(0.05)
            await change()
            assert await hearing < 1.0


async def test_what_changed_between_two_looks_is_not_waited_for(database_url: str) -> None:
    async with PostgresStore.opened(database_url) as one, PostgresStore.opened(database_url) as other:
        await _quiet(other)
        await queued(one, "j1")
        await asyncio.sleep(0.1)
        assert await _heard(other) < 0.1
        assert await _heard(other, 0.2) >= 0.2


async def test_a_service_that_stops_tells_others_that_it_gave_its_judgments_back(database_url: str) -> None:
    async with PostgresStore.opened(database_url) as other:
        async with PostgresStore.opened(database_url) as one:
            lease = await accepted(one, "j1")
            await _quiet(other)
            hearing = asyncio.create_task(_heard(other))
            await one.release({lease: 1.0})
        assert await hearing < 1.0
        assert await claimed(other) == ["j1"]


async def test_text_that_postgresql_cannot_hold_comes_back_as_it_went(database_url: str) -> None:
    odd = "nul \0, half \ud800 and \udc00, escape \x1a0000, \x1a, \u00e9 \U0001f600"
    async with PostgresStore.opened(database_url) as store:
        lease = await accepted(store, odd, tenant=odd, request=odd, metadata=odd, idempotency_key=odd)
        await store.journal.append(odd, entry(odd), lease=lease.token)
        await store.shared.put(odd, odd, {odd: odd})
        assert await store.finish(lease, odd, elapsed_seconds=1.0)
        row = await store.earlier(odd, odd, "")
        assert row == await store.get(odd, odd) == (await store.list(odd)).rows[0]
        assert (row.id, row.tenant, row.metadata, row.judgment) == (odd, odd, odd, odd)
        assert await store.request(odd) == odd
        assert list(await store.journal.load(odd)) == [odd]
        assert await store.shared.get(odd, odd) == {odd: odd}
        assert await store.get(odd.replace("\0", "\x1a0000")) is None


async def test_a_closed_store_says_so(database_url: str) -> None:
    async with PostgresStore.opened(database_url) as store:
        pass
    await store.aclose()
    for call in (store.get("j1"), store.accept(new("j1"))):
        with pytest.raises(StoreError, match="closed"):
            await call


async def test_a_listener_that_was_cut_off_listens_again(postgres: PostgresServer, database_url: str) -> None:
    async with PostgresStore.opened(database_url) as one, PostgresStore.opened(database_url) as other:
        await _quiet(other)
        postgres.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()",
            database_url,
        )
        assert await _heard(other, 5.0) < 5.0
        await _quiet(other)
        hearing = asyncio.create_task(_heard(other))
        await asyncio.sleep(0.05)
        await queued(one, "j1")
        assert await hearing < 1.0


async def _heard(store: Store, timeout_seconds: float = 5.0) -> float:
    """How long it took until something was heard."""
    began = time.monotonic()
    await store.changed(timeout_seconds)
    return time.monotonic() - began


async def _quiet(store: Store) -> None:
    """Wait until nothing more is heard."""
    while await _heard(store, 0.7) < 0.7:
        pass
