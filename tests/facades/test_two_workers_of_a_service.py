"""`serve --workers 2`: whichever worker a trainer's connection comes to, a failed rollout has its group's mean."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
ROOT = Path(__file__).parents[2]
PROMPT = "Write add(a, b)."
TESTS = {"kind": "call", "entry_point": "add", "hidden": [{"args": [2, 3], "expected": 5}]}
LABEL = json.dumps({"reference": {"tests": TESTS}})
QUERY = {"recipe": "verify", "dimensions": "correctness"}


@contextmanager
def two_workers(folder: Path) -> Iterator[tuple[str, list[int]]]:
    """A real service with two workers and real boxes: its address, the workers' pids."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JUDGE_")}
    environment = kept | {"JUDGE_DATA_DIR": str(folder), "JUDGE_LEASE_SECONDS": "2", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "judge_agent.cli", "serve", "--port", "0", "--model", "none"]
    command += ["--workers", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT) as service:
        assert service.stdout is not None
        try:
            url = service.stdout.readline().split()[2]
            service.stdout.readline()
            pids = service.stdout.readline().removeprefix("workers: ")
            yield url, [int(pid) for pid in pids.split(",")]
        finally:
            service.terminate()
            service.wait(30)


async def get_reward(url: str, response: str) -> Any:
    """Post as OpenRLHF does: one rollout, over a connection of its own; sent again where a worker has just gone."""
    body = {"query": [PROMPT + response], "prompts": [PROMPT], "labels": [LABEL]}
    for _ in range(100):
        try:
            async with httpx.AsyncClient(base_url=url, timeout=30) as http:
                answer = await http.post("/compat/openrlhf/get_reward", json=body, params=QUERY)
        except httpx.TransportError:
            await asyncio.sleep(0.1)
            continue
        assert answer.status_code == 200, answer.text
        return answer.json()
    raise TimeoutError(f"no worker at {url} answers")


def code(operator: str, start: str = "") -> str:
    return f"```python\n{start}\ndef add(a, b):\n    return a {operator} b\n```"


def unjudged(place: int) -> str:
    """Code that needs what the judge's boxes lack: a failure of the judge, each one another."""
    return code("*", f"import pandas  # {place}")


async def test_every_worker_gives_the_mean_of_the_group_and_so_does_one_that_comes_later(
    tmp_path: Path,
) -> None:
    with two_workers(tmp_path) as (url, pids):
        for operator, reward in (("+", 1.0), ("-", 0.0)):
            assert (await get_reward(url, code(operator)))["rewards"] == reward
        failed = [await get_reward(url, unjudged(place)) for place in range(8)]
        os.kill(pids[0], signal.SIGKILL)
        failed += [await get_reward(url, unjudged(place)) for place in range(8, 16)]
    assert {(one["rewards"], one["extra_logs"]["judge_failed"]) for one in failed} == {(0.5, 1.0)}
