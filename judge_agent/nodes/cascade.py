"""A cascade: where a tool has refuted a hard principle, nothing behind it is looked at. Source: WebGen-R1's order of
structure, function and looks, and WebGen-Agent (arXiv 2509.22644): a page that does not render has no looks to grade.
"""

from __future__ import annotations

from judge_agent.context import CanonicalCandidate, applies
from judge_agent.state import Json, State


def ended_by(state: State, candidate: CanonicalCandidate) -> Json | None:
    """The decisive finding against a hard principle that ends the judging of a candidate; None where there is none."""
    hard = {
        one["name"] for one in state["principles"] if one["kind"] == "hard" and applies(one, candidate.id)
    }
    return next(
        (
            finding
            for finding in state["findings"]
            if finding["candidate_id"] == candidate.id
            and finding["strength"] == "decisive"
            and finding["bearing"] == "refutes"
            and hard & set(finding["principles"])
        ),
        None,
    )
