"""The client against the running service: judgments, errors with names, pickles, threads, running loops."""

from __future__ import annotations

import asyncio
import hashlib
import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from judge_agent.client import AsyncJudgeClient, JudgeClient
from judge_agent.errors import (
    InvalidRequest,
    JudgeClientError,
    JudgmentPending,
    RequestRefused,
    ServiceUnavailable,
)
from judge_agent.models.scripted import Held, ScriptedModel, ScriptedRequest, by_schema
from judge_agent.schema import JudgmentRequest
from tests.service.served import Served, request, serving, serving_in_a_thread

KEY = "client-key-0123456789"


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving_in_a_thread(api_keys=f"ada:{KEY}") as found:
        yield found


@pytest.fixture
def client(served: Served) -> Iterator[JudgeClient]:
    with JudgeClient(served.url, KEY) as found:
        yield found


def test_a_dict_and_a_request_are_judged_to_the_end(client: JudgeClient) -> None:
    by_dict = client.judge(request(seed=11))
    by_model = client.judge(JudgmentRequest.model_validate(request(seed=11)))
    assert by_dict.state == by_model.state == "done"
    assert by_dict.candidates == by_model.candidates


def test_the_url_and_the_key_come_from_the_environment(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUDGE_URL", served.url)
    monkeypatch.setenv("JUDGE_API_KEY", KEY)
    with JudgeClient() as client:
        assert client.judge(request()).state == "done"
        assert KEY.encode() not in pickle.dumps(client)


def test_bytes_are_uploaded_once_and_named_by_their_hash(tmp_path: Path) -> None:
    with serving_in_a_thread(data_dir=tmp_path) as served:

        async def again() -> str:
            async with AsyncJudgeClient(served.url) as client:
                return await client.upload(b"some bytes")

        with JudgeClient(served.url) as client:
            sha256 = client.upload(b"some bytes")
            with pytest.raises(RequestRefused):
                client.upload(b"")
        assert sha256 == asyncio.run(again()) == hashlib.sha256(b"some bytes").hexdigest()
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [sha256]


def test_a_submitted_judgment_is_waited_for_and_listed(client: JudgeClient) -> None:
    accepted = client.submit(request(seed=5))
    ended = client.wait(accepted.id, timeout_seconds=10)
    assert ended.state == "done"
    assert client.get(accepted.id) == ended
    page = client.list(["done"], limit=1)
    assert page.judgments == (ended,)
    older = client.list(limit=1, cursor=page.next_cursor)
    assert older.judgments[0].id != ended.id


def test_an_own_idempotency_key_gives_the_same_judgment(client: JudgeClient) -> None:
    first = client.judge(request(seed=6), idempotency_key="rollout-17")
    assert client.judge(request(seed=6), idempotency_key="rollout-17").id == first.id
    with pytest.raises(RequestRefused) as caught:
        client.judge(request(seed=7), idempotency_key="rollout-17")
    assert (caught.value.status, caught.value.judgment_id) == (409, first.id)


def test_a_refused_request_names_field_value_and_limit_also_after_a_pickle(client: JudgeClient) -> None:
    with pytest.raises(RequestRefused) as caught:
        client.judge(request(pass_threshold=7))
    for error in (caught.value, pickle.loads(pickle.dumps(caught.value))):
        assert (error.status, error.field, error.value, error.limit) == (422, "pass_threshold", 7, 1)
        assert "pass_threshold" in str(error)


def test_a_wrong_key_and_an_unknown_id_are_refusals(served: Served, client: JudgeClient) -> None:
    with JudgeClient(served.url, "wrong") as stranger, pytest.raises(RequestRefused) as unauthorized:
        stranger.recipes()
    with pytest.raises(RequestRefused) as unknown:
        client.get("jdg/../x")
    assert (unauthorized.value.status, unknown.value.status) == (401, 404)


def test_a_request_that_is_no_json_is_refused_before_it_is_sent(client: JudgeClient) -> None:
    with pytest.raises(InvalidRequest):
        client.judge(request(metadata={"reward": float("nan")}))


def test_recipes_tools_and_health(client: JudgeClient) -> None:
    assert "verify" in {recipe["name"] for recipe in client.recipes()}
    assert {tool["name"] for tool in client.tools()} == {"check_tool_calls"}
    assert client.health()["status"] == "ready"


def test_one_client_serves_threads_a_pickle_of_it_works_and_so_does_a_running_loop(
    client: JudgeClient,
) -> None:
    copy = pickle.loads(pickle.dumps(client))
    with ThreadPoolExecutor(8) as pool:
        judged = list(pool.map(lambda seed: client.judge(request(seed=seed)).state, range(16)))

    async def inside() -> str:
        return str(copy.judge(request()).state)

    assert judged == ["done"] * 16
    assert asyncio.run(inside()) == "done"
    copy.close()


def test_the_async_client_works_in_one_loop_after_another(served: Served) -> None:
    client = AsyncJudgeClient(served.url, KEY)

    async def judge(count: int) -> set[str]:
        judged = await asyncio.gather(*(client.judge(request(seed=seed)) for seed in range(count)))
        await client.aclose()
        return {judgment.state for judgment in judged}

    assert asyncio.run(judge(40)) == {"done"}
    assert asyncio.run(judge(2)) == {"done"}


def test_no_service_is_an_error_that_says_so_when_patience_is_over() -> None:
    client = JudgeClient("http://127.0.0.1:9", retry_seconds=0.2)
    with client, pytest.raises(ServiceUnavailable) as caught:
        client.judge(request())
    assert isinstance(caught.value, JudgeClientError)
    assert caught.value.status is None


def test_an_address_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(InvalidRequest, match="JUDGE_URL"):
        JudgeClient("localhost:8800")


@pytest.mark.anyio
async def test_a_waiting_client_gets_its_one_judgment_across_a_restart(tmp_path: Path) -> None:
    asked = asyncio.Event()

    def never(request: ScriptedRequest) -> Held:
        asked.set()
        return Held(asyncio.Event(), None)

    path = tmp_path / "judge.db"
    async with serving(path, model=ScriptedModel(otherwise=never)) as first:
        client = AsyncJudgeClient(first.url)
        waiting = asyncio.create_task(client.judge(request()))
        await asked.wait()
    async with serving(path, port=int(first.url.rpartition(":")[2])), client:
        judgment = await waiting
        assert judgment.state == "done"
        assert (await client.list()).judgments == (judgment,)


@pytest.mark.anyio
async def test_a_judgment_that_takes_longer_than_the_timeout_goes_on_under_its_id() -> None:
    gate = asyncio.Event()
    model = ScriptedModel(otherwise=Held(gate, by_schema()))
    async with serving(model=model) as served, AsyncJudgeClient(served.url) as client:
        with pytest.raises(JudgmentPending) as caught:
            await client.judge(request(), timeout_seconds=0.3)
        gate.set()
        assert caught.value.judgment_id is not None
        assert (await client.wait(caught.value.judgment_id)).state == "done"


@pytest.mark.anyio
async def test_a_judgment_that_is_called_off_ends_for_who_waits_and_an_ended_one_stays() -> None:
    model = ScriptedModel(otherwise=Held(asyncio.Event(), by_schema()))
    async with serving(model=model) as served, AsyncJudgeClient(served.url) as client:
        with pytest.raises(JudgmentPending) as caught:
            await client.judge(request(), timeout_seconds=0.3)
        assert caught.value.judgment_id is not None
        waiting = asyncio.create_task(client.wait(caught.value.judgment_id))
        cancelled = await client.cancel(caught.value.judgment_id)
        assert cancelled.state == "cancelled"
        assert [(one.status, one.failure_kind) for one in cancelled.candidates] == [("unscored", "cancelled")]
        assert await waiting == cancelled
        assert await client.cancel(cancelled.id) == cancelled


def test_the_sync_client_calls_off_what_there_is(client: JudgeClient) -> None:
    ended = client.judge(request(seed=8))
    assert client.cancel(ended.id) == ended
    with pytest.raises(RequestRefused) as unknown:
        client.cancel("jdg/../x")
    assert unknown.value.status == 404
