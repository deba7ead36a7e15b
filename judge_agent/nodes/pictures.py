"""Whether the pictures that a recipe is about are shown: one that the agent was given, and one that it made."""

from __future__ import annotations

from judge_agent.context import CanonicalCandidate, JudgeContext
from judge_agent.errors import ModelError
from judge_agent.prompting.images import artifact_part
from judge_agent.prompting.material import Material, Part
from judge_agent.trajectory import read


def pictures_missing(
    context: JudgeContext, candidate: CanonicalCandidate, shown: Material
) -> ModelError | None:
    """Why the pictures cannot be judged; None where both are shown, and by recipes that need none.

    A model that takes none, or a picture that cannot be read, is the judge's lack (`tool_unavailable`); a task or a
    candidate without one leaves nothing to judge (`no_evidence`). Without any model, the asking says so.
    """
    if context.recipe.pictures == "any":
        return None
    made = (at for at, part in enumerate(shown.parts) if part.step_id is not None or _is_artifact(part))
    acted = next(made, len(shown.parts))
    before = {*shown.task_images, *(name for part in shown.parts[:acted] for name in part.images)}
    after = {name for part in shown.parts[acted:] for name in part.images}
    if (before and after) or not context.calls.has_model:
        return None
    if not context.calls.can("images") or (not after and _gives_one(candidate)):
        said = "; ".join(one for one in shown.unread if one.startswith("images")) or "it takes none"
        return ModelError("tool_unavailable", f"the model is not shown the pictures: {said}")
    whose = "the candidate gives no edited picture" if before else "the task shows no source picture"
    return ModelError("no_evidence", f"{whose}, and this recipe compares the two")


def _is_artifact(part: Part) -> bool:
    return part.alias.startswith("a")


def _gives_one(candidate: CanonicalCandidate) -> bool:
    """Whether the agent gave a picture, readable or not: in a turn of its own, a tool's result, or an artifact."""
    turns = read(candidate.trajectory).turns
    given = any(turn.images for turn in turns if turn.role in ("assistant", "tool"))
    return given or any(artifact_part(one) is not None for one in candidate.trajectory.artifacts)
