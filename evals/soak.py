"""`python -m evals soak`: mixed load on a service of two workers for minutes, and whether anything grows meanwhile.

Judgments by the model and by tests, batches, cancels, followers, a facade, joined groups and programs of `/run_code`,
all the time. Memory, descriptors and processes of the whole service and the write-ahead log of its database are looked
at; a line is fitted to the second half of each, and what it gains over that half must stay within a bound. The database
and the log grow by what they keep: they are told by judgment, and have no bound.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import shutil
import statistics
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from evals.bench.machine import machine
from evals.bench.process_tree import holdings
from evals.bench.service import model_server
from evals.kill_requests import GROUP_SIZE, facade_body, member_of, member_reward, request_of, right_reward
from evals.options import above_zero
from evals.service import started

LATENCY_SECONDS = 0.2
SAMPLES = 120
REST_SECONDS = 0.05
# What a fitted line may gain over the second half: a share of the mean, or an amount where that is more.
BOUNDS = {
    "rss_mb": (0.05, 24.0),
    "descriptors": (0.05, 16.0),
    "processes": (0.05, 2.0),
    "wal_mb": (0.25, 64.0),
}
Point = Mapping[str, float]


def add_parser(names: Any) -> None:
    parser = names.add_parser("soak", help="mixed load for minutes: does anything grow")
    parser.add_argument("--minutes", type=above_zero(24 * 60.0), default=30.0, help="how long (30)")
    parser.add_argument("--data-dir", type=Path, default=Path(".judge/soak"))
    parser.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Load and look. Returns 1 where something grew, or an answer was not what it should be."""
    shutil.rmtree(arguments.data_dir, ignore_errors=True)
    settings = {"JUDGE_WORKERS": "2", "JUDGE_MODEL_NAME": "fixed"}
    with (
        model_server(LATENCY_SECONDS) as model,
        started(arguments.data_dir, model=model, settings=settings) as service,
    ):
        load = _Mixed(service.url)
        points = asyncio.run(_watched(load, service.process.pid, arguments.data_dir, 60 * arguments.minutes))
    grown = growth(points)
    kept = _size_mb(arguments.data_dir)
    print(
        f"{dict(load.done)}; {kept:.1f} MB kept, {1024 * kept / max(1, sum(load.done.values())):.0f} kB a request"
    )
    print(*[f"{name}: {_shown(points, name)}" for name in BOUNDS], sep="\n")
    problems = [*grown, *load.problems]
    print(*(problems or ["nothing grew, and every answer was right"]), sep="\n")
    print(f"{machine()}, load average {os.getloadavg()[0]:.1f}")
    if arguments.json:
        print(
            json.dumps(
                {"done": load.done, "points": list(points), "problems": problems, "machine": machine()}
            )
        )
    return 1 if problems else 0


def growth(points: Sequence[Point]) -> list[str]:
    """What a line through the second half of the points gains beyond its bound, in words."""
    half = points[len(points) // 2 :]
    if len(half) < 3:
        return ["too few points to say anything: let it run longer"]
    times = [point["seconds"] for point in half]
    grown = []
    for name, (share, amount) in BOUNDS.items():
        values = [point[name] for point in half]
        gained = statistics.linear_regression(times, values).slope * (times[-1] - times[0])
        bound = max(share * statistics.mean(values), amount)
        if gained > bound:
            grown.append(f"{name} grew by {gained:.1f} in the second half, more than {bound:.1f}")
    return grown


def _shown(points: Sequence[Point], name: str) -> str:
    values = [point[name] for point in points]
    quarter = max(1, len(values) // 4)
    return " ".join(
        f"{statistics.mean(values[at : at + quarter]):.1f}" for at in range(0, len(values), quarter)
    )


async def _watched(load: _Mixed, pid: int, folder: Path, seconds: float) -> list[Point]:
    loading = asyncio.create_task(load.run(seconds))
    began, points = time.monotonic(), list[Point]()
    while not loading.done():
        points.append(await asyncio.to_thread(_point, pid, folder, time.monotonic() - began))
        await asyncio.wait([loading], timeout=seconds / SAMPLES)
    await loading
    return points


def _point(pid: int, folder: Path, seconds: float) -> Point:
    held = holdings(0, pid)
    wal = folder / "judge.db-wal"
    return {
        "seconds": seconds,
        "rss_mb": held.own_rss_mb + held.below_rss_mb,
        "descriptors": float(held.own_descriptors + (held.below_descriptors or 0)),
        "processes": float(held.below_processes),
        "wal_mb": wal.stat().st_size / 2**20 if wal.exists() else 0.0,
    }


def _size_mb(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


class _Mixed:
    """What clients do, each kind one after the other and all at one time. `problems` holds wrong answers."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/v1/judgments"
        self._root = url
        self._numbers = itertools.count()
        self.done = Counter[str]()
        self.problems = list[str]()

    async def run(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        kinds = (
            self._judged,
            self._judged,
            self._batched,
            self._cancelled,
            self._followed,
            self._facade,
            self._grouped,
            self._ran,
        )
        async with httpx.AsyncClient(timeout=60) as http, asyncio.TaskGroup() as tasks:
            for kind in kinds:
                tasks.create_task(self._on(kind, http, deadline))

    async def _on(
        self, kind: Callable[[httpx.AsyncClient], Awaitable[bool]], http: httpx.AsyncClient, deadline: float
    ) -> None:
        name = kind.__name__.lstrip("_")
        while time.monotonic() < deadline:
            is_right = await kind(http)
            self.done[name] += 1
            if not is_right and len(self.problems) < 20:
                self.problems.append(f"{name}: a wrong answer after {self.done.total()} requests")
            await asyncio.sleep(REST_SECONDS)

    async def _judged(self, http: httpx.AsyncClient) -> bool:
        number = next(self._numbers)
        answer = await http.post(self._url, json=request_of(number))
        return answer.status_code == 200 and _reward(answer.json()) == right_reward(number)

    async def _batched(self, http: httpx.AsyncClient) -> bool:
        numbers = [next(self._numbers) for _ in range(4)]
        lines = "\n".join(json.dumps(request_of(number)) for number in numbers)
        headers = {"Content-Type": "application/jsonl"}
        answer = await http.post(f"{self._url}/batch", content=lines, headers=headers)
        return answer.status_code == 200 and len(answer.text.splitlines()) == len(numbers)

    async def _cancelled(self, http: httpx.AsyncClient) -> bool:
        answer = await http.post(
            self._url, json=request_of(2 * next(self._numbers)), headers={"Prefer": "respond-async"}
        )
        ended = await http.post(f"{self._url}/{answer.json()['id']}:cancel")
        return ended.status_code in (200, 202)

    async def _followed(self, http: httpx.AsyncClient) -> bool:
        answer = await http.post(
            self._url, json=request_of(next(self._numbers)), headers={"Prefer": "respond-async"}
        )
        events = await http.get(f"{self._url}/{answer.json()['id']}/events")
        return events.text.count("event: judgment.done") == 1

    async def _facade(self, http: httpx.AsyncClient) -> bool:
        number = 1 + 4 * next(self._numbers)
        answer = await http.post(f"{self._root}/compat/openrlhf/get_reward", json=facade_body(number))
        return answer.status_code == 200 and answer.json()["rewards"] == right_reward(number)

    async def _grouped(self, http: httpx.AsyncClient) -> bool:
        number = next(self._numbers)
        answers = await asyncio.gather(
            *(http.post(f"{self._root}/v1/groups", json=member_of(number, at)) for at in range(GROUP_SIZE))
        )
        right = [member_reward(at) for at in range(GROUP_SIZE)]
        return all(
            answer.status_code == 200 and [one["reward"] for one in answer.json()["members"]] == right
            for answer in answers
        )

    async def _ran(self, http: httpx.AsyncClient) -> bool:
        number = next(self._numbers)
        answer = await http.post(
            f"{self._root}/run_code", json={"code": f"print({number})", "language": "python"}
        )
        return answer.status_code in (429, 503, 504) or f"{number}\\n" in answer.text


def _reward(judgment: Mapping[str, Any]) -> object:
    return judgment["candidates"][0]["reward"]
