"""Which points of a run are rollouts, which are one posted again, and what says how the judge varies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from api.runs.numbers import UNTOLD_NOISE
from api.runs.report import numbers_of
from api.runs.rollouts import Firsts
from judge_agent.models.scripted import ScriptedModel
from judge_agent.store import NewJudgment, Store
from judge_agent.store.runs import Point, RunEnd
from tests.runs.made_points import made
from tests.service.served import Served, request, serving
from tests.store.conftest import database_url as database_url
from tests.store.conftest import place as place
from tests.store.conftest import postgres as postgres
from tests.store.conftest import store as store

pytestmark = pytest.mark.anyio
STEP = {"id": "r", "step": 1}


def rollout(prompt: int, text: str, **more: Any) -> dict[str, Any]:
    return request(
        task={"prompt": f"question {prompt}"},
        candidates=[{"id": "a", "trajectory": {"text": text}}],
        run=STEP,
        **more,
    )


async def step_of(served: Served) -> dict[str, Any]:
    run = (await served.http.get("/v1/runs/r")).json()
    (step,) = run["steps"]
    return {**step, "alarms": [alarm["name"] for alarm in run["alarms"]]}


async def test_a_step_that_is_posted_again_has_the_same_numbers() -> None:
    async with serving() as served:
        told = []
        for _ in range(2):
            for prompt in range(5):
                for text in ("It is four.", "It is five, I think.", "It is six at the very least."):
                    assert (await served.post(rollout(prompt, text))).status_code == 200
            told.append(await step_of(served))
        first, again = told
        assert (first["points"], first["reposts"], first["groups"]["size_mean"]) == (15, 0, 3.0)
        assert again["reposts"] == 15
        same = ("points", "judgments", "groups", "reward", "length", "noise", "cached_share", "statuses")
        assert {name: again[name] for name in same} == {name: first[name] for name in same}


async def test_prompts_of_one_rollout_that_are_posted_again_are_no_groups_without_a_signal() -> None:
    async with serving() as served:
        for cache in ("yes", "yes", "no"):
            for prompt in range(6):
                await served.post(rollout(prompt, "It is four.", cache=cache))
        step = await step_of(served)
        assert (step["groups"]["count"], step["groups"]["single"]) == (0, 6)
        assert step["groups"]["zero_signal_share"] is None
        assert "zero_signal_share" not in step["alarms"]


async def test_equal_rollouts_count_each_where_something_tells_them_apart() -> None:
    async with serving() as served:
        for index in range(4):
            group = {"group_id": "g", "index": index, "size": 4}
            await served.post(rollout(1, "It is four.", group=group))
            await served.post(rollout(1, "It is four.", group=group, cache="refresh"))
            await served.post(rollout(2, "It is four."), idempotency_key=f"k{index}")
        twins = [{"id": name, "trajectory": {"text": "It is four."}} for name in "abcd"]
        for _ in range(2):
            await served.post(rollout(3, "") | {"candidates": twins})
        step = await step_of(served)
        assert (step["groups"]["count"], step["groups"]["size_mean"]) == (3, 4.0)
        assert step["groups"]["zero_signal_share"] == 1.0
        assert step["reposts"] == 4


async def test_what_failed_and_was_judged_again_is_both_a_failure_and_a_member() -> None:
    async with serving() as served:
        point = next(made(0, 1))
        failed = replace(point, status="unscored", failure_kind="deadline", reward=None, is_cached=False)
        scored = replace(failed, status="scored", failure_kind=None, reward=0.5)
        lost = replace(failed, is_cached=True)
        for number, one in enumerate((failed, lost, scored)):
            await keep(served.parts.store, [one], name=str(number), tenant="local")
        step = await step_of(served)
        assert (step["points"], step["reposts"], step["failures"]["deadline"]["count"]) == (2, 1, 1)
        assert step["groups"]["single"] == 1


async def keep(
    store: Store, points: list[Point], *, name: str, tenant: str = "ada", key: str | None = None
) -> None:
    new = NewJudgment(name, tenant, "{}", 0.0, worker="w", lease_seconds=60.0, idempotency_key=key)
    lease = (await store.accept(new)).lease
    assert lease is not None
    assert await store.finish(lease, "{}", elapsed_seconds=1.0, points=RunEnd(tenant, "r", 1, tuple(points)))


async def test_a_key_of_its_own_makes_a_rollout_and_one_of_the_content_does_not(store: Store) -> None:
    point = replace(next(made(0, 1)), status="scored", reward=0.5, is_cached=True, rollout=-1)
    keys = [None, None, "one", "two", "compat/3", "compat/4"]
    for number, key in enumerate(keys):
        await keep(store, [point, replace(point, rollout=-2)], name=str(number), key=key)
    found = await numbers_of(store.runs, "ada", "r", page=3)
    assert (found["points"], found["reposts"]) == (6, 6)
    assert found["groups"]["size_mean"] == 6.0


async def test_noise_is_of_other_seeds_and_of_samples_and_the_larger_is_held_against_the_signal() -> None:
    async with serving(model=ScriptedModel()) as served:
        point = replace(next(made(0, 1)), status="scored", is_cached=False, noise=None, rollout=-1)

        async def judged(name: str, reward: float, **changes: Any) -> dict[str, Any]:
            one = replace(point, **{"reward": reward, "seed": 0, **changes})
            await keep(served.parts.store, [one], name=name, tenant="local")
            return await step_of(served)

        step = await judged("first", 0.2)
        assert (step["noise"]["repeats_std"], step["noise"]["reason"]) == (None, UNTOLD_NOISE)
        step = await judged("same seed", 0.2)
        assert (step["noise"]["repeats"], step["noise"]["repeats_std"]) == (0, None)
        await judged("other rollout", 0.8, content_key=9, noise=0.01)
        step = await judged("same, sampled", 0.8, content_key=9, noise=0.01)
        assert step["noise"]["reason"] is None
        assert step["signal_to_noise"] == pytest.approx(((0.18 - 0.01) / 0.01) ** 0.5)
        # That two seeds agree says less than samples that do not.
        step = await judged("other seed", 0.2, seed=1)
        assert (step["noise"]["repeats"], step["noise"]["repeats_std"]) == (1, 0.0)
        assert step["signal_to_noise"] == pytest.approx(((0.18 - 0.01) / 0.01) ** 0.5)
        step = await judged("third seed", 0.6, seed=2)
        assert (step["noise"]["repeats"], step["noise"]["repeats_std"]) == (2, pytest.approx(0.2309401))
        flat = (await served.http.get("/v1/runs/r", params={"format": "flat"})).json()
        assert "judge/noise/reason" not in flat


@pytest.mark.parametrize("page", [1, 2, 7, 1000])
def test_firsts_are_the_same_however_the_walk_is_paged(page: int) -> None:
    draw = np.random.default_rng(4)
    keys = np.sort(draw.integers(0, 9, 200))
    values, chosen = draw.integers(0, 5, 200), draw.random(200) < 0.7
    seen, expected = set[tuple[int, int]](), []
    for key, value, is_chosen in zip(keys, values, chosen, strict=True):
        expected.append(bool(is_chosen) and (key, value) not in seen)
        if is_chosen:
            seen.add((key, value))
    firsts, found = Firsts(), list[bool]()
    for start in range(0, 200, page):
        part = slice(start, start + page)
        found += firsts.among([keys[part]], values[part], chosen[part]).tolist()
    assert found == expected
