"""The parts that the routes work with, put together around a judge and a store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from api.auth import KeyRing
from api.canaries import CanaryWatch
from api.code_runs import CodeRuns
from api.groups.settling import Grouping
from api.judging import Judging
from api.large_bodies import LargeBodies
from api.measuring import Metrics
from api.queue import JudgmentQueue
from api.runs.watch import RunWatch
from api.settings import Settings
from api.spools import Spools
from judge_agent.errors import InvalidRequest
from judge_agent.resources import BlobFiles, FileResources
from judge_agent.seams.resources import ResourceFiles
from judge_agent.seams.sandbox import Sandbox
from judge_agent.store import Store

if TYPE_CHECKING:
    from api.traces import JudgmentTraces


@dataclass(frozen=True)
class Parts:
    settings: Settings
    store: Store
    judge: Judging
    queue: JudgmentQueue
    groups: Grouping
    keys: KeyRing
    large_bodies: LargeBodies
    spools: Spools
    blobs: BlobFiles
    files: ResourceFiles
    runs: CodeRuns
    metrics: Metrics
    watch: RunWatch
    traces: JudgmentTraces | None = None
    canaries: CanaryWatch = field(default_factory=lambda: CanaryWatch(share=0, seconds=None))


def blob_files(settings: Settings) -> BlobFiles:
    return BlobFiles(
        settings.blobs_dir,
        max_bytes=settings.max_blob_bytes,
        max_tenant_bytes=settings.max_tenant_blob_bytes,
    )


def resource_files(settings: Settings) -> ResourceFiles:
    return FileResources(blob_files(settings), settings.resources_root)


@asynccontextmanager
async def assembled(
    settings: Settings,
    *,
    store: Store,
    judge: Judging,
    sandbox: Sandbox | None = None,
    is_alone: bool = True,
    metrics: Metrics | None = None,
    traces: JudgmentTraces | None = None,
    canaries: CanaryWatch | None = None,
) -> AsyncIterator[Parts]:
    """Start the queue, which resumes what was left. Raises InvalidRequest for an open door.

    `sandbox` is where programs of `POST /run_code` run. `is_alone`: no other process judges from a SQLite store; from
    PostgreSQL another one always may. `metrics`, `traces` and `canaries` are what the judge's
    log is heard by.
    """
    metrics = metrics or Metrics()
    configured = tuple((tenant, key.get_secret_value()) for tenant, key in settings.api_keys)
    keys = KeyRing(store, configured, settings.key_limits)
    if not settings.is_loopback and not await keys.has_keys():
        raise InvalidRequest(
            "JUDGE_HOST",
            f"listening on {settings.host!r} needs API keys: set JUDGE_API_KEYS=tenant:key, run "
            "`judge-agent keys add TENANT`, or listen on 127.0.0.1",
        )
    watch = RunWatch(store.runs, metrics)
    async with (
        watch.looking(),
        JudgmentQueue.opened(
            judge,
            store,
            max_running=settings.max_running,
            max_queued=settings.max_queued + (settings.workers - 1) * settings.max_running,
            lease_seconds=settings.lease_seconds,
            is_alone=is_alone and settings.database is None,
            accepting=traces.accepting if traces is not None else None,
            counted=watch.note,
        ) as queue,
        Grouping.opened(judge, store, queue, is_alone=is_alone and settings.database is None) as groups,
        _judged(canaries, queue, store, judge) as judged_canaries,
    ):
        yield Parts(
            settings,
            store,
            judge,
            queue,
            groups,
            keys,
            LargeBodies(settings.max_held_body_bytes, settings.max_body_bytes, told=metrics.held_bytes),
            Spools(settings.spool_dir, settings.max_batch_bytes),
            blob_files(settings),
            resource_files(settings),
            CodeRuns(sandbox, running=settings.run_code_running, waiting=settings.max_queued),
            metrics,
            watch,
            traces,
            judged_canaries,
        )


@asynccontextmanager
async def _judged(
    canaries: CanaryWatch | None, queue: JudgmentQueue, store: Store, judge: Judging
) -> AsyncIterator[CanaryWatch]:
    """The canaries, judged until the end of the block where the settings ask for them."""
    watch = canaries or CanaryWatch(share=0, seconds=None)
    if watch.is_on:
        await watch.learn(store, judge)
    task = asyncio.create_task(watch.run(queue, store, judge)) if watch.is_on else None
    try:
        yield watch
    finally:
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
