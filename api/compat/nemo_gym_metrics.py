"""NeMo Gym's `/aggregate_metrics`: what a run's rows say together. Masked rows are counted, and averaged nowhere.

Source: NeMo Gym 0.7.0, `reward_profile.py`, whose names of metrics these are (`mean/reward`).
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from api.auth import Tenant
from api.compat.query import read_how
from api.compat.serving import Sent, documented, parts_of, read_sent

router = APIRouter(tags=["trainers"])
TASK, ROLLOUT = "_ng_task_index", "_ng_rollout_index"
MAX_ROWS = 100_000
_LARGEST = 1e100
_EXAMPLE = {"verify_responses": [{TASK: 0, ROLLOUT: 0, "reward": 1.0}, {TASK: 0, ROLLOUT: 1, "reward": 0.0}]}
Row = Mapping[str, Any]


class AggregateRequest(Sent):
    verify_responses: Annotated[list[dict[str, Any]], Field(max_length=MAX_ROWS)]


class AggregateMetrics(BaseModel):
    """Flat names for a logger; one entry a task and one a repeat beside them."""

    group_level_metrics: list[dict[str, Any]] = []
    agent_metrics: dict[str, int | float] = {}
    key_metrics: dict[str, int | float] = {}
    perf_summary: dict[str, Any] | None = None
    repeat_level_metrics: list[dict[str, Any]] = []


@router.post(
    "/aggregate_metrics",
    response_model=AggregateMetrics,
    openapi_extra=documented(AggregateRequest, _EXAMPLE),
)
async def aggregate_metrics(request: Request, tenant: Tenant) -> AggregateMetrics:
    """Summarize the rows that `/verify` answered. The parameters of `/verify` change nothing here."""
    read_how(request, parts_of(request).settings.max_judgment_seconds)
    rows = (await read_sent(request, AggregateRequest)).verify_responses
    if not rows:
        return AggregateMetrics()
    scored = [row for row in rows if not row.get("mask_sample")]
    coverage = _coverage(rows, scored)
    if not scored:
        return AggregateMetrics(agent_metrics=coverage, key_metrics=coverage)
    overall = _summary(scored) | coverage
    overall["num_repeats"] = len({str(row.get(ROLLOUT, 0)) for row in rows})
    headline = {name: value for name, value in overall.items() if name.startswith("mean/")}
    return AggregateMetrics(
        group_level_metrics=_by(scored, TASK),
        agent_metrics=overall,
        key_metrics=headline | coverage,
        repeat_level_metrics=_by(scored, ROLLOUT),
    )


def _coverage(rows: Sequence[Row], scored: Sequence[Row]) -> dict[str, float]:
    """Of how many rows the numbers speak; nothing where they speak of all."""
    if len(rows) == len(scored):
        return {}
    measured = {str(row.get(TASK, 0)) for row in scored}
    return {
        "coverage/measured_rollouts": len(scored),
        "coverage/masked_rollouts": len(rows) - len(scored),
        "coverage/measured_tasks": len(measured),
        "coverage/fully_masked_tasks": len({str(row.get(TASK, 0)) for row in rows} - measured),
    }


def _by(rows: Iterable[Row], key: str) -> list[dict[str, Any]]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[str(row.get(key, 0))].append(row)
    found = [{**_summary(group), key: group[0].get(key, 0)} for group in groups.values()]
    return sorted(found, key=lambda entry: _place(entry[key]))


def _place(index: Any) -> tuple[bool, float, str]:
    """Numbers in their order, then everything else by its text."""
    is_number = isinstance(index, (int, float))
    return not is_number, index if is_number else 0, "" if is_number else str(index)


def _is_measure(name: str, value: Any) -> bool:
    """Whether a field is a number to average: marks are not, nor what would overflow."""
    if name.startswith("_") or name == "mask_sample" or not isinstance(value, (int, float)):
        return False
    return abs(value) <= _LARGEST


def _summary(rows: Sequence[Row]) -> dict[str, float]:
    """Mean, extremes, median and spread of every number at the top of the rows; what stands in for one is none."""
    columns: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        for name, value in row.items():
            if _is_measure(name, value) and row.get(f"{name}_missing") != 1:
                columns[name].append(float(value))
    found = {}
    for name, values in columns.items():
        found[f"mean/{name}"] = statistics.fmean(values)
        found[f"max/{name}"] = max(values)
        found[f"min/{name}"] = min(values)
        found[f"median/{name}"] = statistics.median(values)
        found[f"std/{name}"] = statistics.stdev(values) if len(values) > 1 else 0.0
    return found
