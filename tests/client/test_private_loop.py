"""The loop that blocking calls run on: one thread a process, none left open, alive after forks and in children."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from judge_agent.client import AsyncJudgeClient, JudgeClient, private_loop
from judge_agent.errors import InvalidRequest, ServiceUnavailable
from judge_agent.trainers import RolloutJudge
from tests.service.served import Served, request, serving_in_a_thread

ROOT = Path(__file__).parents[2]
LEFT_OPEN = """
import asyncio, sys
from judge_agent import AsyncJudgeClient, JudgeClient
kept = JudgeClient(sys.argv[1])
print(kept.health()["status"])
dropped = JudgeClient(sys.argv[1])
dropped.health()
del dropped
"""


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving_in_a_thread() as found:
        yield found


def own_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "judge-agent-client"]


def in_a_child(pickled: bytes) -> str:
    client: JudgeClient = pickle.loads(pickled)
    with client:
        return str(client.judge(request()).state)


def test_all_clients_of_a_process_share_one_thread(served: Served) -> None:
    with JudgeClient(served.url) as first, JudgeClient(served.url) as second:
        first.health()
        second.health()
    assert len(own_threads()) == 1
    assert own_threads()[0].daemon


def test_a_program_that_closes_nothing_ends_without_a_warning(served: Served) -> None:
    command = [sys.executable, "-W", "error", "-c", LEFT_OPEN, served.url]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ready\n", "")


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_has_a_loop_of_its_own_and_the_parents_goes_on(served: Served) -> None:
    with JudgeClient(served.url) as client:
        client.health()
        pid = os.fork()
        if pid == 0:
            good = client.judge(request()).state == "done"
            client.close()
            os._exit(0 if good else 1)
        assert client.judge(request(seed=3)).state == "done"
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert client.judge(request(seed=4)).state == "done"


def test_a_client_can_be_sent_to_a_process_that_was_spawned(served: Served) -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(in_a_child, (pickle.dumps(JudgeClient(served.url)),)) == "done"


def test_a_client_that_was_dropped_leaves_no_connection_open(served: Served) -> None:
    def used() -> None:
        JudgeClient(served.url).health()

    used()
    gc.collect()
    private_loop.run(asyncio.sleep(0.05))
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        used()
    gc.collect()
    private_loop.run(asyncio.sleep(0.05))
    assert len(os.listdir("/proc/self/fd")) <= before


@pytest.mark.anyio
async def test_an_async_client_keeps_a_pool_for_each_of_two_loops_at_one_time(served: Served) -> None:
    client = AsyncJudgeClient(served.url)
    here, there = await asyncio.gather(
        client.health(), asyncio.to_thread(lambda: private_loop.run(client.health()))
    )
    assert here["status"] == there["status"] == "ready"
    await client.aclose()
    await asyncio.to_thread(lambda: private_loop.run(client.aclose()))
    assert not client.is_open


def test_a_call_that_would_wait_for_itself_is_refused() -> None:
    async def inside() -> None:
        JudgeClient("http://127.0.0.1:9").health()

    with pytest.raises(RuntimeError, match="never end"):
        private_loop.run(inside())


@pytest.mark.parametrize("url", ["http://127.0.0.1:many", "http://", "ftp://h", "http://[::1"])
def test_an_address_that_no_client_can_ask_is_refused_at_once(url: str) -> None:
    with pytest.raises(InvalidRequest, match="url"):
        JudgeClient(url)


def test_a_key_that_no_header_can_carry_is_refused_without_being_told() -> None:
    with pytest.raises(InvalidRequest) as caught:
        JudgeClient("http://127.0.0.1:9", "sec\nret").recipes()
    assert "sec" not in str(caught.value).replace("secret", "")


def test_an_answer_that_cannot_be_unpacked_is_not_asked_for_again() -> None:
    asked = list[str]()

    class Garbled(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"junk")

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Garbled) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        client = JudgeClient(f"http://127.0.0.1:{server.server_port}")
        with client, pytest.raises(ServiceUnavailable, match="DecodingError"):
            client.recipes()
        server.shutdown()
        thread.join()
    assert len(asked) == 1


def test_a_password_in_the_address_is_shown_nowhere() -> None:
    url = "https://ada:hunter2@judge.example/base"
    shown = [repr(JudgeClient(url)), repr(AsyncJudgeClient(url)), repr(RolloutJudge(url))]
    assert not any("hunter2" in text for text in shown)
    assert all("judge.example/base" in text for text in shown)
