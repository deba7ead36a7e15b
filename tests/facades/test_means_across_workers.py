"""Group means belong to the store: services that share one give the same number, also after a restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from judge_agent.models.scripted import ScriptedModel
from judge_agent.store import SqliteStore
from tests.facades.asked import BROKEN, LABEL, QUESTION, RIGHT, WRONG, grade, held_model, model, was_asked
from tests.service.served import Served, serving

pytestmark = pytest.mark.anyio


class OneOfSeveral(SqliteStore):
    """The store as a worker opens it beside others."""

    @classmethod
    def opened(
        cls, path: Path | None, *, exclusive: bool = False
    ) -> AbstractAsyncContextManager[SqliteStore]:
        return super().opened(path, exclusive=False)


def worker(path: Path, judged_by: ScriptedModel | None = None) -> AbstractAsyncContextManager[Served]:
    return serving(path, model=judged_by or model(), store_type=OneOfSeveral)


@asynccontextmanager
async def two(path: Path, *models: ScriptedModel) -> AsyncIterator[tuple[Served, Served]]:
    async with AsyncExitStack() as stack:
        first, second = [
            await stack.enter_async_context(worker(path, one)) for one in models or (model(), model())
        ]
        yield first, second


async def slime(served: Served, response: str, label: Any = LABEL, **query: Any) -> httpx.Response:
    body = {"prompt": QUESTION, "response": response, "label": label}
    return await served.http.post("/compat/slime", json=body, params=query)


async def test_a_failure_has_the_mean_of_what_other_workers_have_judged(tmp_path: Path) -> None:
    async with two(tmp_path / "judge.db") as (first, second):
        await slime(first, RIGHT)
        await slime(second, WRONG)
        for served, number in ((first, 1), (second, 2)):
            failed = (await slime(served, f"{BROKEN} {number}")).json()
            assert (failed["score"], failed["judge_failed"], failed["correctness"]) == (0.5, 1.0, 0.5)


async def test_a_mean_outlives_the_process_that_has_seen_its_members(tmp_path: Path) -> None:
    async with worker(tmp_path / "judge.db") as served:
        await slime(served, RIGHT)
    async with worker(tmp_path / "judge.db") as served:
        assert (await slime(served, BROKEN)).json()["score"] == 1.0


async def test_a_failure_waits_for_a_sibling_that_another_worker_judges(tmp_path: Path) -> None:
    gate = asyncio.Event()
    async with two(tmp_path / "judge.db", held_model(gate), model()) as (first, second):
        sibling = asyncio.create_task(slime(first, RIGHT))
        await was_asked(first.model)
        failed = asyncio.create_task(slime(second, BROKEN))
        await was_asked(second.model, BROKEN)
        gate.set()
        assert (await sibling).json()["score"] == 1.0
        assert [(await failed).json()[key] for key in ("score", "judge_failed")] == [1.0, 1.0]


async def test_a_sibling_counts_though_its_caller_has_gone_away(tmp_path: Path) -> None:
    gate = asyncio.Event()
    async with two(tmp_path / "judge.db", held_model(gate), model()) as (first, second):
        gone = asyncio.create_task(slime(first, RIGHT))
        await was_asked(first.model)
        gone.cancel()
        failed = asyncio.create_task(slime(second, BROKEN))
        await was_asked(second.model, BROKEN)
        gate.set()
        assert (await failed).json()["score"] == 1.0


async def test_another_reference_or_another_model_is_another_group(tmp_path: Path) -> None:
    async with worker(tmp_path / "judge.db") as served:
        await slime(served, WRONG)
        other = {**LABEL, "reference": {"answer": "four"}}
        assert (await slime(served, BROKEN, other)).status_code == 503
    renamed = ScriptedModel(otherwise=grade, id="another", revision="2")
    async with worker(tmp_path / "judge.db", renamed) as served:
        await slime(served, RIGHT)
        assert (await slime(served, BROKEN)).json()["score"] == 1.0


async def test_failures_at_one_worker_end_the_means_at_the_other(tmp_path: Path) -> None:
    async with two(tmp_path / "judge.db") as (first, second):
        await slime(first, RIGHT)
        for number in range(24):
            await slime(first, f"{BROKEN} {number}")
        refused = await slime(second, f"{BROKEN} at last")
        assert (refused.status_code, refused.json()["code"]) == (503, "judge_failed")
        assert "96% of the last 26" in refused.json()["detail"]
