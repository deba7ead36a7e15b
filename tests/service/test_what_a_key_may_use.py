"""Limits of keys over HTTP: a refusal names its limit and its time, answers tell what is left, batches wait."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import httpx
import pytest

from api.auth import make_key
from judge_agent.models.scripted import Held, ScriptedModel, by_schema
from judge_agent.store import KeyLimits, SqliteStore
from tests.service.served import Served, request, serving

pytestmark = pytest.mark.anyio
ADA, BOB = "ada-key-0123456789", "bob-key-0123456789"
KEYS = f"ada:{ADA},bob:{BOB}"
POLICY = re.compile(r'"(\w+)";q=(\d+)(?:;w=(\d+))?;qu="([a-z-]+)"')
LEFT = re.compile(r'"(\w+)";r=(\d+)(?:;t=(\d+))?')


def left(answer: httpx.Response) -> dict[str, int]:
    return {name: int(number) for name, number, _ in LEFT.findall(answer.headers.get("ratelimit", ""))}


async def keyed(served: Served, **limits: int) -> str:
    """Make a key with limits; return its secret."""
    key = make_key("ada")
    await served.parts.store.quotas.set_limits(key.row.id, KeyLimits(**limits))
    await served.parts.store.add_key(key.row)
    return key.secret


def held() -> tuple[asyncio.Event, ScriptedModel]:
    gate = asyncio.Event()
    return gate, ScriptedModel(otherwise=Held(gate, by_schema()))


async def test_a_key_with_as_many_open_as_it_may_is_told_so_and_another_key_is_served() -> None:
    gate, model = held()
    async with serving(model=model, api_keys=KEYS, key_max_open=2) as served:
        for seed in range(2):
            await served.post(request(seed=seed), prefer="respond-async", x_api_key=ADA)
        full = await served.post(request(seed=3), x_api_key=ADA)
        assert (full.status_code, full.json()["code"]) == (429, "quota_max_open")
        assert full.json()["type"] == "urn:judge-agent:problem:quota_max_open"
        assert (full.json()["limit"], full.json()["used"]) == (2, 2)
        assert full.json()["violated-policies"] == ["max_open"]
        assert int(full.headers["retry-after"]) >= 1
        assert left(full) == {"max_open": 0}
        other = await served.post(request(seed=3), prefer="respond-async", x_api_key=BOB)
        assert (other.status_code, left(other)) == (202, {"max_open": 1})
        gate.set()


async def test_a_refused_group_is_told_how_many_it_wants() -> None:
    async with serving(api_keys=KEYS, key_requests_per_minute=6, key_max_open=100) as served:
        for seed in range(2):
            await served.post(request(seed=seed), x_api_key=ADA)
        one = request()["candidates"][0]
        many = request(candidates=[one | {"id": str(at)} for at in range(5)])
        for extra in ({}, {"run": {"id": "r", "pin": True}}):
            body = many | extra
            refused = await served.http.post("/v1/groups", json=body, headers={"X-Api-Key": ADA})
            assert (refused.status_code, refused.json()["code"]) == (429, "quota_requests_per_minute")
            assert "of its requests_per_minute=6, and 5 more are wanted at once" in refused.json()["detail"]
        for seed in range(2, 7):
            alone = await served.post(request(seed=seed), x_api_key=ADA)
        assert alone.status_code == 429
        assert "wanted" not in alone.json()["detail"]


async def test_a_service_that_is_full_for_everybody_says_something_else() -> None:
    gate, model = held()
    async with serving(model=model, key_max_open=9, max_running=1, max_queued=0) as served:
        await served.post(request(), prefer="respond-async")
        full = await served.post(request(seed=1))
        assert (full.status_code, full.json()["code"], full.json()["limit"]) == (429, "queue_full", 1)
        gate.set()


async def test_a_burst_is_taken_and_the_refusal_says_when_the_next_is() -> None:
    async with serving(key_requests_per_minute=3) as served:
        answers = [await served.post(request(seed=seed)) for seed in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert [left(answer)["requests_per_minute"] for answer in answers] == [2, 1, 0, 0]
        refused = answers[-1].json()
        assert (refused["code"], refused["limit"]) == ("quota_requests_per_minute", 3)
        assert 15 < refused["retry_seconds"] <= 20
        assert int(answers[-1].headers["retry-after"]) == -(-refused["retry_seconds"] // 1)
        [policy] = POLICY.findall(answers[0].headers["ratelimit-policy"])
        assert policy == ("requests_per_minute", "3", "60", "requests")


async def test_tokens_are_those_that_the_judgments_tell(tmp_path: Path) -> None:
    async with serving(tmp_path / "judge.db", key_tokens_per_day=10_000) as served:
        ended = await served.post(request())
        usage = ended.json()["usage"]
        cost = usage["prompt_tokens"] + usage["completion_tokens"]
        assert cost > 0
        assert left(ended) == {"tokens_per_day": 10_000 - cost}
        # What is remembered is not asked again, and so costs nothing.
        assert left(await served.post(request())) == {"tokens_per_day": 10_000 - cost}
    async with serving(tmp_path / "judge.db", key_tokens_per_day=cost) as served:
        refused = await served.post(request(seed=1))
        assert (refused.status_code, refused.json()["code"]) == (429, "quota_tokens_per_day")
        assert (refused.json()["used"], refused.json()["limit"]) == (cost, cost)


async def test_a_judgment_that_is_called_off_costs_what_it_has_asked() -> None:
    gate = asyncio.Event()
    principles = [
        {"description": f"Principle {index} holds.", "name": f"p{index}", "dimension": "correctness"}
        for index in range(2)
    ]
    model = ScriptedModel([by_schema()], otherwise=Held(gate, by_schema()))
    async with serving(model=model, key_tokens_per_day=10_000) as served:
        posted = await served.post(request(principles=principles), prefer="respond-async")
        for _ in range(500):
            journal = await served.parts.store.journal.load(posted.json()["id"])
            if any(entry.kind == "model" and "value" in entry.result for entry in journal.values()):
                break
            await asyncio.sleep(0.01)
        ended = await served.http.post(f"{posted.headers['location']}:cancel")
        assert ended.json()["state"] == "cancelled"
        assert left(ended)["tokens_per_day"] < 10_000


async def test_who_posts_again_what_runs_is_answered_though_its_key_has_no_room() -> None:
    gate, model = held()
    async with serving(model=model, key_max_open=1) as served:
        first = await served.post(request(), prefer="respond-async", idempotency_key="i")
        again = await served.post(request(), prefer="respond-async", idempotency_key="i")
        assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
        gate.set()


async def test_a_batch_waits_for_room_of_its_key_and_fails_no_line() -> None:
    async with serving(key_max_open=2, key_requests_per_minute=60) as served:
        lines = "".join(json.dumps(request(seed=seed)) + "\n" for seed in range(8))
        answer = await served.http.post(
            "/v1/judgments/batch", content=lines, headers={"Content-Type": "application/jsonl"}
        )
        found = [json.loads(line) for line in answer.text.splitlines()]
        assert sorted(line["index"] for line in found) == list(range(8))
        assert {line["status"] for line in found} == {200}


async def test_limits_that_are_changed_hold_without_a_restart_and_a_revoked_key_has_none() -> None:
    async with serving() as served:
        secret = await keyed(served, requests_per_minute=1)
        assert (await served.post(request(), x_api_key=secret)).status_code == 200
        assert (await served.post(request(seed=1), x_api_key=secret)).status_code == 429
        [key] = await served.parts.store.keys()
        await served.parts.store.quotas.set_limits(key.id, KeyLimits(max_open=5))
        for _ in range(50):
            answer = await served.post(request(seed=1), x_api_key=secret)
            if answer.status_code == 200:
                break
            await asyncio.sleep(0.1)
        assert left(answer) == {"max_open": 5}
        await served.parts.store.revoke_key(key.id, 1.0)
        for _ in range(50):
            answer = await served.post(request(), x_api_key=secret)
            if answer.status_code == 401:
                break
            await asyncio.sleep(0.1)
        assert (answer.status_code, left(answer)) == (401, {})


async def test_keys_of_one_tenant_have_limits_of_their_own() -> None:
    async with serving() as served:
        narrow, wide = await keyed(served, requests_per_minute=1), await keyed(served)
        for seed in range(3):
            assert (await served.post(request(seed=seed), x_api_key=wide)).status_code == 200
        assert (await served.post(request(seed=3), x_api_key=narrow)).status_code == 200
        assert (await served.post(request(seed=4), x_api_key=narrow)).status_code == 429
        assert (await served.post(request(seed=4), x_api_key=wide)).headers.get("ratelimit") is None


async def test_facades_pass_the_refusal_on_and_make_no_reward_of_it() -> None:
    async with serving(key_requests_per_minute=1) as served:
        assert (await served.post(request())).status_code == 200
        refused = await served.http.post(
            "/compat/openrlhf/get_reward?recipe=default",
            json={"query": ["2+2? It is 4."], "prompts": ["2+2?"], "labels": ["4"]},
        )
        assert (refused.status_code, refused.json()["code"]) == (429, "quota_requests_per_minute")
        assert "reward" not in refused.text
        assert int(refused.headers["retry-after"]) > 1


async def test_counts_are_there_after_a_restart(tmp_path: Path) -> None:
    async with serving(tmp_path / "judge.db", key_requests_per_minute=2) as served:
        for seed in range(2):
            await served.post(request(seed=seed))
    async with serving(tmp_path / "judge.db", key_requests_per_minute=2) as served:
        refused = await served.post(request(seed=2))
        assert refused.json()["code"] == "quota_requests_per_minute"


async def test_programs_count_as_requests() -> None:
    async with serving(key_requests_per_minute=2) as served:
        program = {"code": "print(1)", "language": "python"}
        codes = [(await served.http.post("/run_code", json=program)).status_code for _ in range(3)]
        assert codes == [200, 200, 429]


class Unreadable(SqliteStore):
    """A store that cannot say what a key has left."""

    def __init__(self, database) -> None:
        super().__init__(database)
        self.quotas = _Broken(database)


class _Broken(type(SqliteStore(None).quotas)):
    async def standings(self, key_id, limits):
        await self._database.fetch("SELECT nothing")


async def test_an_answer_is_given_also_where_what_is_left_cannot_be_read() -> None:
    async with serving(store_type=Unreadable, key_max_open=9) as served:
        answer = await served.post(request())
        assert (answer.status_code, answer.headers.get("ratelimit")) == (200, None)
