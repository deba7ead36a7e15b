"""`python -m evals kill`: SIGKILLs the service at random moments with judgments running, and checks what is left.

Every accepted judgment must end exactly once, as its twin that nobody killed; no model call that was
journalled may reach the model server again; the log must verify. Requests come from synchronous clients,
which are gone after a kill, and from asynchronous ones, which come back.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from evals.kill_targets import TARGETS, kill_under_load
from evals.options import whole
from evals.service import free_port, start, stop, wait_until_ready
from judge_agent.log import heads_in, read, verify
from judge_agent.log.ends import ended_twice

EXAMPLES = Path(__file__).parent / "examples"
LATENCY_SECONDS = 0.05
END_SECONDS = 120.0
Request = dict[str, Any]


def add_parser(names: Any) -> None:
    parser = names.add_parser("kill", help="SIGKILL the service at random moments, and check what is left")
    parser.add_argument("--kills", type=whole(1, 10_000), default=20, help="how often it is killed (20)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--target",
        choices=("alone", "all", *TARGETS),
        default="alone",
        help="alone: a service of one process, each judgment compared with an unkilled twin; else under load with two "
        "workers: the whole service, single workers, processes of boxes, or all of these in turn",
    )
    parser.add_argument(
        "--database-url", help="a PostgreSQL to judge from, empty at first; SQLite without it"
    )
    parser.add_argument("--data-dir", type=Path, default=Path(".judge/kill"))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    folder, kills, seed = arguments.data_dir, arguments.kills, arguments.seed
    if arguments.target == "alone":
        problems = kill_and_compare(folder, kills, seed)
    else:
        targets = TARGETS if arguments.target == "all" else (arguments.target,)
        problems = asyncio.run(kill_under_load(folder, kills, seed, targets, arguments.database_url))
    for problem in problems:
        print(f"PROBLEM {problem}")
    print(f"{arguments.kills} kills, {len(problems)} problems")
    return 1 if problems else 0


def kill_and_compare(folder: Path, kills: int, seed: int) -> list[str]:
    """Run the same requests unkilled and killed; returns what does not hold."""
    shutil.rmtree(folder, ignore_errors=True)
    requests = [_request(index) for index in range(2 * kills)]
    with _model_server() as model:
        twins = _Service(folder / "twin", model).judge_all(requests)
    with _model_server() as model:
        killed = _Service(folder / "killed", model)
        return killed.judge_all_killed(requests, twins, random.Random(seed))  # noqa: S311 - reproducible


def _request(index: int) -> Request:
    """Half of the requests run tests in boxes, half are judged by the model alone; every task differs."""
    if index % 2 == 0:
        request: Request = json.loads((EXAMPLES / "coding.json").read_text("utf-8"))
        request["task"]["prompt"] += f" Variant {index}."
    else:
        answers = [
            f"Water boils at {90 + index} degrees at sea level.",
            "It depends on the pressure, for one.",
        ]
        candidates = [{"id": f"c{i}", "trajectory": {"text": text}} for i, text in enumerate(answers)]
        request = {"task": {"prompt": f"When does water boil? Variant {index}."}, "candidates": candidates}
    return {**request, "seed": index, "metadata": {"index": index}, "budget": {"seconds": END_SECONDS}}


@contextmanager
def _model_server() -> Iterator[str]:
    """A loopback model server that answers by the prompt's hash and counts every request."""
    port = free_port()
    command = [sys.executable, "-m", "judge_agent.models.fake_server", "--port", str(port)]
    process = subprocess.Popen([*command, "--latency", str(LATENCY_SECONDS)], stdout=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        for _ in range(300):
            with suppress(httpx.HTTPError):
                httpx.get(f"{url}/v1/models", timeout=2)
                break
            time.sleep(0.1)
        yield url
    finally:
        stop(process)


class _Service:
    """One service on one data folder, started and killed as often as wanted."""

    def __init__(self, data_dir: Path, model: str) -> None:
        self.data_dir = data_dir
        self.model = model
        self.output = data_dir / "service.out"
        self.url = ""
        self.process: subprocess.Popen[bytes] | None = None

    def judge_all(self, requests: list[Request]) -> dict[int, Any]:
        """Judge every request in turn, undisturbed; results by index."""
        self._start()
        try:
            return {request["metadata"]["index"]: _essence(self._post(request)) for request in requests}
        finally:
            self._stop()

    def judge_all_killed(
        self, requests: list[Request], twins: dict[int, Any], chance: random.Random
    ) -> list[str]:
        """Post two requests, kill, restart, and so on; then wait for all ends and compare."""
        accepted: dict[str, int] = {}
        lost = 0
        for first, second in zip(requests[::2], requests[1::2], strict=True):
            self._start()
            gone = threading.Thread(target=self._post_and_be_cut_off, args=(first,), daemon=True)
            gone.start()
            accepted[self._submit(second)] = second["metadata"]["index"]
            time.sleep(chance.uniform(0.0, 1.2))
            assert self.process is not None
            self.process.kill()
            self.process.wait()
            gone.join(10)
            lost = self._model_requests() - self._journalled()
            accepted |= self._accepted()
        self._start()
        try:
            ended = {judgment_id: self._wait(judgment_id) for judgment_id in accepted}
        finally:
            self._stop()
        repeated = self._model_requests() - self._journalled() - lost
        return [*self._problems(accepted, ended, twins, repeated), *self._log_problems()]

    def _problems(
        self, accepted: dict[str, int], ended: dict[str, Any], twins: dict[int, Any], repeated: int
    ) -> list[str]:
        problems = [f"{repeated} journalled model calls were made again"] if repeated else []
        problems += [f"{name} did not end" for name, judgment in ended.items() if judgment is None]
        problems += [
            f"{name} (request {accepted[name]}) differs from its twin"
            for name, judgment in ended.items()
            if judgment is not None and _essence(judgment) != twins[accepted[name]]
        ]
        print(f"{len(accepted)} accepted, {sum(j is not None for j in ended.values())} ended", flush=True)
        return problems

    def _log_problems(self) -> list[str]:
        report = verify(self.data_dir / "log", heads_in(self.data_dir / "judge.db"))
        problems = [f"log: {problem}" for problem in report.problems] if report.status == "tampered" else []
        events = ({"judgment_id": one.judgment_id, "type": one.type} for one in read(self.data_dir / "log"))
        return problems + [f"the log holds two ends of {one}" for one in ended_twice(events)]

    def _start(self) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        settings = {"JUDGE_MODEL_NAME": "fake"}
        self.process = start(
            self.data_dir, port=port, model=f"{self.model}/v1", output=self.output, settings=settings
        )
        wait_until_ready(self.process, self.url, self.output)

    def _stop(self) -> None:
        if self.process is not None:
            stop(self.process)

    def _post(self, request: Request) -> Any:
        return (
            httpx.post(f"{self.url}/v1/judgments", json=request, timeout=END_SECONDS)
            .raise_for_status()
            .json()
        )

    def _post_and_be_cut_off(self, request: Request) -> None:
        with suppress(httpx.HTTPError):
            self._post(request)

    def _submit(self, request: Request) -> str:
        headers = {"Prefer": "respond-async"}
        answer = httpx.post(f"{self.url}/v1/judgments", json=request, headers=headers, timeout=30)
        judgment_id: str = answer.raise_for_status().json()["id"]
        return judgment_id

    def _wait(self, judgment_id: str) -> Any:
        deadline = time.monotonic() + END_SECONDS
        while time.monotonic() < deadline:
            judgment = (
                httpx.get(f"{self.url}/v1/judgments/{judgment_id}", timeout=30).raise_for_status().json()
            )
            if judgment["state"] in ("done", "cancelled"):
                return judgment
            time.sleep(0.2)
        return None

    def _model_requests(self) -> int:
        counts = httpx.get(f"{self.model}/counts", timeout=10).json()
        return sum(counts.values())

    def _journalled(self) -> int:
        own = self._rows("SELECT count(*) FROM journal WHERE kind = 'model' AND key <> 'model_info'")[0][0]
        shared = self._rows("SELECT count(*) FROM shared_results WHERE key LIKE 'call/%'")[0][0]
        return int(own) + int(shared)

    def _accepted(self) -> dict[str, int]:
        rows = self._rows("SELECT id, metadata FROM judgments")
        return {name: json.loads(metadata)["index"] for name, metadata in rows}

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.data_dir / "judge.db")) as connection:
            return connection.execute(query).fetchall()


def _essence(judgment: Any) -> Any:
    """A judgment without what differs between runs: its id, its times, how often it was resumed."""
    if isinstance(judgment, dict):
        differs = {"created", "seconds", "usage", "sha256"} | ({"id"} if "state" in judgment else set())
        return {key: _essence(value) for key, value in judgment.items() if key not in differs}
    return [_essence(item) for item in judgment] if isinstance(judgment, list) else judgment
