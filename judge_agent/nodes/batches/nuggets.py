"""Nuggets: each principle is one fact that an answer should hold; many of them are read against one passage at once.

The passage is the candidate's answer and nothing else. A nugget is supported, partly supported or not; what counts as
support must be shown by a snippet that stands in the passage, word for word. Source: Search-Gen-V
(arXiv 2510.14660), nuggets as rubrics.
Does not know whether a nugget is true.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from judge_agent.errors import JudgeError
from judge_agent.nodes.batches.asking import (
    Outcome,
    Sitting,
    Unsupported,
    list_of,
    object_of,
    parts_of,
    text_of,
)
from judge_agent.nodes.critique_form import recorded
from judge_agent.prompting.answers import Said, answer_of
from judge_agent.prompting.citations import CheckedCitation, check
from judge_agent.prompting.fences import fence, neutralise
from judge_agent.prompting.material import indented
from judge_agent.readouts.nuggets import SUPPORT, Nugget, read_nuggets
from judge_agent.state import Json

_EMPTY = {"choice": "not_support", "score": 0.0, "reason": "the candidate gives no answer to find it in"}


def takes(principle: Json) -> bool:
    """Every principle is a nugget."""
    return True


async def judged(sitting: Sitting) -> Outcome:
    """One verdict a nugget, in runs of `per_call`; a run that fails costs the others nothing."""
    passage = answer_of(sitting.shown)
    if passage is None:
        return Outcome({principle["name"]: dict(_EMPTY) for principle in sitting.principles})
    critiques: dict[str, Json] = {}
    spans: list[Json] = []
    for place, run in enumerate(parts_of(sitting.principles, sitting.batch.per_call)):
        try:
            found = await _asked(sitting, place, run, passage)
        except JudgeError as error:
            failure = {"failure_kind": error.failure_kind, "failure_reason": str(error)[:500]}
            critiques |= {principle["name"]: {"reason": "", **failure} for principle in run}
            continue
        for principle, (nugget, citation) in zip(run, found, strict=True):
            cited, quoted = recorded([citation] if citation else [], sitting.candidate)
            spans += quoted
            critiques[principle["name"]] = _critique(nugget, cited)
    return Outcome(critiques, spans)


async def _asked(
    sitting: Sitting, place: int, run: Sequence[Json], passage: Said
) -> list[tuple[Nugget, CheckedCitation | None]]:
    context = sitting.context
    listed = [f"[n{at}] {indented(neutralise(one['description']))}" for at, one in enumerate(run, start=1)]
    block = object_of(
        {
            "snippet": text_of(context, 300),
            "rationale": text_of(context, 200, 8),
            "decision": {"enum": list(SUPPORT)},
        }
    )
    schema = object_of(
        {"reasoning": list_of(block, len(run)), "labels": list_of({"enum": list(SUPPORT)}, len(run))}
    )

    def read(data: Mapping[str, Any]) -> list[tuple[Nugget, CheckedCitation | None]]:
        return [
            _held(nugget, sitting, passage, at) for at, nugget in enumerate(read_nuggets(data, len(run)), 1)
        ]

    values = {
        "passage": fence("PASSAGE", passage.text),
        "nuggets": "\n".join(listed),
        "count": str(len(run)),
    }
    return await sitting.ask("nuggets", place, values, schema, read)


def _held(nugget: Nugget, sitting: Sitting, passage: Said, at: int) -> tuple[Nugget, CheckedCitation | None]:
    """A nugget with its snippet, found in the passage. Raises Unsupported where what is supported has none."""
    [found] = check([{"source": passage.alias, "quote": nugget.snippet}], sitting.shown)
    if found.source is not None:
        return nugget, found
    if nugget.decision == "not_support":
        return nugget, None
    raise Unsupported(f"the snippet of nugget n{at} is no part of the passage: {found.struck_because}")


def _critique(nugget: Nugget, citations: Sequence[Json]) -> Json:
    return {
        "choice": nugget.decision,
        "score": SUPPORT[nugget.decision],
        "reason": nugget.rationale,
        "citations": list(citations),
    }
