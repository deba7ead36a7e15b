"""The service under test: the real Judge with a scripted model, behind uvicorn on a port of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from api.canaries import CanaryWatch
from api.measuring import Metrics
from api.parts import Parts, assembled
from api.server import JudgeServer, bind
from api.settings import Settings
from api.traces import JudgmentTraces, TracedJudge
from judge_agent.judge import Judge
from judge_agent.log import MemoryLog, ToldLog
from judge_agent.models.scripted import ScriptedModel
from judge_agent.seams.sandbox import Sandbox
from judge_agent.seams.storage import SharedResults
from judge_agent.store import SqliteStore
from judge_agent.tool_cache import ToolCache
from tools.check_tool_calls import CheckToolCalls

Traced = Callable[[SharedResults], AbstractAsyncContextManager[JudgmentTraces | None]]


@dataclass
class Served:
    url: str
    http: httpx.AsyncClient
    parts: Parts
    model: ScriptedModel
    server: JudgeServer
    running: asyncio.Task[None]

    async def post(self, body: Any, **headers: str) -> httpx.Response:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.post("/v1/judgments", json=body, headers=names)

    async def stop(self) -> None:
        self.server.stop()
        await self.running


@asynccontextmanager
async def serving(
    path: Path | None = None,
    *,
    model: ScriptedModel | None = None,
    judge_type: type[Judge] = Judge,
    store_type: type[SqliteStore] = SqliteStore,
    sandbox: Sandbox | None = None,
    log: MemoryLog | None = None,
    traces: Traced | None = None,
    canaries: CanaryWatch | None = None,
    **settings: Any,
) -> AsyncIterator[Served]:
    """Serve until the end of the block. `path` is the database, None keeps it in memory."""
    model = model or ScriptedModel()
    metrics = Metrics()
    watch = canaries or CanaryWatch(share=0, seconds=None)
    async with (
        store_type.opened(path) as store,
        (traces or _untraced)(store.shared) as traced,
        ToldLog(
            log or MemoryLog(),
            store.tell,
            metrics.observe,
            watch.observe,
            *([traced.observe] if traced else []),
        ) as told,
    ):
        make_judge = partial(TracedJudge, traced) if traced else judge_type
        judge = make_judge(
            model=model,
            tools=(CheckToolCalls(),),
            journal=store.journal,
            shared=store.shared,
            log=told,
            stamp=watch.stamp,
            pins=store.runs,
            tell=told.tell,
            tool_cache=ToolCache(1_000_000),
        )
        wanted = Settings(**({"port": 0} | settings))
        async with assembled(
            wanted, store=store, judge=judge, sandbox=sandbox, metrics=metrics, traces=traced, canaries=watch
        ) as parts:
            url = asyncio.get_running_loop().create_future()
            listener = bind("127.0.0.1", parts.settings.port)
            server = JudgeServer(parts, listener, started=url.set_result)
            running = asyncio.create_task(server.run_until_stopped())
            try:
                async with httpx.AsyncClient(base_url=await url, timeout=20) as http:
                    yield Served(await url, http, parts, model, server, running)
            finally:
                server.stop()
                await running
                listener.close()


def _untraced(_shared: SharedResults) -> AbstractAsyncContextManager[None]:
    return nullcontext()


@contextmanager
def serving_in_a_thread(path: Path | None = None, **settings: Any) -> Iterator[Served]:
    """Serve from another thread, for clients that block."""
    started, stop = threading.Event(), threading.Event()
    found = list[Served]()

    async def run() -> None:
        async with serving(path, **settings) as served:
            found.append(served)
            started.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    try:
        assert started.wait(10)
        yield found[0]
    finally:
        stop.set()
        thread.join()


def request(**changes: Any) -> dict[str, Any]:
    """A request that a scripted model judges, with `changes` to its top fields."""
    trajectory = {
        "messages": [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "It is 4."}]
    }
    body = {
        "task": {"prompt": "What is 2+2?"},
        "candidates": [{"id": "a", "trajectory": trajectory}],
        "principles": [{"description": "The answer is right.", "name": "right", "dimension": "correctness"}],
    }
    return body | changes
