"""Each route says which keys it takes: the table is data, and is the whole of what the service serves."""

from __future__ import annotations

import re
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from api.auth import make_key
from api.methods import operations
from tests.service.served import Served, serving

pytestmark = pytest.mark.anyio
KINDS = tomllib.loads((Path(__file__).parent / "data" / "scopes.toml").read_text())["routes"]
TABLE = sorted((route, kind) for kind, routes in KINDS.items() for route in routes)


JUDGING, WHOLE, FOREIGN = make_key("ada", "judge"), make_key("ada"), make_key("eve")


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[Served]:
    async with serving() as found:
        for key in (JUDGING, WHOLE):
            await found.parts.store.add_key(key.row)
        yield found


async def asked(served: Served, route: str, secret: str | None, prefix: str = "") -> httpx.Response:
    """Ask a route with names of things that are not there, and no body."""
    method, _, path = route.partition(" ")
    headers = {} if secret is None else {"X-Api-Key": secret}
    return await served.http.request(method, prefix + re.sub(r"\{[^}]+\}", "x" * 64, path), headers=headers)


async def test_the_table_names_every_route_that_is_served_and_no_other(served: Served) -> None:
    document = (await served.http.get("/openapi.json")).json()
    assert {f"{method.upper()} {path}" for path, method, _ in operations(document)} == {
        route for route, _ in TABLE
    }


@pytest.mark.parametrize(("route", "kind"), TABLE, ids=str)
async def test_a_route_takes_the_keys_that_its_table_says(served: Served, route: str, kind: str) -> None:
    wrong = (None, FOREIGN.secret, JUDGING.secret[:-1])
    refused = {} if kind == "open" else dict.fromkeys(wrong, 401)
    if kind == "whole":
        refused[JUDGING.secret] = 403
    for secret in (*wrong, JUDGING.secret, WHOLE.secret):
        answer = await asked(served, route, secret)
        if secret in refused:
            assert answer.status_code == refused[secret], (secret, answer.text)
        else:
            assert answer.status_code not in (401, 403, 500), (secret, answer.text)
        for known in (JUDGING, WHOLE, FOREIGN):
            assert known.secret not in answer.text + str(answer.headers)


@pytest.mark.parametrize(("route", "kind"), TABLE, ids=str)
async def test_a_key_in_the_path_opens_facades_only_and_comes_back_nowhere(
    served: Served, route: str, kind: str
) -> None:
    is_facade = route.partition(" ")[2].startswith("/compat/")
    for key in (JUDGING, WHOLE):
        answer = await asked(served, route, None, f"/k/{key.secret}")
        if not is_facade:
            assert answer.status_code == 404
        elif key is WHOLE:
            assert answer.status_code == 401
        else:
            # Without a body some are refused, but not for the key.
            assert answer.status_code in (200, 400, 415, 422)
        assert "location" not in answer.headers
        assert key.secret not in answer.text + str(answer.headers)
