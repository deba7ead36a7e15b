"""Every text of a candidate that a prompt may show, with the name and the class of its source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from judge_agent.schema import Source, Trajectory
from judge_agent.trajectory import Turn, read

Part = Literal[
    "text", "name", "call", "arguments", "reasoning", "artifact_name", "content", "tool_description"
]


class Place(NamedTuple):
    """One text. `where` is the id by which evidence and citations name it; `part` says which of its texts."""

    where: str
    part: Part
    text: str
    source: Source = "claim"
    step_id: str | None = None


def places_of(trajectory: Trajectory, *, hidden_reasoning: bool) -> tuple[Place, ...]:
    """Return the texts in their order. What the agent wrote is a claim, what came back to it an observation.

    Its hidden reasoning is among them only where prompts show it, too.
    """
    return tuple(place for place in _all(trajectory, hidden_reasoning) if place.text)


def _all(trajectory: Trajectory, hidden_reasoning: bool) -> Iterator[Place]:
    for turn in read(trajectory).turns:
        yield from _of_turn(turn, hidden_reasoning)
    for index, artifact in enumerate(trajectory.artifacts):
        yield Place(f"a{index}", "artifact_name", artifact.name)
        if artifact.kind != "image":
            yield Place(f"a{index}", "content", artifact.content)
    if trajectory.final_answer is not None:
        yield Place("final", "text", trajectory.final_answer)
    for index, text in enumerate(_descriptions(trajectory.tools)):
        yield Place(f"tool{index}", "tool_description", text, "observation")


def _of_turn(turn: Turn, hidden_reasoning: bool) -> Iterator[Place]:
    source: Source = "claim" if turn.role == "assistant" else "observation"
    if turn.role != "system":
        yield Place(turn.span_id, "text", turn.text, source, turn.step_id)
    if turn.name:
        yield Place(turn.span_id, "name", turn.name, source, turn.step_id)
    if hidden_reasoning and turn.reasoning:
        yield Place(turn.span_id, "reasoning", turn.reasoning, source, turn.step_id)
    for call in turn.calls:
        yield Place(turn.span_id, "call", call.name, source, turn.step_id)
        yield Place(turn.span_id, "arguments", call.raw_arguments, source, turn.step_id)


def _descriptions(tools: Sequence[dict[str, object]]) -> Iterator[str]:
    """Names and descriptions of the declared tools, in either form of a schema."""
    for tool in tools:
        inner = tool.get("function", tool)
        if isinstance(inner, dict):
            yield "\n".join(
                str(inner[key]) for key in ("name", "description") if isinstance(inner.get(key), str)
            )
