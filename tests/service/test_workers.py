"""Several processes on one port: one that is killed or paused loses nothing, and none outlives the service."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
ROOT = Path(__file__).parents[2]
LEASE_SECONDS = 2.0


@contextmanager
def two_workers(
    folder: Path, started: Callable[[int], None] = lambda _: None, **settings: str
) -> Iterator[tuple[subprocess.Popen[str], str, list[int]]]:
    """A real service with two workers: its process, its URL, the workers' pids. `started` gets its pid at once."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("JUDGE_")},
        "JUDGE_DATA_DIR": str(folder),
        "JUDGE_LEASE_SECONDS": str(LEASE_SECONDS),
        "JUDGE_SANDBOX": "none",
        "PYTHONPATH": str(ROOT),
        **settings,
    }
    command = [
        sys.executable,
        "-m",
        "judge_agent.cli",
        "serve",
        "--port",
        "0",
        "--model",
        "none",
        "--workers",
        "2",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT) as service:
        assert service.stdout is not None
        try:
            started(service.pid)
            url = service.stdout.readline().split()[2]
            service.stdout.readline()
            pids = service.stdout.readline().removeprefix("workers: ")
            yield service, url, [int(pid) for pid in pids.split(",")]
        finally:
            service.terminate()
            service.wait(30)


def children(pid: int) -> list[int]:
    """The processes that this one has started, as long as they run."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def calls(seed: int) -> dict:
    """What `verify` decides without a model and without a box: a call against its schema."""
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tool = {"type": "function", "function": {"name": "weather", "parameters": parameters}}
    call = {"id": "1", "type": "function", "function": {"name": "weather", "arguments": '{"town": "Rome"}'}}
    messages = [{"role": "assistant", "content": None, "tool_calls": [call]}]
    candidate = {"id": "a", "trajectory": {"messages": messages, "tools": [tool]}}
    return {"task": {"prompt": "Weather?"}, "candidates": [candidate], "recipe": "verify", "seed": seed}


async def sent(http: httpx.AsyncClient, method: str, path: str, **given) -> httpx.Response:
    """Send until some worker answers: one that has just been killed had the connection."""
    while True:
        try:
            return await http.request(method, path, **given)
        except httpx.TransportError:
            await asyncio.sleep(0.05)


async def accepted(http: httpx.AsyncClient, seed: int) -> str:
    headers = {"Prefer": "respond-async", "Idempotency-Key": f"post-{seed}"}
    answer = await sent(http, "POST", "/v1/judgments", json=calls(seed), headers=headers)
    return str(answer.json()["id"])


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_killed_and_paused_workers_lose_nothing(tmp_path: Path) -> None:
    with two_workers(tmp_path) as (_, url, pids):
        async with httpx.AsyncClient(base_url=url, timeout=30) as http:
            ids = [await accepted(http, seed) for seed in range(10)]
            os.kill(pids[0], signal.SIGKILL)
            ids += [await accepted(http, seed) for seed in range(10, 20)]
            asyncio.get_running_loop().call_later(2 * LEASE_SECONDS, os.kill, pids[1], signal.SIGCONT)
            os.kill(pids[1], signal.SIGSTOP)
            ids += await asyncio.gather(*(accepted(http, seed) for seed in range(20, 30)))
            ended = [
                (await sent(http, "GET", f"/v1/judgments/{id_}", headers={"Prefer": "wait=20"})).json()
                for id_ in ids
            ]
    assert len(set(ids)) == 30
    assert {one["state"] for one in ended} == {"done"}
    assert {one["candidates"][0]["passed"] for one in ended} == {False}


async def test_a_judgment_is_seen_and_followed_at_every_worker(tmp_path: Path) -> None:
    with two_workers(tmp_path) as (_, url, _):
        for seed in range(6):
            async with httpx.AsyncClient(base_url=url, timeout=30) as http:
                posted = (await http.post("/v1/judgments", json=calls(seed))).json()
            async with httpx.AsyncClient(base_url=url, timeout=30) as http:
                found = (await http.get(f"/v1/judgments/{posted['id']}")).json()
                events = (await http.get(f"/v1/judgments/{posted['id']}/events")).text
            assert found == posted
            assert events.rstrip().rpartition("event: ")[2].startswith("judgment.done")
        # Each worker answers for both.
        for _ in range(4):
            async with httpx.AsyncClient(base_url=url, timeout=30) as http:
                numbers = (await http.get("/metrics")).text
            ended = 'judge_judgments_total{cached="no",recipe="verify",state="done"} 6.0'
            assert ended in numbers, numbers


async def test_workers_together_accept_no_more_than_a_key_may_have(tmp_path: Path) -> None:
    with two_workers(tmp_path, JUDGE_KEY_REQUESTS_PER_MINUTE="5") as (_, url, _):

        async def post(seed: int) -> httpx.Response:
            # A connection of its own, so that both workers are asked.
            async with httpx.AsyncClient(base_url=url, timeout=30) as http:
                return await http.post("/v1/judgments", json=calls(seed))

        answers = await asyncio.gather(*(post(seed) for seed in range(24)))
        statuses = [answer.status_code for answer in answers]
        # Five, and one more where these take twelve seconds.
        assert set(statuses) == {200, 429}
        assert statuses.count(200) in (5, 6)
        refused = next(answer for answer in answers if answer.status_code == 429)
        assert refused.json()["code"] == "quota_requests_per_minute"
        assert 1 <= int(refused.headers["retry-after"]) <= 12


async def test_the_port_of_a_killed_service_is_free_at_once(tmp_path: Path) -> None:
    with two_workers(tmp_path) as (service, url, _):
        async with httpx.AsyncClient(base_url=url, timeout=30) as http:
            await accepted(http, 1)
        service.kill()
        service.wait()
        async with asyncio.timeout(3):
            while not _can_bind(int(url.rpartition(":")[2])):  # noqa: ASYNC110 - a port tells nobody
                await asyncio.sleep(0.05)


def _can_bind(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


async def test_a_worker_that_is_killed_before_it_serves_is_started_again(tmp_path: Path) -> None:
    killed = list[int]()

    def kill_the_first(parent: int) -> None:
        while not killed:
            for pid in children(parent):
                if b"api.worker" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)
                    return
            time.sleep(0.01)

    with two_workers(tmp_path, started=kill_the_first) as (service, url, pids):
        assert killed
        assert killed[0] not in pids
        assert len(pids) == 2
        assert service.poll() is None
        async with httpx.AsyncClient(base_url=url) as http:
            assert (await http.get("/health")).status_code == 200


async def test_no_worker_outlives_a_killed_service(tmp_path: Path) -> None:
    with two_workers(tmp_path) as (service, _, pids):
        service.kill()
        service.wait()
        for _ in range(100):
            if not any(map(is_alive, pids)):
                return
            await asyncio.sleep(0.1)
    pytest.fail(f"still there: {[pid for pid in pids if is_alive(pid)]}")


async def test_a_taken_database_is_refused_before_any_worker_starts(tmp_path: Path) -> None:
    with two_workers(tmp_path):
        environment = {**os.environ, "JUDGE_DATA_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "judge_agent.cli", "serve", "--port", "0", "--model", "none"]
        second = await asyncio.to_thread(
            subprocess.run,
            command,
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert second.returncode != 0
    assert "in use by another service" in second.stderr


async def test_a_worker_that_cannot_start_is_told_in_a_line(tmp_path: Path) -> None:
    environment = {**os.environ, "JUDGE_DATA_DIR": str(tmp_path), "JUDGE_TOOL_PACKAGES": "nobody-has-it"}
    command = [sys.executable, "-m", "judge_agent.cli", "serve", "--port", "0", "--model", "none"]
    done = await asyncio.to_thread(
        subprocess.run,
        [*command, "--workers", "2"],
        env=environment | {"PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    last = done.stderr.splitlines()[-1]
    assert (done.returncode, "did not start (exit 1); it said why above" in last) == (3, True), done.stderr
    assert "JUDGE_TOOL_PACKAGES: 'nobody-has-it'" in done.stderr
    assert "Traceback" not in done.stderr
