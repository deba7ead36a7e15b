"""Says which principles of a candidate need the rest of their samples, though the vote of each one stands.

A vote that stops early has another score than all samples would give, on the same side of every threshold. Weighed
together, scores on both sides may pass as they are and fail as they would be.
"""

from __future__ import annotations

from collections.abc import Sequence

from judge_agent.context import CanonicalCandidate, JudgeContext, applies
from judge_agent.nodes.reduce import by_samples
from judge_agent.state import Json, State
from judge_agent.votes import PASS


def open_together(
    context: JudgeContext,
    state: State,
    candidate: CanonicalCandidate,
    principles: Sequence[Json],
    critiques: Sequence[Sequence[Json]],
) -> bool:
    """Whether scores of votes that stopped early may pass the candidate otherwise than those of all samples would.

    `principles` are those that the model judged, each with its critiques. What else applies was decided without them,
    and what has no verdict may yet be any score: then nothing stands.
    """
    applying = [one for one in state["principles"] if applies(one, candidate.id)]
    unproposed = "failure_kind" in state["flags"].get("", {})
    hard = any(one["kind"] == "hard" for one in applying)
    if (len(applying) == 1 and not unproposed) or (hard and context.pass_threshold is None):
        return False
    threshold = PASS if context.pass_threshold is None else context.pass_threshold
    verdicts = [
        by_samples(principle, found, context.recipe.samples)
        for principle, found in zip(principles, critiques, strict=True)
    ]
    scores = [None if verdict is None else verdict.score for verdict in verdicts]
    gated = zip(principles, scores, strict=True)
    if any(one["kind"] == "hard" and score is not None and score < PASS for one, score in gated):
        return False
    penalties = any(one["weight"] < 0 for one in applying)
    sides = {None if score is None else score >= threshold for score in scores}
    if len(scores) < len(applying) or unproposed or penalties or len(sides) > 1:
        return True
    # A mean lies among its scores; what is made of a gate or of a code does not, and a second look may make one 0.
    beyond = context.aggregate in ("lexicographic", "renormed")
    return beyond or (context.recipe.refute.of == "all" and True in sides)
