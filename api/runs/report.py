"""What `GET /v1/runs/{id}` answers: the numbers of steps and of the whole run, and which of them are alarming."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from api.runs.alarms import MIN_POINTS, Alarm, Thresholds, alarms_in
from api.runs.numbers import Numbers
from api.runs.pooling import MAX_STEPS, pools_of
from judge_agent.store.runs import NO_STEP, RunStore, StoredRun, Walked

PAGE = 10_000
LAST_STEP = 2**62
_log = logging.getLogger("judge_agent.service")


class ToldStep(NamedTuple):
    """The numbers of a step, and what of them is alarming."""

    step: int
    numbers: dict[str, Any]
    alarms: tuple[Alarm, ...]


async def numbers_of(
    runs: RunStore,
    tenant: str,
    run: str,
    *,
    first: int = NO_STEP,
    last: int = LAST_STEP,
    most: int | None = None,
    page: int = PAGE,
) -> dict[str, Any]:
    """Walk through the points of the steps from `first` to `last`; at most so many of them. Raises StoreError.

    Memory is bounded however many there are, and the event loop is free between and during the pages.
    """
    numbers, after = Numbers(), None
    while most is None or numbers.points < most:
        rows: tuple[Walked, ...] = await runs.points(
            tenant, run, first=first, last=last, after=after, limit=page
        )
        await asyncio.to_thread(numbers.add, rows)
        if len(rows) < page:
            break
        after = rows[-1]
    told: dict[str, Any] = finite(await asyncio.to_thread(numbers.told))
    return told


async def told_steps(
    runs: RunStore, tenant: str, run: StoredRun, steps: Sequence[int], *, most: int | None = None
) -> list[ToldStep]:
    """The numbers and alarms of some steps that follow each other, in rising order."""
    told: list[ToldStep] = []
    thresholds = thresholds_of(run)
    before = await _mean_before(runs, tenant, run.id, steps[0], most) if steps else None
    known: dict[tuple[int, int], dict[str, Any]] = {}

    async def numbers(first: int, last: int) -> dict[str, Any]:
        if (first, last) not in known:
            known[first, last] = await numbers_of(runs, tenant, run.id, first=first, last=last, most=most)
        return known[first, last]

    for step in steps:
        own = await numbers(step, step)
        earlier = partial(_steps_before, runs, tenant, run.id, step, MAX_STEPS - 1)
        pools = await pools_of(step, earlier, numbers, thresholds)
        told.append(ToldStep(step, own, alarms_in(own, before, thresholds, pools)))
        before = _mean(step, own)
    return told


async def rung(runs: RunStore, tenant: str, run: str, steps: Sequence[ToldStep]) -> list[dict[str, Any]]:
    """The alarms of these steps, each since when; what nobody has noted before is noted, and logged once."""
    if not any(step.alarms for step in steps):
        return []
    since = dict(await runs.rung(tenant, run, first=steps[0].step, last=steps[-1].step))
    found = []
    for step in steps:
        for alarm in step.alarms:
            at = since.get((step.step, alarm.name))
            if at is None:
                at = time.time()
                if await runs.ring(tenant, run, step.step, alarm.name, at):
                    facts = {"run": run, "step": shown_step(step.step), **alarm._asdict()}
                    _log.warning(
                        "run.alarm run=%r step=%s name=%s value=%.6g limit=%g steps=%d",
                        *facts.values(),
                        extra={"event": "run.alarm", "facts": facts},
                    )
            found.append({"step": shown_step(step.step), **alarm._asdict(), "since": at})
    return found


def flat(step: ToldStep) -> dict[str, float]:
    """The numbers of a step as a trainer's logger takes them: finite, flat, nothing where nothing can be said."""
    found: dict[str, float] = {}
    _flatten(step.numbers, "judge", found)
    named = {f"judge/alarm/{alarm.name}": alarm.value for alarm in step.alarms}
    own = {} if step.step == NO_STEP else {"judge/step": float(step.step)}
    return {**own, **found, "judge/alarms": float(len(step.alarms)), **named}


def thresholds_of(run: StoredRun) -> Thresholds:
    return Thresholds() if run.alarms is None else Thresholds.model_validate(json.loads(run.alarms))


def shown_step(step: int) -> int | None:
    return None if step == NO_STEP else step


def finite(value: Any) -> Any:
    """The same JSON with null in place of what is no finite number: sums of huge rewards may come to that."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: finite(one) for name, one in value.items()}
    return value


def _flatten(value: Mapping[str, Any], name: str, found: dict[str, float]) -> None:
    for key, one in value.items():
        if isinstance(one, Mapping):
            _flatten(one, f"{name}/{key}", found)
        elif isinstance(one, (int, float)):
            found[_SHORT.get(f"{name}/{key}", f"{name}/{key}")] = float(one)


# What loggers plot most has short names.
_SHORT = {
    "judge/reward/mean": "judge/reward_mean",
    "judge/reward/std": "judge/reward_std",
    "judge/groups/std": "judge/within_group_std",
    "judge/groups/zero_signal_share": "judge/zero_signal_share",
    "judge/length/pearson": "judge/length_pearson",
    "judge/length/spearman": "judge/length_spearman",
    "judge/disagreement/share": "judge/disagreement_share",
}


async def _mean_before(runs: RunStore, tenant: str, run: str, step: int, most: int | None) -> float | None:
    """The mean reward of the step before, where it says enough."""
    before = await _steps_before(runs, tenant, run, step, 1)
    if not before:
        return None
    numbers = await numbers_of(runs, tenant, run, first=before[0], last=before[0], most=most)
    return _mean(before[0], numbers)


async def _steps_before(runs: RunStore, tenant: str, run: str, step: int, count: int) -> Sequence[int]:
    """The newest steps before this one, in rising order; points without a step are before none."""
    return await runs.steps(tenant, run, first=0, last=step - 1, limit=count, newest=True) if step > 0 else ()


def _mean(step: int, numbers: Mapping[str, Any]) -> float | None:
    reward = numbers["reward"]
    return reward["mean"] if step != NO_STEP and reward["n"] >= MIN_POINTS else None
