"""Which canaries a recipe has, and the requests that they are. They are data: `model.toml`, `evidence.toml`."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from judge_agent.schema import JudgmentRequest

# No key can be of this tenant: names that begin with a colon are not given to callers.
CANARY_TENANT = ":canaries"
# The flag of judgments that are made while a canary of their recipe fails.
CANARY_FLAG = "canary_failed"
_COMPARING = frozenset({"pairwise", "listwise", "tournament"})


@dataclass(frozen=True)
class Canary:
    """One canary of one recipe.

    `candidates` are ids with their texts. Those in `at_most` may not have a reward above `bound`; `best` must have
    more than every other one. With `orders` it is judged in both orders, and who is preferred must stay.
    """

    name: str
    recipe: str
    task: Mapping[str, Any]
    candidates: tuple[tuple[str, str], ...]
    at_most: tuple[str, ...] = ()
    bound: float = 0.1
    best: str | None = None
    orders: bool = False

    def requests(self, seed: int) -> tuple[JudgmentRequest, ...]:
        """The judgments of one round: one, or one for each order. Never answered from memory, never remembered."""
        orders = [self.candidates, self.candidates[::-1]] if self.orders else [self.candidates]
        return tuple(
            JudgmentRequest.model_validate(
                {
                    "recipe": self.recipe,
                    "task": dict(self.task),
                    "candidates": [{"id": id_, "trajectory": {"text": text}} for id_, text in order],
                    "granularity": ["outcome"],
                    "seed": seed,
                    "cache": "no",
                }
            )
            for order in orders
        )


def canaries_of(recipe: Mapping[str, Any]) -> tuple[Canary, ...]:
    """The canaries of a recipe, given as `GET /v1/recipes` lists it."""
    data = _read("model.toml" if recipe["models"] else "evidence.toml")
    kind = "compared" if _COMPARING.intersection(recipe["protocols"]) else "alone"
    return tuple(
        Canary(
            name=one["name"],
            recipe=recipe["name"],
            task=data["task"],
            candidates=tuple((id_, data["candidates"][id_]) for id_ in one["candidates"]),
            at_most=tuple(one.get("at_most", ())),
            bound=float(one.get("bound", Canary.bound)),
            best=one.get("best"),
            orders=bool(one.get("orders", False)),
        )
        for one in data["canaries"]
        if kind in one["of"]
    )


@functools.cache
def _read(name: str) -> Mapping[str, Any]:
    return tomllib.loads((Path(__file__).parent / name).read_text("utf-8"))
