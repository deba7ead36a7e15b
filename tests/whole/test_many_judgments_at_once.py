"""Twenty-four judgments at once, with loops, bombs and deadlines among them: each ends as it should, nothing stays."""

from __future__ import annotations

import os
import time
import tomllib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from evals.service import free_port, start, stop, wait_until_ready
from tests.whole.processes import descendants, descriptors, files_in, keeping_orphans, mounts, new_descendants

pytestmark = pytest.mark.slow
MANY: dict[str, dict[str, Any]] = tomllib.loads(Path(__file__).with_name("many_judgments.toml").read_text())
SECONDS = 240
TESTS = {
    "call": {"args": [7], "expected": 49},
    "check": "def check(candidate):\n    assert candidate(7) == 49\n",
    "pytest": "from solution import f\ndef test_f():\n    assert f(7) == 49\n",
    "stdio": {"stdin": "7\n", "stdout": "49\n"},
}
TABLE = {
    "columns": [
        {"name": name, "type": kind}
        for name, kind in (("name", "TEXT"), ("city", "TEXT"), ("score", "INTEGER"))
    ],
    "rows": [["Ada", "Oslo", 1], ["Bo", "Rome", 3], ["Cy", "Oslo", 4], ["Di", "Bern", 2], ["Ed", "Rome", 7]],
}


def request_of(name: str, turn: int) -> dict[str, Any]:
    """Another prompt each turn: nothing is answered from an earlier one."""
    case = MANY[name]
    task: dict[str, Any] = {"prompt": f"Do it, turn {turn}."}
    body: dict[str, Any] = {"recipe": "verify", "metadata": {"name": name}, "task": task}
    body["budget"] = {"seconds": case.get("seconds", SECONDS)}
    if "code" in case:
        entry_point = "f" if case["kind"] in ("call", "check") else None
        tests = {"kind": case["kind"], "entry_point": entry_point, "hidden": [TESTS[case["kind"]]]}
        task["reference"] = {"tests": tests}
        text = f"```python\n{case['code']}\n```"
    else:
        task["reference"] = {"sql": case["reference"]}
        body["resources"] = {
            "databases": [{"name": "main", "engine": case["engine"], "tables": {"people": TABLE}}]
        }
        text = f"```sql\n{case['sql']}\n```"
    return {**body, "candidates": [{"id": "a", "trajectory": {"text": text}}]}


def end_of(judgment: dict[str, Any]) -> str:
    assert judgment["state"] == "done"
    (candidate,) = judgment["candidates"]
    if candidate["status"] != "scored":
        return str(candidate["failure_kind"])
    return "passes" if candidate["passed"] else "fails"


class Service:
    """The service in a process of its own, with a folder of its own for temporary files."""

    def __init__(self, folder: Path) -> None:
        self.data, self.temporary = folder / "data", folder / "tmp"
        self.temporary.mkdir(exist_ok=True)
        self.url = ""

    @contextmanager
    def running(self):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        output, settings = self.data / "service.out", {"TMPDIR": str(self.temporary)}
        self.process = start(self.data, port=port, model="none", output=output, settings=settings)
        try:
            wait_until_ready(self.process, self.url, output)
            yield self
        finally:
            stop(self.process)

    def post(self, body: dict[str, Any], **headers: str) -> httpx.Response:
        answer = httpx.post(f"{self.url}/v1/judgments", json=body, timeout=2 * SECONDS, headers=headers)
        return answer.raise_for_status()

    def judge_all(self, turn: int) -> dict[str, str]:
        with ThreadPoolExecutor(len(MANY)) as pool:
            answers = pool.map(lambda name: self.post(request_of(name, turn)).json(), MANY)
            return {answer["metadata"]["name"]: end_of(answer) for answer in answers}

    def accept_all(self) -> list[str]:
        with ThreadPoolExecutor(len(MANY)) as pool:
            return list(
                pool.map(
                    lambda name: self.post(request_of(name, 0), Prefer="respond-async").json()["id"], MANY
                )
            )

    def wait_for(self, judgment_id: str) -> dict[str, Any]:
        answer = httpx.get(
            f"{self.url}/v1/judgments/{judgment_id}",
            timeout=2 * SECONDS,
            headers={"Prefer": f"wait={SECONDS}"},
        )
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def wait_for_all(self, ids: list[str]) -> dict[str, str]:
        with ThreadPoolExecutor(len(ids)) as pool:
            return {one["metadata"]["name"]: end_of(one) for one in pool.map(self.wait_for, ids)}

    def ended(self) -> int:
        answer = httpx.get(f"{self.url}/v1/judgments?state=done", timeout=60).raise_for_status().json()
        return len(answer["data"])

    def holds(self, most: int | None = None) -> tuple[int, Counter[str]]:
        """Open descriptors and processes, once the first are no more than `most`, or 15 seconds are over."""
        deadline = time.monotonic() + 15
        while most is not None and descriptors(self.process.pid) > most and time.monotonic() < deadline:
            time.sleep(0.1)
        return descriptors(self.process.pid), Counter(descendants(self.process.pid).values())


@pytest.fixture
def service(tmp_path, sandbox):
    return Service(tmp_path)


def wanted(name: str) -> str:
    return MANY[name]["ends"]


def test_there_are_twenty_four_of_them():
    assert len(MANY) == 24


def test_each_of_many_judgments_ends_as_it_should_and_nothing_stays(service):
    before, mounted = descendants(os.getpid()), mounts()
    with keeping_orphans():
        with service.running():
            assert service.judge_all(1) == {name: wanted(name) for name in MANY}
            first, processes = service.holds()
            assert service.judge_all(2) == {name: wanted(name) for name in MANY}
            again, processes_again = service.holds(first)
            assert again <= first
            assert processes_again <= processes
            assert mounts() == mounted
        assert new_descendants(before) == {}
    assert files_in(service.temporary) == []


@pytest.mark.parametrize("ended", [0, 10])
def test_a_killed_service_leaves_nothing_behind_and_ends_them_all_when_it_starts_again(service, ended):
    before, mounted = descendants(os.getpid()), mounts()
    with keeping_orphans():
        with service.running():
            ids = service.accept_all()
            while service.ended() < ended or not descendants(service.process.pid):
                time.sleep(0.02)
            service.process.kill()
            service.process.wait()
            assert new_descendants(before) == {}
        assert mounts() == mounted
        with service.running():
            assert service.wait_for_all(ids) == {name: wanted(name) for name in MANY}
        assert new_descendants(before) == {}
    assert files_in(service.temporary) == []
    kept = {Path(name).parts[0] for name in files_in(service.data)}
    assert kept <= {
        "judge.db",
        "judge.db-shm",
        "judge.db-wal",
        "judge.db.lock",
        "log",
        "service.out",
        "blobs",
    }
