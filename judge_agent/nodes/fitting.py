"""What judges of a candidate are shown: all of it where it fits the model's window."""

from __future__ import annotations

from typing import NamedTuple

from judge_agent.aside import aside
from judge_agent.context import CanonicalCandidate, JudgeContext
from judge_agent.prompting.material import Material
from judge_agent.schema import Evidence
from judge_agent.state import State


class Shown(NamedTuple):
    """The material, and the evidence in it."""

    material: Material
    evidence: list[Evidence]


async def shown_to_judges(context: JudgeContext, candidate: CanonicalCandidate, state: State) -> Shown:
    """Return what critiques and looks at the candidate show."""
    evidence = context.tool_results(state["evidence"], candidate)
    whole = await aside(context.request, context.material, candidate, evidence)
    return Shown(whole, evidence)
