"""Streams, lists and uploads that mean harm: lines without number, readers that do not read, cursors, Host headers."""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.fuzzed.test_hostile_requests import raw
from tests.service.served import Served, request, serving

pytestmark = pytest.mark.anyio
JSONL = {"Content-Type": "application/jsonl"}
MANY_LINES = 100_000
BLANK_BYTES = 30_000_000


@pytest.fixture(scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    folder = tmp_path_factory.mktemp("blobs")
    async with serving(data_dir=folder, max_tenant_blob_bytes=5000, max_body_bytes=100_000) as found:
        yield found


async def statuses(answer: httpx.Response) -> dict[int, int]:
    """How often each status was answered, of lines that are each answered once."""
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert sorted(line["index"] for line in lines) == list(range(len(lines)))
    found = [line["status"] for line in lines]
    return {status: found.count(status) for status in set(found)}


@pytest.mark.slow
async def test_a_hundred_thousand_lines_of_garbage_are_each_refused_and_others_are_served(
    served: Served,
) -> None:
    kinds = (b"{", b"\xff\xfe", b"null", b'{"body": 1}', b"[" * 200)
    body = b"\n".join(kinds[index % len(kinds)] for index in range(MANY_LINES))
    posted = asyncio.create_task(
        served.http.post("/v1/judgments/batch", content=body, headers=JSONL, timeout=400)
    )
    beats = 0
    while not posted.done():
        # A connection each: the server may close one that waits while this loop writes the body.
        assert (await served.http.get("/health", headers={"connection": "close"})).status_code == 200
        beats += 1
        await asyncio.sleep(0.05)
    found = await statuses(await posted)
    assert sum(found.values()) == MANY_LINES
    assert set(found) == {400, 422}
    assert beats > 50


async def test_millions_of_blank_lines_are_passed_over(served: Served) -> None:
    good = json.dumps(request()).encode()
    body = b"\n" * BLANK_BYTES + good + b"\n \r\n\t\n" * 1000 + b"  " + good
    answer = await served.http.post("/v1/judgments/batch", content=body, headers=JSONL)
    assert await statuses(answer) == {200: 2}


async def test_a_line_without_end_is_refused_once_and_not_kept(served: Served) -> None:
    body = b'{"task": "' + b"a" * 5_000_000
    answer = await served.http.post("/v1/judgments/batch", content=body, headers=JSONL)
    assert await statuses(answer) == {413: 1}


@pytest.mark.parametrize("what", ["events", "batch"])
async def test_a_reader_that_does_not_read_holds_nobody_up(served: Served, what: str) -> None:
    """Its window is as small as the kernel allows; forty of them wait while others are judged."""
    id_ = (await served.post(request(metadata={"of": what}))).json()["id"]
    lines = b"{\n" * 2000
    sent = {
        "events": f"GET /v1/judgments/{id_}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(),
        "batch": b"POST /v1/judgments/batch HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/jsonl\r\n"
        + f"Content-Length: {len(lines)}\r\n\r\n".encode()
        + lines,
    }[what]
    loop, idle = asyncio.get_running_loop(), []
    try:
        for _ in range(40):
            one = socket.socket()
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            one.setblocking(False)
            idle.append(one)
            await loop.sock_connect(one, ("127.0.0.1", int(served.url.rpartition(":")[2])))
            await loop.sock_sendall(one, sent)
        answers = await asyncio.gather(*(served.post(request(seed=seed)) for seed in range(20)))
        assert {answer.status_code for answer in answers} == {200}
    finally:
        for one in idle:
            one.close()
    assert (await served.post(request(seed=99))).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=-1", "limit=101", "limit=1e1", "limit=%00", "limit=1&limit=2"),
        *("cursor=-1", "cursor=0", "cursor=x", "cursor=" + "9" * 30, "cursor=1.5", "cursor=%EF%BC%91"),
        *("cursor=1&cursor=2", "cursor=", "state=", "state=done,,queued", "state=' OR 1=1", "page=2"),
    ],
)
async def test_a_list_s_query_that_is_none_is_refused_by_its_name(served: Served, query: str) -> None:
    answer = await served.http.get(f"/v1/judgments?{query}")
    assert (answer.status_code, answer.json()["field"]) == (422, query.partition("=")[0])


async def test_a_cursor_of_another_tenant_shows_nothing_of_it() -> None:
    keys = "ada:0123456789abcdef,eve:fedcba9876543210"
    async with serving(api_keys=keys) as served:
        ada, eve = {"x_api_key": "0123456789abcdef"}, {"X-Api-Key": "fedcba9876543210"}
        ids = {(await served.post(request(seed=seed), **ada)).json()["id"] for seed in range(4)}
        page = await served.http.get("/v1/judgments?limit=2", headers={"X-Api-Key": ada["x_api_key"]})
        cursors = [page.json()["next_cursor"], 1, 2, 3, 2**62]
        for cursor in cursors:
            answer = await served.http.get(f"/v1/judgments?cursor={cursor}", headers=eve)
            assert answer.status_code == 200
            assert not any(id_ in answer.text for id_ in ids)
        for id_ in ids:
            for path in ("", "/events"):
                assert (await served.http.get(f"/v1/judgments/{id_}{path}", headers=eve)).status_code == 404


async def test_a_blob_is_what_its_bytes_hash_to_and_another_hash_is_missing(served: Served) -> None:
    headers = {"Content-Type": "application/octet-stream"}
    kept = await served.http.post("/v1/blobs", content=b"abc", headers=headers)
    assert kept.json()["sha256"] == hashlib.sha256(b"abc").hexdigest()
    wrong = hashlib.sha256(b"abd").hexdigest()
    for name in (
        wrong,
        wrong.upper(),
        kept.json()["sha256"].upper(),
        "..%2f" + wrong,
        "%00" * 64,
        "a" * 5000,
    ):
        for method in ("GET", "DELETE"):
            answer = await served.http.request(method, f"/v1/blobs/{name}")
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    over = await served.http.post("/v1/blobs", content=b"x" * 4998, headers=headers)
    assert (over.status_code, over.json()["code"], over.json()["limit"]) == (413, "quota_exceeded", 5000)


@pytest.mark.parametrize(
    "hosts",
    [
        [b"evil.example"],
        [b"localhost", b"localhost"],
        [b"localhost", b"evil.example"],
        [b"localhost.evil.example"],
        [b"localhost@evil.example"],
        [b"evil.example#localhost"],
        [b"127.0.0.1.evil.example:8800"],
        [b"[::1].evil.example"],
        [b"2130706433"],
        [b""],
        [b"\xff"],
        [],
    ],
)
async def test_another_host_s_name_is_not_answered_to(served: Served, hosts: list[bytes]) -> None:
    lines = b"".join(b"Host: " + host + b"\r\n" for host in hosts)
    status, headers, body = await raw(
        served, b"GET /v1/judgments HTTP/1.1\r\n" + lines + b"Connection: close\r\n\r\n"
    )
    assert status in (400, 421)
    assert headers["content-type"] == "application/problem+json"
    assert json.loads(body)["code"] in ("unknown_host", "malformed_http")
    assert "location" not in headers
