"""What the principles of a dimension weigh together, where the recipe says so. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from judge_agent.state import Json


def weighed(principles: Sequence[Json], together: Mapping[str, float]) -> list[Json]:
    """One candidate's principles, their weights scaled so that those of a dimension in `together` sum to what it says.

    Where all of a dimension weigh 0 they stay as they are.
    """
    totals = {
        dimension: math.fsum(one["weight"] for one in principles if one["dimension"] == dimension)
        for dimension in together
    }
    return [
        {**one, "weight": one["weight"] * together[one["dimension"]] / totals[one["dimension"]]}
        if totals.get(one["dimension"], 0.0) > 0
        else one
        for one in principles
    ]
