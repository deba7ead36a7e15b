"""Both stores: the one on a file for every run of the tests, the one on a real PostgreSQL under its marker."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from judge_agent.store import Store
from tests.postgres_server import MISSING, PostgresServer, programs
from tests.store.stores import Place


def pytest_report_header() -> str:
    return f"PostgreSQL for tests: {programs() or MISSING}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server for all tests. Where there is none they fail: whoever asks for them wants to know."""
    found = programs()
    if found is None:
        pytest.fail(MISSING)
    server = PostgresServer(found)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def database_url(postgres: PostgresServer) -> str:
    """An empty database. A server that the test before has left stopped is started again."""
    postgres.start()
    return postgres.new_database()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where the store of this test lies."""
    url = request.getfixturevalue("database_url") if request.param == "postgres" else None
    return Place(tmp_path / "judge.db", url)


@pytest.fixture
async def store(place: Place) -> AsyncIterator[Store]:
    async with place.opened() as found:
        yield found
