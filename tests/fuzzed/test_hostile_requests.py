"""Requests that mean harm beside their bodies: broken HTTP, methods, paths, headers, races; and long trajectories."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from tests.service.served import Served, request, serving

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[Served]:
    async with serving() as found:
        yield found


async def raw(served: Served, sent: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes as they are; return the status, the headers and the body of what comes before the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(served.url.rpartition(":")[2]))
    writer.write(sent)
    got = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    head, _, body = got.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return int(first.split()[1]), {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}, body


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"GARBAGE\r\n\r\n", 400, "malformed_http"),
        (b"GET /health HTTP/1.1\r\nHost: localhost\r\nbad header: x\r\n\r\n", 400, "malformed_http"),
        (
            b"POST /v1/judgments HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
            400,
            "malformed_http",
        ),
        (b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n", 400, "malformed_http"),
        (b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 200_000, 431, "headers_too_large"),
        (b"GET /" + b"a" * 200_000, 431, "headers_too_large"),
    ],
    ids=["no HTTP", "no header", "a negative length", "a NUL", "a header of 200 KB", "a path of 200 KB"],
)
async def test_what_is_no_http_is_refused_as_a_problem(
    served: Served, sent: bytes, status: int, code: str
) -> None:
    found, headers, body = await raw(served, sent)
    assert (found, headers["content-type"]) == (status, "application/problem+json")
    assert json.loads(body)["code"] == code
    assert (await served.http.get("/health")).status_code == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "TRACE", "FOO"])
@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/judgments", "GET, POST"),
        ("/v1/judgments/batch", "POST"),
        ("/v1/judgments/jdg_1", "GET"),
        ("/v1/judgments/jdg_1:cancel", "POST"),
        ("/v1/blobs/" + "0" * 64, "GET, DELETE"),
        ("/compat/roll/poll", "GET, POST"),
    ],
)
async def test_a_method_that_a_path_has_not_is_405_and_names_those_that_it_has(
    served: Served, method: str, path: str, allowed: str
) -> None:
    answer = await served.http.request(method, path)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == set(allowed.split(", "))


@pytest.mark.parametrize("path", ["/v1/judgments/batch", "/v1/judgments/jdg_1:cancel"])
async def test_an_action_is_no_judgment_to_be_read(served: Served, path: str) -> None:
    answer = await served.http.get(path)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("given", ["-1", "x", "9" * 19, "1.5", "1,2"])
async def test_an_event_that_is_none_is_refused(served: Served, given: str) -> None:
    answer = await served.http.get("/v1/judgments/jdg_1/events", headers={"Last-Event-ID": given})
    assert (answer.status_code, answer.json()["field"]) == (422, "Last-Event-ID")


@pytest.mark.parametrize(
    "given", ["wait=-1", "wait=1e9", "wait", "=", ",,,", "respond-async=no;x", "\u00e9" * 50]
)
async def test_a_preference_that_cannot_be_read_is_none(served: Served, given: str) -> None:
    answer = await served.http.post(
        "/v1/judgments", json=request(), headers=[(b"Prefer", given.encode("latin-1"))]
    )
    assert answer.status_code == 200
    assert "preference-applied" not in answer.headers


async def test_fifty_equal_posts_at_one_time_are_one_judgment(served: Served) -> None:
    body = request(metadata={"of": "fifty"})
    answers = await asyncio.gather(*(served.post(body, Idempotency_Key="fifty") for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_a_batch_of_garbage_is_answered_line_by_line(served: Served) -> None:
    lines = [b"{", b"null", b"\xff", b'{"a":' * 500, b"[]", b"1e999", json.dumps(request()).encode()] * 50
    answer = await served.http.post(
        "/v1/judgments/batch", content=b"\n".join(lines), headers={"Content-Type": "application/jsonl"}
    )
    found = sorted((json.loads(line) for line in answer.text.splitlines()), key=lambda one: one["index"])
    assert [one["index"] for one in found] == list(range(350))
    assert [one["status"] for one in found[:7]] == [400, 422, 400, 400, 422, 422, 200]


async def test_a_key_in_a_path_comes_back_in_no_answer(served: Served) -> None:
    secret = "jk_" + "s3cret" * 5
    for path in ("compat/slime", "compat/none", "v1/judgments", "compat/../v1/judgments", ""):
        for method in ("GET", "POST", "OPTIONS"):
            answer = await served.http.request(method, f"/k/{secret}/{path}")
            assert answer.status_code >= 400
            assert secret not in answer.text + str(answer.headers)


async def test_others_are_served_while_tens_of_thousands_of_messages_are_judged(served: Served) -> None:
    messages = [{"role": "assistant", "content": "a"}] * 1000
    candidates = [{"id": f"c{index}", "trajectory": {"messages": messages}} for index in range(32)]
    posted = asyncio.create_task(served.post(request(recipe="verify", candidates=candidates)))
    beats = 0
    while not posted.done():
        assert (await served.http.get("/health")).status_code == 200
        beats += 1
    answer = await posted
    assert {one["status"] for one in answer.json()["candidates"]} == {"unscored"}
    assert beats > 10
