"""The texts of a candidate by handle: `final`, an artifact by name or place (`a0`), an assistant turn by step id."""

from __future__ import annotations

import re

from judge_agent.prompting.material import without_thought
from judge_agent.schema import Trajectory
from judge_agent.trajectory import final_answer, read

FINAL = "final"
_ARTIFACT = re.compile(r"a(\d{1,4})")


def text_named(trajectory: Trajectory, handle: str) -> str | None:
    """The text that a handle names, None where the candidate has none of that name. An image is no text."""
    if handle == FINAL:
        return without_thought(final_answer(trajectory))[0]
    texts = [one for one in trajectory.artifacts if one.kind != "image"]
    for artifact in reversed(texts):
        if artifact.name == handle:
            return artifact.content
    place = _ARTIFACT.fullmatch(handle)
    if place and int(place.group(1)) < len(trajectory.artifacts):
        artifact = trajectory.artifacts[int(place.group(1))]
        return artifact.content if artifact.kind != "image" else None
    for step in read(trajectory).steps:
        if step.id == handle:
            return without_thought(step.turn.text)[0]
    return None
