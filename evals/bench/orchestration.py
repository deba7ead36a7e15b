"""What the judge costs beside the bare client: the same model calls, through the graph and without it.

One process on the event loop that the service runs on (uvloop), one `OpenAIChatModel`; a recipe whose four turns follow
one another; trajectories of 20 kB; journal (SQLite) and log (JSONL) on disk. Beside it, in the same run, the `openai`
client on its aiohttp backend in a plain loop, with the prompts that the judge sends. The server answers after a fixed
time, in another process.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import uvloop

from evals.bench.machine import machine
from evals.options import above_zero
from judge_agent.judge import Judge
from judge_agent.log import AuditLogWriter
from judge_agent.models.openai_chat import OpenAIChatModel
from judge_agent.prompting import PromptLibrary
from judge_agent.schema import JudgmentRequest
from judge_agent.seams.model import ChatMessage, Completion
from judge_agent.store.sqlite import SqliteStore

CALLS = 4
TRAJECTORY_CHARS = 20_000
CELLS = [(latency, flight) for latency in (0.0, 0.05, 2.0) for flight in (1, 32, 256)]
SECONDS_A_CELL = 6.0
_PROMPT = """---
variables: task, trajectory, evidence, principle
---
# system
You judge what lies between BEGIN and END marks.

# user
{{task}}

{{trajectory}}

{{evidence}}

Judge by this: {{principle}}
"""
_RECIPE = """
name = "four-calls"
description = "Four turns, one after the other."
models = true
protocols = ["pointwise"]
dimensions = ["quality"]
granularity = ["outcome"]

[citations]
hard_pass = "none"
otherwise = "none"

[budget]
seconds = 3600.0
model_tokens_per_candidate = 100000000
"""
_TURN = """
[[turns]]
name = "turn{index}"
prompt = "bench/turn.v1"
max_tokens = 200
[turns.read]
kind = "{kind}"
low = 0.0
high = 10.0
"""


@dataclass(frozen=True)
class Cell:
    """What both sides did with the same calls. `ratio`: the judge's calls a second over those of the bare loop.

    `post` is the bare loop once more, its calls sent as the judge sends them (`client.post`, plain JSON back): cheaper
    than typed ones, so a harder measure. `rss_kb_per_judgment` is the growth over an idle judge.
    """

    latency_seconds: float
    in_flight: int
    calls: int
    judge_calls_per_second: float
    bare_calls_per_second: float
    ratio: float
    ratio_post: float
    judge_cpu_ms_per_call: float
    bare_cpu_ms_per_call: float
    post_cpu_ms_per_call: float
    rss_kb_per_judgment: float


def add_parser(benches: Any) -> None:
    parser = benches.add_parser("orchestration", help=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    parser.add_argument(
        "--only",
        action="append",
        choices=[_place(*cell) for cell in CELLS],
        help="this cell only; may be repeated",
    )
    parser.add_argument(
        "--seconds", type=above_zero(), default=SECONDS_A_CELL, help="about how long each side runs a cell"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    wanted = [cell for cell in CELLS if not arguments.only or _place(*cell) in arguments.only]
    print(
        f"{'latency':>8} {'in flight':>9} {'calls':>6} {'judge/s':>8} {'bare/s':>8} {'ratio':>6} {'to post':>7} "
        f"{'cpu ms':>7} {'bare ms':>8} {'post ms':>8} {'kB each':>8}"
    )
    cells = []
    for latency, flight in wanted:
        cell = uvloop.run(_measure(latency, flight, arguments.seconds))
        cells.append(cell)
        print(
            f"{latency:>8g} {flight:>9} {cell.calls:>6} {cell.judge_calls_per_second:>8.1f} "
            f"{cell.bare_calls_per_second:>8.1f} {cell.ratio:>6.3f} {cell.ratio_post:>7.3f} "
            f"{cell.judge_cpu_ms_per_call:>7.2f} {cell.bare_cpu_ms_per_call:>8.2f} "
            f"{cell.post_cpu_ms_per_call:>8.2f} {cell.rss_kb_per_judgment:>8.0f}",
            flush=True,
        )
    facts = machine()
    print(
        "ratio: to the openai client's typed calls in a plain loop; to post: to untyped ones, as the judge sends"
    )
    print(f"model: a server that answers after a fixed time; {facts}")
    if arguments.json:
        measured = {(cell.latency_seconds, cell.in_flight): cell.ratio for cell in cells}
        named = {
            f"ratio_{_name(latency)}_{flight}": measured.get((latency, flight)) for latency, flight in CELLS
        }
        print(json.dumps({**named, "cells": [asdict(cell) for cell in cells], "machine": facts}))
    return 0


def _place(latency: float, flight: int) -> str:
    return f"{latency:g}/{flight}"


def _name(latency: float) -> str:
    return f"{latency:g}s" if latency >= 1 else f"{latency * 1000:g}ms"


async def _measure(latency: float, flight: int, seconds: float) -> Cell:
    """All sides of one cell, each warmed up; every side runs twice, forth and back, so that a drift hits all alike."""
    with _server(latency) as url, tempfile.TemporaryDirectory() as folder:
        async with _judge(url, Path(folder)) as (judge, model):
            _calm_garbage()
            await _judged(judge, 0)
            sides: dict[str, Callable[[int], Awaitable[None]]] = {
                "bare": lambda index: _bare(model.client, model.seen, index),
                "post": lambda index: _posted(model.client, model.seen, index),
                "judge": lambda index: _judged(judge, 1 + index),
            }
            warm = flight if latency >= 1 else max(flight, 8)
            await _spread(warm, flight, sides["bare"], 0)
            pace = await _timed(warm, flight, sides["bare"], 0)
            await _spread(warm, flight, sides["post"], 0)
            idle = _rss_bytes()
            peak = await _spread(warm, flight, sides["judge"], 0)
            # Whole rounds of all that is in flight: a part of one would leave the last of them alone.
            half = max(flight, min(int(warm / pace.seconds * seconds / 2), 2000) // flight * flight)
            timed = {name: _Timing(0.0, 0.0, 0.0) for name in sides}
            for turn, name in enumerate([*sides, *reversed(sides)]):
                timed[name] += await _timed(half, flight, sides[name], (turn + 1) * 1_000_000)
    bare, post, judged = timed["bare"], timed["post"], timed["judge"]
    count = 2 * half
    calls = count * CALLS
    return Cell(
        latency_seconds=latency,
        in_flight=flight,
        calls=calls,
        judge_calls_per_second=round(calls / judged.seconds, 2),
        bare_calls_per_second=round(calls / bare.seconds, 2),
        ratio=round(bare.seconds / judged.seconds, 4),
        ratio_post=round(post.seconds / judged.seconds, 4),
        judge_cpu_ms_per_call=round(judged.cpu_seconds * 1000 / calls, 3),
        bare_cpu_ms_per_call=round(bare.cpu_seconds * 1000 / calls, 3),
        post_cpu_ms_per_call=round(post.cpu_seconds * 1000 / calls, 3),
        rss_kb_per_judgment=round(max(0.0, max(peak, judged.peak_bytes) - idle) / 1024 / flight, 1),
    )


def _calm_garbage() -> None:
    """As the service does at its start: what is loaded is never garbage."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@dataclass(frozen=True)
class _Timing:
    seconds: float
    cpu_seconds: float
    peak_bytes: float

    def __add__(self, other: _Timing) -> _Timing:
        peak = max(self.peak_bytes, other.peak_bytes)
        return _Timing(self.seconds + other.seconds, self.cpu_seconds + other.cpu_seconds, peak)


async def _timed(count: int, flight: int, work: Callable[[int], Awaitable[None]], first: int) -> _Timing:
    cpu, began = _cpu_seconds(), time.perf_counter()
    peak = await _spread(count, flight, work, first)
    return _Timing(time.perf_counter() - began, _cpu_seconds() - cpu, peak)


async def _spread(count: int, flight: int, work: Callable[[int], Awaitable[None]], first: int) -> float:
    """Run `count` pieces of work from number `first` on, `flight` at a time; returns the most memory seen, in bytes."""
    due = iter(range(first, first + count))
    peak = 0.0

    async def worker() -> None:
        nonlocal peak
        for index in due:
            await work(index)
            if index % 16 == 0:
                peak = max(peak, _rss_bytes())

    async with asyncio.TaskGroup() as group:
        for _ in range(flight):
            group.create_task(worker())
    return peak


async def _judged(judge: Judge, index: int) -> None:
    judgment = await judge.judge(
        _request(index), judgment_id=f"j{index}", tenant="bench", created=time.time()
    )
    assert judgment.candidates[0].status == "scored", judgment.candidates[0].failure_reason
    assert judgment.usage.model_calls == CALLS


async def _bare(client: Any, prompts: Sequence[Sequence[ChatMessage]], index: int) -> None:
    """The same four prompts, one after the other, typed as the client offers it."""
    for messages in prompts:
        answer = await client.chat.completions.create(**_body(messages, index))
        assert answer.choices[0].message.content


async def _posted(client: Any, prompts: Sequence[Sequence[ChatMessage]], index: int) -> None:
    """The same four prompts, untyped, as the judge's own backend sends them."""
    for messages in prompts:
        answer = await client.post("/chat/completions", cast_to=object, body=_body(messages, index))
        assert answer["choices"][0]["message"]["content"]


def _body(messages: Sequence[ChatMessage], index: int) -> dict[str, Any]:
    said = [{"role": message.role, "content": message.content} for message in messages]
    return {"model": "fixed", "messages": said, "max_tokens": 200, "temperature": 0.0, "seed": index}


def _request(index: int) -> JudgmentRequest:
    """A request of its own, so that nothing of it is shared with another one in flight."""
    line = f"Step {index}: the agent looked up the order, asked for the number, and said what it found. "
    text = (line * (TRAJECTORY_CHARS // len(line) + 1))[:TRAJECTORY_CHARS]
    return JudgmentRequest.model_validate(
        {
            "task": {"prompt": f"Find order {index}."},
            "candidates": [{"id": "a", "trajectory": {"text": text}}],
            "principles": [{"description": "The answer names the order.", "name": "names_it"}],
            "recipe": "four-calls",
        }
    )


class _Recorder(OpenAIChatModel):
    """The model, and the prompts of its first judgment: what the bare loop is to send."""

    def __init__(self, url: str) -> None:
        super().__init__(url, "fixed", context_window=1_000_000)
        self.seen: list[Sequence[ChatMessage]] = []

    @property
    def client(self) -> Any:
        return self.connection.client()

    async def complete(self, messages: Sequence[ChatMessage], **options: Any) -> Completion:
        if len(self.seen) < CALLS:
            self.seen.append(messages)
        return await super().complete(messages, **options)


@contextlib.asynccontextmanager
async def _judge(url: str, folder: Path) -> AsyncIterator[tuple[Judge, _Recorder]]:
    """A judge as the service builds it: SQLite journal, JSONL log, one client."""
    prompts = _prompts(folder / "prompts")
    async with contextlib.AsyncExitStack() as stack:
        store = await stack.enter_async_context(SqliteStore.opened(folder / "judge.db"))
        log = await stack.enter_async_context(AuditLogWriter(folder / "log", anchor=store.set_head))
        model = _Recorder(url)
        stack.push_async_callback(model.aclose)
        judge = Judge(
            model=model, tools=(), journal=store.journal, shared=store.shared, log=log, prompts=prompts
        )
        yield judge, model


def _prompts(folder: Path) -> PromptLibrary:
    (folder / "bench").mkdir(parents=True)
    (folder / "recipes").mkdir()
    (folder / "bench" / "turn.v1.md").write_text(_PROMPT, "utf-8")
    kinds = ["text"] * (CALLS - 1) + ["score_tag"]
    turns = "".join(_TURN.format(index=index, kind=kind) for index, kind in enumerate(kinds))
    (folder / "recipes" / "four-calls.toml").write_text(_RECIPE + turns, "utf-8")
    return PromptLibrary(folder)


@contextlib.contextmanager
def _server(latency: float) -> Iterator[str]:
    command = [sys.executable, "-m", "evals.bench.fixed_server", str(latency)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
    finally:
        process.communicate()


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _rss_bytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return float(pages * resource.getpagesize())
