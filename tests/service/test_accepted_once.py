"""Idempotency, tenants and room: what is accepted is judged once, for its own tenant, when there is a place."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest

from api.auth import make_key
from api.callers import Caller
from api.queue import BEAT_SECONDS
from judge_agent.models.scripted import Held, ScriptedModel, by_schema
from judge_agent.schema import JudgmentRequest
from judge_agent.store import Claimed, SqliteStore
from tests.service.served import request, serving

pytestmark = pytest.mark.anyio
ADA, BOB = "ada-key-0123456789", "bob-key-0123456789"
KEYS = f"ada:{ADA},bob:{BOB}"


async def test_the_same_key_and_body_give_the_same_judgment_and_say_so() -> None:
    async with serving() as served:
        first = await served.post(request(), idempotency_key="k1")
        calls = len(served.model.requests)
        second = await served.post(request(), idempotency_key="k1")
        assert second.content == first.content
        assert "idempotency-replayed" not in first.headers
        assert second.headers["idempotency-replayed"] == "true"
        assert len(served.model.requests) == calls


async def test_the_same_key_with_another_body_is_a_conflict_that_names_the_first() -> None:
    async with serving() as served:
        first = await served.post(request(), idempotency_key="k1")
        second = await served.post(request(seed=1), idempotency_key="k1")
        assert (second.status_code, second.json()["id"]) == (409, first.json()["id"])


async def test_white_space_and_key_order_do_not_make_another_body() -> None:
    async with serving() as served:
        await served.post(request(), idempotency_key="k1")
        turned = dict(reversed(request().items()))
        assert (await served.post(turned, idempotency_key="k1")).status_code == 200


async def test_thirty_posts_of_one_key_at_one_time_share_one_judgment() -> None:
    async with serving() as served:
        answers = await asyncio.gather(*(served.post(request(), idempotency_key="k") for _ in range(30)))
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.json()["id"] for answer in answers}) == 1
        assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
        assert len((await served.http.get("/v1/judgments")).json()["data"]) == 1


@pytest.mark.parametrize("key", ["", "two words", "x" * 256, "caf\u00e9"])
async def test_a_key_that_no_header_carries_safely_is_refused(key: str) -> None:
    async with serving() as served:
        headers = {"Idempotency-Key": key.encode("latin-1")}
        answer = await served.http.post("/v1/judgments", json=request(), headers=headers)
        assert (answer.status_code, answer.json()["field"]) == (422, "Idempotency-Key")


async def test_a_missing_or_wrong_key_is_401_before_the_body_is_read() -> None:
    async with serving(api_keys=KEYS) as served:
        for headers in (
            {},
            {"authorization": "Bearer wrong"},
            {"x_api_key": ADA[:-1]},
            {"authorization": ADA},
        ):
            answer = await served.post("not even a request", **headers)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Bearer")
        assert (await served.http.get("/health")).status_code == 200


async def test_a_foreign_judgment_is_not_there() -> None:
    async with serving(api_keys=KEYS) as served:
        posted = await served.post(request(), authorization=f"Bearer {ADA}", idempotency_key="k")
        location = posted.headers["location"]
        own = await served.http.get(location, headers={"X-Api-Key": ADA})
        foreign = await served.http.get(location, headers={"X-Api-Key": BOB})
        listed = await served.http.get("/v1/judgments", headers={"X-Api-Key": BOB})
        same_key = await served.post(request(), x_api_key=BOB, idempotency_key="k")
        assert (own.status_code, foreign.status_code, listed.json()["data"]) == (200, 404, [])
        assert same_key.json()["id"] != posted.json()["id"]


async def test_a_key_is_kept_as_a_hash_and_revoking_the_last_one_does_not_open_the_door(
    tmp_path: Path,
) -> None:
    path = tmp_path / "judge.db"
    secret, row = make_key("ada")
    async with SqliteStore.opened(path) as store:
        await store.add_key(row)
    assert not _occurs(secret, tmp_path)
    async with serving(path) as served:
        assert (await served.post(request(), x_api_key=secret)).status_code == 200
    async with SqliteStore.opened(path) as store:
        assert await store.revoke_key(row.id, 1.0)
    async with serving(path) as served:
        assert (await served.post(request(), x_api_key=secret)).status_code == 401
        assert (await served.post(request())).status_code == 401


class SlowToKeep(SqliteStore):
    """A store whose rows take their time."""

    async def accept(self, new):
        kept = await super().accept(new)
        await asyncio.sleep(0.05)
        return kept


@pytest.mark.parametrize("max_running", [4, 1])
async def test_who_goes_away_while_it_is_accepted_leaves_a_judgment_that_is_judged(max_running: int) -> None:
    async with serving(store_type=SlowToKeep, max_running=max_running) as served:
        queue, text = served.parts.queue, json.dumps(request())
        for seed in range(4):
            wanted = JudgmentRequest.model_validate(request(seed=seed))
            accepting = asyncio.create_task(queue.accept(wanted, text, caller=Caller("local")))
            await asyncio.sleep(0.01)
            accepting.cancel()
        listed = []
        async with asyncio.timeout(5):
            while len(listed) < 4:
                listed = (await served.http.get("/v1/judgments")).json()["data"]
            for row in listed:
                ended = await served.http.get(f"/v1/judgments/{row['id']}", headers={"Prefer": "wait=4"})
                assert ended.json()["state"] == "done"


class SlowKeys(SqliteStore):
    """A store that takes its time to say which keys there are."""

    async def keys(self):
        await asyncio.sleep(0.05)
        return await super().keys()


class Seen(SqliteStore):
    """A store that counts who reads requests back from it, and who looks for what waits."""

    read_back = claims = 0

    async def request(self, judgment_id: str) -> str:
        type(self).read_back += 1
        return await super().request(judgment_id)

    async def claim(self, worker: str, count: int, *, lease_seconds: float) -> tuple[Claimed, ...]:
        type(self).claims += 1
        return await super().claim(worker, count, lease_seconds=lease_seconds)


async def test_where_there_is_room_a_post_after_an_end_begins_at_once_and_nobody_looks_for_more() -> None:
    Seen.read_back = Seen.claims = 0
    async with serving(store_type=Seen) as served:
        await served.post(request())
        before, started = Seen.claims, time.monotonic()
        for seed in range(1, 9):
            assert (await served.post(request(seed=seed))).json()["state"] == "done"
        beats = (time.monotonic() - started) / BEAT_SECONDS
    assert Seen.read_back == 0
    assert Seen.claims - before <= beats + 2, "a look for each end is a transaction for nothing"


async def test_nobody_is_let_in_while_the_keys_are_read_for_the_first_time(tmp_path: Path) -> None:
    path = tmp_path / "judge.db"
    async with SqliteStore.opened(path) as store:
        await store.add_key(make_key("ada").row)
    async with serving(path, store_type=SlowKeys) as served:
        answers = await asyncio.gather(*(served.http.get("/v1/judgments") for _ in range(20)))
        assert {answer.status_code for answer in answers} == {401}


async def test_a_full_service_says_when_to_come_back_and_still_answers_for_what_it_took() -> None:
    gate = asyncio.Event()
    model = ScriptedModel(otherwise=Held(gate, by_schema()))
    async with serving(model=model, max_running=1, max_queued=1) as served:
        running = await served.post(request(), prefer="respond-async", idempotency_key="k1")
        queued = await served.post(request(), prefer="respond-async")
        assert (running.json()["state"], queued.json()["state"]) == ("running", "queued")
        full = await served.post(request())
        assert (full.status_code, full.json()["limit"]) == (429, 2)
        assert int(full.headers["retry-after"]) >= 1
        replayed = await served.post(request(), prefer="respond-async", idempotency_key="k1")
        assert (replayed.status_code, replayed.json()["id"]) == (202, running.json()["id"])
        gate.set()
        for taken in (running, queued):
            ended = await served.http.get(taken.headers["location"], headers={"Prefer": "wait=10"})
            assert ended.json()["state"] == "done"
        assert (await served.post(request())).status_code == 200


def _occurs(secret: str, folder: Path) -> bool:
    return any(secret.encode() in file.read_bytes() for file in folder.iterdir())
