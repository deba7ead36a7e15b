"""The parts of the benchmark of the service: each loads a running one, checks every answer, says what it found."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp

from evals.bench.disk import DiskProbe
from evals.bench.loads import Answered, Poster, closed_loop, open_loop, quantile, steady_rate, whole_rate
from evals.bench.process_tree import below, rss_mb
from evals.bench.service_requests import MODEL_CALLS, by_model, by_tests, numbered

MAX_OVERHEAD_MS = 150.0
MAX_OVERHEAD_SHARE = 0.10
MAX_RSS_MB = 2048.0
WARM = 8
AT_ONCE = 96
MOST_AT_ONCE = 800
ENOUGH = 1.15
FEWER = 0.9
LEAST_ARRIVALS = 1.0
AT_ONCE_BOXED = 16
LOOK_SECONDS = 0.1
SAME = 16
_OPEN = re.compile(rb'judge_open_judgments\{state="running"\} ([0-9.e+]+)')
_CALLS = re.compile(
    rb'^judge_calls_total\{kind="(\w+)",outcome="[^"]*",replayed="false",tool="[^"]*"\} ([0-9.]+)', re.M
)


class WrongEnd(Exception):
    """A judgment ended otherwise than it should: then no figure says anything."""


@dataclass(frozen=True)
class Found:
    """What a part measured: for people, for scripts, and which bounds do not hold."""

    text: str
    told: dict[str, Any]
    failures: list[str] = field(default_factory=list)


async def overhead(url: str, latency: float, *, seconds: float, seed: int, folder: Path) -> Found:
    """What the service adds to the model's time at half its capacity, which is measured first; and what the disk of its
    `folder` takes in the same seconds.
    """
    own = MODEL_CALLS * latency
    async with Poster.opened(f"{url}/v1/judgments") as poster:
        bodies = numbered(by_model)
        await _warmed(poster, bodies)
        capacity, closed = await _capacity(
            poster, bodies, own=own, seconds=max(seconds / 2, 4 * own), seed=seed
        )
        with DiskProbe(folder) as disk:
            answered = await open_loop(poster, bodies, per_second=capacity / 2, seconds=seconds, seed=seed)
    _scored(answered)
    added = [1000 * (one.seconds - own) for one in answered]
    told = {
        "capacity_per_second": round(capacity, 1),
        "closed_loop_per_second": round(closed, 1),
        "arrivals_per_second": round(capacity / 2, 1),
        "judgments": len(answered),
        "model_seconds": own,
        "overhead_p50_ms": round(quantile(added, 50), 1),
        "overhead_p99_ms": round(quantile(added, 99), 1),
        "overhead_max_ms": round(max(added), 1),
        "overhead_p99_share": round(quantile(added, 99) / 1000 / own, 4),
        "sent_late_p99_ms": round(1000 * quantile([one.late_seconds for one in answered], 99), 1),
        **disk.told(),
    }
    bound = min(MAX_OVERHEAD_MS, 1000 * own * MAX_OVERHEAD_SHARE)
    text = (
        f"overhead: {told['overhead_p50_ms']} ms p50, {told['overhead_p99_ms']} ms p99, "
        f"{told['overhead_max_ms']} ms at most over {own:g} s of model time ({100 * told['overhead_p99_share']:.1f}% "
        f"p99); {len(answered)} judgments arrive at {told['arrivals_per_second']}/s, half of "
        f"{told['capacity_per_second']}/s that are kept up with ({told['closed_loop_per_second']}/s in a closed loop)"
    )
    if "disk_max_ms" in told:
        text += (
            f"; to keep 4 kB its disk takes {told['disk_p99_ms']} ms p99, {told['disk_max_ms']} ms at most"
        )
    over = f"p99 of {told['overhead_p99_ms']} ms is not under {bound:g} ms"
    return Found(text, told, [over] if told["overhead_p99_ms"] >= bound else [])


async def in_flight(url: str, pid: int, count: int) -> Found:
    """So many judgments at one time: all are running at once, and the most memory that the process had."""
    peak = _Peak(url, pid)
    async with Poster.opened(f"{url}/v1/judgments") as poster:
        bodies = numbered(by_model)
        await poster.post(next(bodies))
        idle = rss_mb([pid])
        watching = asyncio.create_task(peak.watch())
        began = time.monotonic()
        answered = await asyncio.gather(*(poster.post(next(bodies)) for _ in range(count)))
        seconds = time.monotonic() - began
        watching.cancel()
    _scored(answered)
    told = {
        "judgments": count,
        "running_at_once": peak.running,
        "rss_idle_mb": idle,
        "rss_mb": peak.own_mb,
        "rss_below_mb": peak.below_mb,
        "kb_per_judgment": round((peak.own_mb - idle) * 1024 / count, 1),
        "seconds": round(seconds, 1),
    }
    text = (
        f"in flight: {peak.running} of {count} judgments at once in {peak.own_mb:.0f} MB (idle {idle:.0f} MB, "
        f"{told['kb_per_judgment']:.0f} kB each; processes below {peak.below_mb:.0f} MB), "
        f"all scored after {seconds:.1f} s"
    )
    failures = [f"{peak.own_mb:.0f} MB are not within {MAX_RSS_MB:g} MB"] if peak.own_mb > MAX_RSS_MB else []
    if peak.running < count:
        failures.append(f"only {peak.running} of {count} were in flight at one time")
    return Found(text, told, failures)


async def verify(url: str, *, seconds: float, seed: int) -> Found:
    """Judgments that run ten unit tests in boxes and ask no model: at full rate, then arriving at half of it."""
    async with Poster.opened(f"{url}/v1/judgments") as poster:
        bodies = numbered(by_tests)
        await _warmed(poster, bodies)
        full = await closed_loop(
            poster, bodies, at_once=AT_ONCE_BOXED, until=partial(_is_over, seconds=seconds)
        )
        rate = steady_rate(full, skipped_seconds=seconds / 4, seconds=seconds * 3 / 4)
        half = await open_loop(poster, bodies, per_second=rate / 2, seconds=seconds, seed=seed)
    for answered in (full, half):
        _scored(answered, reward=1.0)
    told = {"judgments_per_second": round(rate, 1), "judgments": len(full) + len(half)}
    for name, answered in (("full", full), ("half", half)):
        for percent in (50, 99):
            told[f"{name}_p{percent}_ms"] = round(
                1000 * quantile([one.seconds for one in answered], percent), 1
            )
    text = (
        f"verify: {told['judgments_per_second']} judgments/s of ten unit tests, {AT_ONCE_BOXED} at a time: "
        f"{told['full_p50_ms']} ms p50, {told['full_p99_ms']} ms p99; arriving at half that rate: "
        f"{told['half_p50_ms']} ms p50, {told['half_p99_ms']} ms p99"
    )
    return Found(text, told)


async def identical(url: str) -> Found:
    """Sixteen posts of one rollout cost what one costs, at one time and one after the other."""
    told, failures = dict[str, Any](), list[str]()
    async with Poster.opened(f"{url}/v1/judgments") as poster, aiohttp.ClientSession() as session:
        for name, make in (("tests", by_tests), ("model", by_model)):
            before = await _calls(session, url)
            await poster.post(json.dumps(make(0)).encode())
            one = _less(await _calls(session, url), before)
            before = await _calls(session, url)
            body = json.dumps(make(1)).encode()
            answered = list(await asyncio.gather(*(poster.post(body) for _ in range(SAME))))
            answered += [await poster.post(body)]
            same = _less(await _calls(session, url), before)
            rewards = {json.loads(one.body)["candidates"][0]["reward"] for one in answered}
            _scored(answered)
            told[name] = {"calls_of_one": one, f"calls_of_{SAME + 1}": same, "rewards": sorted(rewards)}
            if same != one or len(rewards) != 1:
                failures.append(f"{SAME + 1} posts of one rollout cost {same} calls, one costs {one}")
    tests, model = told["tests"], told["model"]
    text = (
        f"identical: {SAME} posts at one time and one later cost {tests[f'calls_of_{SAME + 1}']} calls "
        f"(one alone: {tests['calls_of_one']}), judged by the model {model[f'calls_of_{SAME + 1}']} "
        f"(one alone: {model['calls_of_one']}); one reward each"
    )
    return Found(text, told, failures)


async def _warmed(poster: Poster, bodies: Iterator[bytes]) -> None:
    """The first judgments load what is loaded late."""
    _scored(await asyncio.gather(*(poster.post(next(bodies)) for _ in range(WARM))))


async def _capacity(
    poster: Poster, bodies: Iterator[bytes], *, own: float, seconds: float, seed: int
) -> tuple[float, float]:
    """Arrivals a second that are kept up with, `own` seconds of model time each; and the rate of a closed loop.

    The closed loop has more and more at one time, until more brings no more: then all that can be done together is.
    Kept up with is what arrives, by itself, at so many a second while 99% of it take at most twice the model's time.
    """
    closed, at_once = 0.0, AT_ONCE
    while at_once <= MOST_AT_ONCE:
        answered = await closed_loop(
            poster, bodies, at_once=at_once, until=partial(_is_over, seconds=seconds)
        )
        _scored(answered)
        rate = whole_rate(answered, own)
        if rate < ENOUGH * closed:
            break
        closed, at_once = rate, 2 * at_once
    arriving = closed
    while arriving > LEAST_ARRIVALS:
        answered = await open_loop(poster, bodies, per_second=arriving, seconds=seconds, seed=seed)
        _scored(answered)
        if quantile([one.seconds for one in answered], 99) <= 2 * own:
            return arriving, closed
        arriving *= FEWER
    raise WrongEnd(f"not even {LEAST_ARRIVALS:g} arrivals a second were kept up with")


def _is_over(_answered: int, passed: float, *, seconds: float) -> bool:
    return passed > seconds


def _scored(answered: Sequence[Answered], reward: float | None = None) -> None:
    """Raise WrongEnd for an answer that is no scored judgment, or one with another reward."""
    for one in answered:
        said = json.loads(one.body) if one.status == 200 else {}
        candidates = said.get("candidates") or [{}]
        if candidates[0].get("status") != "scored" or reward not in (None, candidates[0]["reward"]):
            raise WrongEnd(f"an answer was {one.status}: {one.body[:600].decode(errors='replace')}")


class _Peak:
    """The most that was seen: judgments running, memory of the process and of those below it."""

    def __init__(self, url: str, pid: int) -> None:
        self._url, self._pid = url, pid
        self.running, self.own_mb, self.below_mb = 0, 0.0, 0.0

    async def watch(self) -> None:
        async with aiohttp.ClientSession() as session:
            while True:
                self.own_mb = max(self.own_mb, rss_mb([self._pid]))
                self.below_mb = max(self.below_mb, rss_mb(below(self._pid)))
                found = _OPEN.search(await _metrics(session, self._url))
                self.running = max(self.running, int(float(found.group(1))) if found else 0)
                await asyncio.sleep(LOOK_SECONDS)


async def _metrics(session: aiohttp.ClientSession, url: str) -> bytes:
    async with session.get(f"{url}/metrics") as answer:
        return await answer.read()


async def _calls(session: aiohttp.ClientSession, url: str) -> dict[str, int]:
    """How many calls of each kind were made so far, replayed ones left out."""
    counts = {"model": 0, "tool": 0}
    for kind, number in _CALLS.findall(await _metrics(session, url)):
        counts[kind.decode()] += int(float(number))
    return counts


def _less(after: dict[str, int], before: dict[str, int]) -> dict[str, int]:
    return {kind: number - before[kind] for kind, number in after.items()}
