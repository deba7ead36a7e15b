"""Floods: large bodies are refused by their headers, wait outside, or time out; memory stays within what is said."""

from __future__ import annotations

import asyncio
import json
import re

import httpx
import pytest

from judge_agent.models.scripted import Held, ScriptedModel, by_schema
from tests.service.served import Served, request, serving

pytestmark = pytest.mark.anyio


class Sent:
    """A POST written by hand: its head at once, its body when told to."""

    def __init__(
        self, served: Served, body: bytes, *, headers: str = "", path: str = "/v1/judgments"
    ) -> None:
        self.url, self.body = httpx.URL(served.url), body
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        self.head = f"{head}Content-Length: {len(body)}\r\n{headers}\r\n".encode()

    async def __aenter__(self) -> Sent:
        self.reader, self.writer = await asyncio.open_connection(self.url.host, self.url.port)
        self.writer.write(self.head)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.writer.close()

    async def status(self) -> int:
        async with asyncio.timeout(15):
            return int((await self.reader.readline()).split()[1])

    async def answer(self) -> tuple[int, str]:
        status = await self.status()
        text = (await self.reader.readuntil(b"}")).decode()
        return status, text


def large(size: int = 500_000, **changes: object) -> bytes:
    text = "x" * size
    trajectory = {"messages": [{"role": "assistant", "content": text}]}
    return json.dumps(request(candidates=[{"id": "a", "trajectory": trajectory}], **changes)).encode()


async def metric(served: Served, name: str) -> float:
    text = (await served.http.get("/metrics")).text
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return float(found.group(1)) if found else 0.0


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_large_body_is_refused_by_its_headers_where_the_service_is_full(chunked: bool) -> None:
    gate = asyncio.Event()
    async with serving(
        model=ScriptedModel(otherwise=Held(gate, by_schema())), max_running=1, max_queued=0
    ) as served:
        await served.post(request(), prefer="respond-async")
        headers = "Expect: 100-continue\r\n"
        async with Sent(served, large(), headers=headers) as sent:
            # Not one byte of the body is sent: the answer comes by the headers alone.
            status, text = await sent.answer()
        assert (status, "queue_full" in text) == (429, True)
        chunks = (part for part in [large()]) if chunked else large()
        answer = await served.http.post(
            "/v1/judgments", content=_async(chunks), headers={"Content-Type": "application/json"}
        )
        assert (answer.status_code, answer.json()["code"]) == (429, "queue_full")
        assert await metric(served, 'judge_refusals_total{code="queue_full"}') == 2
        gate.set()


async def _async(parts):
    for part in [parts] if isinstance(parts, bytes) else parts:
        yield part


async def test_a_large_body_is_refused_by_its_headers_where_its_key_has_no_room() -> None:
    async with serving(key_requests_per_minute=1) as served:
        await served.post(request())
        async with Sent(served, large(), headers="Expect: 100-continue\r\n") as sent:
            status, text = await sent.answer()
        assert (status, "quota_requests_per_minute" in text) == (429, True)


async def test_a_large_body_that_was_accepted_before_is_read_though_the_service_is_full() -> None:
    gate = asyncio.Event()
    async with serving(
        model=ScriptedModel(otherwise=Held(gate, by_schema())), max_running=1, max_queued=0
    ) as served:
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": "k",
            "Prefer": "respond-async",
        }
        first = await served.http.post("/v1/judgments", content=large(), headers=headers)
        again = await served.http.post("/v1/judgments", content=large(), headers=headers)
        other = await served.http.post("/v1/judgments", content=large(seed=1), headers=headers)
        assert (first.status_code, again.status_code) == (202, 202)
        assert again.json()["id"] == first.json()["id"]
        assert other.status_code == 409
        gate.set()


async def test_large_bodies_wait_for_room_before_they_are_read() -> None:
    async with serving(max_body_bytes=1_000_000, max_held_body_bytes=2_000_000) as served:
        room = served.parts.large_bodies
        body = large(900_000)
        # One key holds one of them: half of the room.
        async with Sent(served, body), Sent(served, body) as second:
            await until(lambda: room.held_bytes and room.waiting)
            assert (room.held_bytes, room.waiting) == (len(body), 1)
            assert await metric(served, "judge_held_body_bytes") == len(body)
            small = await served.post(request())
            assert small.status_code == 200
            second.writer.close()
            await until(lambda: not room.waiting, seconds=12)
        await until(lambda: not room.held_bytes)
        answer = await served.http.post(
            "/v1/judgments", content=body, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 200
        assert room.held_bytes == 0


async def test_bodies_that_say_no_length_and_wait_for_their_end_do_not_keep_others_out() -> None:
    gate = asyncio.Event()
    body = json.dumps({"query": ["2+2? It is 4."], "prompts": ["2+2?"], "labels": ["4"]}).encode()
    headers = {"Content-Type": "application/json"}
    path = "/compat/openrlhf/get_reward?recipe=default&seconds=15&dimensions="
    async with serving(model=ScriptedModel(otherwise=Held(gate, by_schema()))) as served:
        posting = [
            asyncio.create_task(served.http.post(path + f"d{index}", content=_async(body), headers=headers))
            for index in range(20)
        ]
        await until(lambda: served.parts.queue.running == 20)
        assert served.parts.large_bodies.held_bytes == 0
        gate.set()
        assert {answer.status_code for answer in await asyncio.gather(*posting)} <= {200, 503}


async def drops(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"x")
        await asyncio.sleep(0.05)


async def until(check, seconds: float = 5.0) -> None:
    for _ in range(int(seconds * 100)):
        if check():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it has not come about")


async def test_a_body_that_comes_drop_by_drop_or_not_at_all_ends_with_408() -> None:
    async with serving(body_seconds=0.4) as served:
        async with Sent(served, b"x" * 1000) as silent:
            assert await silent.status() == 408
        async with Sent(served, b"x" * 1000) as dripping:
            dropping = asyncio.create_task(drops(dripping.writer))
            assert await dripping.status() == 408
            dropping.cancel()
        assert await metric(served, 'judge_refusals_total{code="body_timeout"}') == 2
        # One that is large is waited for longer, as long as it keeps coming.
        body = large(60_000)
        async with Sent(served, body) as steady:
            for at in range(0, len(body), 6000):
                steady.writer.write(body[at : at + 6000])
                await asyncio.sleep(0.08)
            assert await steady.status() == 200


async def test_past_so_many_open_requests_the_next_is_503_and_health_still_answers() -> None:
    gate = asyncio.Event()
    async with serving(model=ScriptedModel(otherwise=Held(gate, by_schema())), max_connections=3) as served:
        open_posts = [asyncio.create_task(served.post(request(seed=seed))) for seed in range(3)]
        await until(lambda: served.parts.queue.running == 3)
        refused = await served.post(request(seed=9))
        assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
        assert int(refused.headers["retry-after"]) >= 1
        assert (await served.http.get("/health")).status_code == 200
        assert await metric(served, 'judge_refusals_total{code="overloaded"}') == 1
        gate.set()
        assert {answer.status_code for answer in await asyncio.gather(*open_posts)} == {200}
