"""The whole service without a model, with a resources root, in this process."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from api.app import create_app
from api.settings import Settings
from api.wiring import service

KEYS = {"one": "key-of-tenant-one-0001", "two": "key-of-tenant-two-0002"}


@pytest.fixture
def database(tmp_path: Path) -> bytes:
    path = tmp_path / "made.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript("CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1), (2), (3)")
    connection.close()
    return path.read_bytes()


@pytest.fixture
def root(tmp_path: Path, database: bytes) -> Path:
    """A folder with a database, one in a folder, and ways out of it."""
    root = tmp_path / "root"
    (root / "deep").mkdir(parents=True)
    (root / "shop.sqlite").write_bytes(database)
    (root / "deep" / "shop.sqlite").write_bytes(database)
    (tmp_path / "secret.sqlite").write_bytes(database)
    (root / "link.sqlite").symlink_to(tmp_path / "secret.sqlite")
    (root / "inside.sqlite").symlink_to("shop.sqlite")
    (root / "away").symlink_to(tmp_path)
    return root


@pytest.fixture
async def open_service(tmp_path: Path) -> AsyncIterator[object]:
    """Start services; each call gives a client per tenant."""
    async with AsyncExitStack() as stack:

        async def start(**settings: object) -> dict[str, httpx.AsyncClient]:
            keys = ",".join(f"{tenant}:{key}" for tenant, key in KEYS.items())
            made = Settings.model_validate(
                {"model": "none", "data_dir": tmp_path / "data", "api_keys": keys, **settings}
            )
            app = create_app(await stack.enter_async_context(service(made)))
            clients = {}
            for tenant, key in KEYS.items():
                client = httpx.AsyncClient(
                    transport=httpx.ASGITransport(app),
                    base_url="http://localhost",
                    headers={"X-Api-Key": key},
                    timeout=60,
                )
                clients[tenant] = await stack.enter_async_context(client)
            return clients

        yield start
