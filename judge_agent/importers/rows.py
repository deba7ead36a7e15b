"""Makes a whole request of one row of a data set; labels stay outside of it.

Candidates get ids and an order that follow from their content alone, so that neither tells which
trajectory a data set prefers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from judge_agent.errors import InvalidRequest
from judge_agent.importers.imported import Imported, object_of
from judge_agent.importers.plan_rewardbench import from_plan_rewardbench
from judge_agent.importers.tau_bench import from_tau_bench
from judge_agent.schema import Message, Trajectory


@dataclass(frozen=True)
class ImportedRequest:
    """`request` is the body of a judgment request. `labels` are for the caller's own scoring, by candidate id."""

    request: dict[str, Any]
    labels: Mapping[str, Any]
    lost: tuple[str, ...]


def request_from(
    format: Literal["tau_bench", "plan_rewardbench"],
    row: Any,
    *,
    recipe: str = "default",
    seed: int = 0,
) -> ImportedRequest:
    """Make a request of one row.

    tau_bench: one candidate, label `{"reward": 0 or 1}`. plan_rewardbench: both trajectories, labels
    `chosen` and `reject`. The task is the messages that come before the agent's first turn (for tau_bench
    these hold the policy). Raises InvalidRequest.
    """
    data = object_of(row, "data")
    if format == "tau_bench":
        reward = data.get("reward")
        return _request([(from_tau_bench(data), {"reward": reward})], recipe, seed)
    if format == "plan_rewardbench":
        sides = [(from_plan_rewardbench(data, side), side) for side in ("chosen", "reject")]
        return _request(sides, recipe, seed)
    raise InvalidRequest(
        "format", f"{format!r} has no rows that hold a task; use tau_bench or plan_rewardbench"
    )


def _request(sides: list[Any], recipe: str, seed: int) -> ImportedRequest:
    ordered = sorted(sides, key=lambda side: _content_hash(side[0]))
    ids = [f"c{index + 1}" for index in range(len(ordered))]
    lead = _lead([imported.trajectory for imported, _ in ordered])
    request = {
        "task": {"messages": [_dumped(message) for message in lead]},
        "candidates": [
            {"id": name, "trajectory": imported.trajectory.model_dump(mode="json", exclude_none=True)}
            for name, (imported, _) in zip(ids, ordered, strict=True)
        ],
        "recipe": recipe,
        "seed": seed,
    }
    lost = dict.fromkeys(item for imported, _ in ordered for item in imported.lost)
    return ImportedRequest(
        request, {name: label for name, (_, label) in zip(ids, ordered, strict=True)}, tuple(lost)
    )


def _lead(trajectories: list[Trajectory]) -> list[Message]:
    """The system and user messages that every trajectory begins with. Raises InvalidRequest for none."""
    lead: list[Message] = []
    for messages in zip(*(trajectory.messages for trajectory in trajectories), strict=False):
        if messages[0].role not in ("system", "developer", "user") or any(m != messages[0] for m in messages):
            break
        lead.append(messages[0])
    if not lead:
        raise InvalidRequest("data", "the trajectories do not begin with the same system or user message")
    return lead


def _dumped(message: Message) -> dict[str, Any]:
    return message.model_dump(mode="json", exclude_none=True)


def _content_hash(imported: Imported) -> str:
    content = imported.trajectory.model_dump(mode="json")
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
