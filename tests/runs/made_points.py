"""Points as judgments of a trainer's run leave them, made by a seed; and what plain Python makes of them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from typing import Any

from judge_agent.store import Store
from judge_agent.store.runs import Point, RunEnd
from tests.store.stores import accepted


def made(seed: int, count: int, *, task: int = 0, group: int = 4) -> Iterator[Point]:
    """Points of groups of four, each with rollout and seed of its own; some failed, some remembered, some flagged."""
    draw = random.Random(seed)
    for number in range(count):
        kind = draw.choices(["scored", "partial", "unscored"], [8, 1, 2])[0]
        length = draw.randrange(10, 2000)
        score = min(1.0, max(0.0, draw.gauss(0.4, 0.3) + length / 5000)) if kind != "unscored" else None
        reward = score if kind == "scored" else None
        yield Point(
            task_key=task + number // group,
            content_key=draw.randrange(3),
            recipe="default",
            status=kind,
            failure_kind=None if kind == "scored" else draw.choice(["deadline", "model_error"]),
            score=score,
            reward=reward,
            vector=json.dumps({"correctness": score, "tool_use": None}),
            confidence=draw.random(),
            length=length,
            flags=draw.choice(["", "", "injection", "unread_calls", "content_free,injection"]),
            compared=draw.randrange(3),
            disagreed=0,
            is_cached=draw.random() < 0.3,
            noise=draw.choice([None, draw.random() / 100]),
            seconds=draw.expovariate(1.0),
            tokens=draw.randrange(1000),
            rollout=number,
            seed=number,
        )


async def keep(
    store: Store, points: Sequence[Point], step: int | None, *, run: str = "r", name: str = ""
) -> None:
    """Keep the points as the end of one judgment."""
    lease = await accepted(store, f"{run}/{step}/{name}")
    assert await store.finish(
        lease, "{}", elapsed_seconds=1.0, points=RunEnd("ada", run, step, tuple(points))
    )


def without_nan(value: Any) -> str:
    """The JSON of an answer. Raises ValueError for what no JSON can say."""
    return json.dumps(value, allow_nan=False)
