"""What a row has in the column of one dimension, where TRL adds up the columns. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from judge_agent.trainers.outcome import Outcome

Column = list[float | None]


def is_lacking(outcome: Outcome, name: str) -> bool:
    """Whether the judge has no number for a dimension that applies to the rollout."""
    return outcome.vector.get(name) is None and name not in outcome.not_applicable


def column_of(name: str, placed: Sequence[tuple[Outcome, int]], whole: Sequence[bool]) -> Column:
    """The whole rows' numbers of one dimension; the group's mean where it does not apply, None where to nobody."""
    numbers: dict[int, list[float]] = {}
    for (outcome, group), good in zip(placed, whole, strict=True):
        if good and (value := outcome.vector.get(name)) is not None:
            numbers.setdefault(group, []).append(value)
    means = {group: statistics.fmean(values) for group, values in numbers.items()}
    # Other ranks have members of a joined group, and must put the same number in the same place.
    means |= {
        group: joined[name]
        for outcome, group in placed
        if name in (joined := outcome.flags.get("group_means") or {})
    }
    column = Column()
    for (outcome, group), good in zip(placed, whole, strict=True):
        value = outcome.vector.get(name)
        column.append((means.get(group) if value is None else value) if good else None)
    return column
