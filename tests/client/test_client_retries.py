"""When the client tries again: against a loopback server that fails in known ways first."""

from __future__ import annotations

import asyncio
import json
import pickle
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

import httpx
import pytest

from judge_agent.client import AsyncJudgeClient, JudgeClient
from judge_agent.client.patience import MAX_PAUSE_SECONDS, Patience
from judge_agent.errors import ServiceUnavailable
from judge_agent.schema import Judgment

DONE = Judgment(id="jdg_1", state="done", created=1.0).model_dump_json()


class Failure(NamedTuple):
    status: int
    body: str = "{}"
    retry_after: str | None = None


class Failing(NamedTuple):
    url: str
    keys: list[str]


@contextmanager
def failing(*failures: Failure | None) -> Iterator[Failing]:
    """Fail as told, in order (None drops the connection), then answer with a judgment."""
    script, keys = list(failures), list[str]()

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            keys.append(self.headers["Idempotency-Key"])
            failure = script.pop(0) if script else Failure(200, DONE)
            if failure is None:
                self.connection.close()
                return
            self.send_response(failure.status)
            if failure.retry_after is not None:
                self.send_header("Retry-After", failure.retry_after)
            self.send_header("Content-Length", str(len(failure.body)))
            self.end_headers()
            self.wfile.write(failure.body.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Failing(f"http://127.0.0.1:{server.server_port}", keys)
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    "failure", [None, Failure(503), Failure(429, retry_after="0"), Failure(502, "<html>")]
)
def test_a_post_that_failed_is_sent_again_under_the_same_key(failure: Failure | None) -> None:
    with failing(failure, failure) as server, JudgeClient(server.url) as client:
        assert client.judge({"task": {}}).id == "jdg_1"
    assert len(server.keys) == 3
    assert len(set(server.keys)) == 1


def test_two_judgments_have_two_keys() -> None:
    with failing() as server, JudgeClient(server.url) as client:
        client.judge({"task": {}})
        client.judge({"task": {}})
    assert len(set(server.keys)) == 2


def test_a_retry_after_beyond_the_patience_is_not_waited_for() -> None:
    body = json.dumps({"detail": "the queue is full", "id": "jdg_9"})
    full = Failure(429, body, retry_after="25")
    with failing(full) as server, pytest.raises(ServiceUnavailable, match="the queue is full") as caught:
        JudgeClient(server.url, retry_seconds=1).judge({"task": {}})
    assert (caught.value.status, caught.value.judgment_id, len(server.keys)) == (429, "jdg_9", 1)


def test_an_answer_that_is_no_judgment_says_so() -> None:
    page = Failure(200, "<html>hello</html>")
    with failing(page) as server, pytest.raises(ServiceUnavailable, match="JUDGE_URL"):
        JudgeClient(server.url).judge({"task": {}})


def test_a_service_that_hangs_is_waited_for_no_longer_than_was_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        client = JudgeClient(f"http://127.0.0.1:{deaf.getsockname()[1]}")
        began = time.monotonic()
        with client, pytest.raises(ServiceUnavailable, match="ReadTimeout"):
            client.judge({"task": {}}, timeout_seconds=0.1)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("text", ["Wed, 21 Oct 2015 07:28:00 GMT", "\u00b2", "soon", "-5", "", " 0 "])
def test_a_retry_after_that_is_past_or_no_time_delays_nobody_for_long(text: str) -> None:
    with failing(Failure(503, retry_after=text)) as server, JudgeClient(server.url) as client:
        began = time.monotonic()
        assert client.judge({"task": {}}).id == "jdg_1"
    assert time.monotonic() - began < 5


def test_a_retry_after_may_be_a_date() -> None:
    in_a_minute = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    busy = Failure(503, retry_after=in_a_minute)
    with failing(busy) as server, pytest.raises(ServiceUnavailable):
        JudgeClient(server.url, retry_seconds=5).judge({"task": {}})
    assert len(server.keys) == 1


def test_patience_without_end_stays_within_the_longest_pause() -> None:
    patience = Patience(1e9)
    pauses = [patience.after_error(httpx.ConnectError("refused")) for _ in range(3000)]
    assert max(pauses) <= MAX_PAUSE_SECONDS
    assert min(pauses[20:]) >= MAX_PAUSE_SECONDS / 2


def test_who_wants_to_know_is_told_of_the_first_failed_try_of_a_call() -> None:
    told = list[tuple[str, float]]()

    async def judge(url: str) -> None:
        async with AsyncJudgeClient(
            url, retry_seconds=20, on_retry=lambda *failure: told.append(failure)
        ) as client:
            await client.judge({"task": {}})
            await client.judge({"task": {}})
            assert pickle.loads(pickle.dumps(client)).url == url

    with failing(Failure(503, '{"detail": "it starts"}'), None) as server:
        asyncio.run(judge(server.url))
    [(failure, seconds)] = told
    assert failure == "503 from the service: it starts"
    assert 10 < seconds <= 20


def test_nobody_is_told_of_a_try_that_no_other_follows() -> None:
    def told(failure: str, seconds: float) -> None:
        raise AssertionError(failure)

    async def judge() -> None:
        async with AsyncJudgeClient("http://127.0.0.1:9", retry_seconds=0, on_retry=told) as client:
            await client.judge({"task": {}})

    with pytest.raises(ServiceUnavailable):
        asyncio.run(judge())
