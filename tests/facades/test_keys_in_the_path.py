"""A key in the path opens the facades and nothing else, only where it can do nothing else, and is written nowhere."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from api.auth import make_key
from tests.facades.asked import BROKEN, QUESTION, RIGHT, model
from tests.service.served import Served, serving

pytestmark = pytest.mark.anyio
BODY = {"prompt": QUESTION, "response": RIGHT, "label": None}


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving(model=model(), api_keys="other:sk_of_the_settings_0123456789") as found:
        yield found


async def key_of(served: Served, scope: str, tenant: str = "team") -> str:
    new = make_key(tenant)
    await served.parts.store.add_key(replace(new.row, scope=scope))
    return new.secret


async def test_a_key_that_can_only_judge_opens_a_facade(served: Served) -> None:
    secret = await key_of(served, "judge")
    answer = await served.http.post(f"/k/{secret}/compat/slime?recipe=default", json=BODY)
    assert (answer.status_code, answer.json()["score"]) == (200, 1.0)
    listed = await served.http.get("/v1/judgments", headers={"X-Api-Key": "sk_of_the_settings_0123456789"})
    assert listed.json()["data"] == []


async def test_any_other_key_in_a_path_is_401(served: Served) -> None:
    for secret in (await key_of(served, "all"), "sk_of_the_settings_0123456789", "nobodys", ""):
        answer = await served.http.post(f"/k/{secret}/compat/slime", json=BODY)
        assert answer.status_code == 401
        assert "www-authenticate" in answer.headers
        assert not secret or secret not in answer.text


async def test_a_revoked_key_is_401(served: Served) -> None:
    secret = await key_of(served, "judge")
    [key] = await served.parts.store.keys()
    await served.parts.store.revoke_key(key.id, 1.0)
    assert (await served.http.post(f"/k/{secret}/compat/slime", json=BODY)).status_code == 401


async def test_a_key_in_a_path_opens_nothing_but_facades(served: Served) -> None:
    secret = await key_of(served, "judge")
    for path in ("v1/judgments", "v1/recipes", "health", "compat", "", "docs", "../v1/judgments"):
        answer = await served.http.get(f"/k/{secret}/{path}")
        assert answer.status_code == 404, path
        assert secret not in answer.text


async def test_the_key_is_in_no_answer_header_log_or_record(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = await key_of(served, "judge")
    posts = [
        ("compat/slime", BODY),
        ("compat/slime", BODY | {"response": BROKEN, "prompt": "Another question"}),
        ("compat/slime?nothing=1", BODY),
        ("compat/nothing", BODY),
        ("compat/slime", {"prompt": 3}),
    ]
    for path, body in posts:
        answer = await served.http.post(f"/k/{secret}/{path}", json=body)
        assert secret not in answer.text + str(answer.headers)
    assert (await served.http.get(f"/k/{secret}/compat/slime")).status_code == 405
    own = [record for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    assert [record.name for record in own if secret in record.getMessage()] == []
    found = await served.http.get("/v1/judgments", headers={"X-Api-Key": secret})
    assert secret not in found.text


async def test_the_key_of_the_path_counts_and_not_one_in_a_header(served: Served) -> None:
    headers = {"Authorization": "Bearer sk_of_the_settings_0123456789"}
    answer = await served.http.post("/k/wrong-key/compat/slime", json=BODY, headers=headers)
    assert answer.status_code == 401


async def test_roll_sends_its_key_in_a_header_of_its_own(served: Served) -> None:
    body = {"prompt": QUESTION, "response": RIGHT, "reward_info": {"ground_truth": "4"}}
    key = {"XRL-Authorization": "Bearer sk_of_the_settings_0123456789"}
    assert (await served.http.post("/compat/roll/submit", json=body, headers=key)).status_code == 200
    assert (await served.http.post("/compat/slime", json=BODY, headers=key)).status_code == 401


async def test_where_no_key_is_needed_one_in_the_path_is_taken_off() -> None:
    async with serving(model=model()) as served:
        answer = await served.http.post("/k/whatever/compat/slime", json=BODY)
        assert answer.status_code == 200
