"""Steps judged twice: left to right by what led to them, right to left by what came of them.

Left to right shows nothing that came after the step, not even its own result; right to left shows the latest first,
down to the step, and nothing that came before it, so that later steps are witnesses for earlier ones. A step's score is
the mean of both; where one of the two cannot be read, the step stays unjudged. Source: BiPRM (arXiv 2508.01682), whose
later version weighs the two by a trained gate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from judge_agent.nodes.step_forms import label_of
from judge_agent.prompting.material import Material, Part, trajectory_block
from judge_agent.prompting.results import evidence_block
from judge_agent.readouts import STEP_SCORES
from judge_agent.state import Json

Direction = Literal["forward", "backward"]
DIRECTIONS: tuple[Direction, ...] = ("forward", "backward")
_NOTES: Mapping[Direction, str] = {
    "forward": "You see the work up to this step and nothing after it.",
    "backward": "You see the work from its end back to this step, the latest first, and nothing before it.",
}


def seen_from(shown: Material, step_id: str, direction: Direction) -> Material:
    """What is shown of a step in one direction. What tools found of the whole comes of later steps, too."""
    at = next(index for index, part in enumerate(shown.parts) if part.step_id == step_id)
    heads = [part for part in shown.parts[:at] if not part.alias or part.text is None]
    parts: list[Part]
    if direction == "forward":
        parts = list(shown.parts[: at + 1])
        evidence = evidence_block([])
    else:
        parts = [*heads, *reversed(shown.parts[at:])]
        evidence = shown.evidence
    hidden = direction == "forward"
    sources = {name: one for name, one in shown.sources.items() if not (hidden and one.evidence_id)}
    names = {name for part in parts for name in part.images} | set(shown.task_images)
    names |= {name for one in sources.values() if one.evidence_id for name in one.images}
    return replace(
        shown,
        trajectory=trajectory_block([part.line for part in parts]),
        evidence=evidence,
        reference=f"{shown.reference}\n{_NOTES[direction]}\n",
        sources=sources,
        parts=tuple(parts),
        images={name: image for name, image in shown.images.items() if name in names},
    )


def combined(found: Mapping[Direction, Sequence[Json]]) -> list[Json]:
    """One critique a step out of those of both directions, in the order of the steps."""
    backward = {one["step_id"]: one for one in found["backward"]}
    return [_one(one, backward[one["step_id"]]) for one in found["forward"]]


def _one(forward: Json, backward: Json) -> Json:
    both: dict[Direction, Json] = {"forward": forward, "backward": backward}
    for direction, one in both.items():
        if "failure_kind" in one:
            return {**one, "failure_reason": f"{direction}: {one['failure_reason']}"}
    scores = {direction: _score(one) for direction, one in both.items()}
    score = sum(scores.values()) / 2
    return {
        "step_id": forward["step_id"],
        "label": label_of(score),
        "score": score,
        "scores": scores,
        "reason": "; ".join(f"{direction}: {one['reason']}" for direction, one in both.items()),
    }


def _score(critique: Json) -> float:
    return float(critique.get("score", STEP_SCORES[critique["label"]]))
