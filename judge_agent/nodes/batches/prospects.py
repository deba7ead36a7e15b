"""Prospects of a prefix: can the task still be done from here, and should the run be stopped?

That it is not finished is nothing against it. What stands below the middle, and so every advice to stop, must rest on
words that stand in the trajectory or in what tools found; without them there is no verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from judge_agent.nodes.batches.asking import Outcome, Sitting, Unsupported, object_of, text_of
from judge_agent.nodes.critique_form import MAX_QUOTE_CHARS, MIN_REASON_CHARS, recorded
from judge_agent.prompting.citations import CheckedCitation, check
from judge_agent.prompting.excerpts import compact
from judge_agent.prompting.material import trajectory_block
from judge_agent.readouts.prospects import GO_ON, MIDDLE, NOWHERE, STANDS, STOP, Prospects, read_prospects
from judge_agent.state import Json

PROSPECTS = "prospects"
# Long texts by so many characters, and of many parts the first and the last so many: each barer than the one before.
_EVER_SHORTER: tuple[tuple[int, int | None], ...] = (
    (2400, None),
    (800, None),
    (800, 40),
    (400, 20),
    (400, 8),
    (200, 4),
)
_Read = tuple[Prospects, tuple[CheckedCitation, ...]]


def takes(principle: Json) -> bool:
    """The prospects alone; every other principle is judged by itself."""
    return bool(principle["name"] == PROSPECTS)


async def judged(sitting: Sitting) -> Outcome:
    """The score of the prospects, and the advice as a flag. Raises JudgeError."""
    steps = {alias: step_id for step_id, alias in sitting.shown.step_aliases.items()}

    def read(data: Mapping[str, Any]) -> _Read:
        said = read_prospects(data, tuple(steps))
        return said, _held(said, check(said.citations, sitting.shown))

    values = {"steps": ", ".join(steps)}
    schema = _schema(sitting, tuple(steps))
    sitting, left_out = await _fitting(sitting, values)
    said, checked = await sitting.ask("prospects", 0, values, schema, read)
    cited, spans = recorded([one for one in checked if one.source is not None], sitting.candidate)
    critique = {
        "choice": str(said.stands),
        "score": (said.stands - 1) / 4,
        "reason": said.reason,
        "citations": cited,
    }
    lost_at = steps[said.lost_at] if said.lost_at else None
    advice = {"stop_recommended": said.stop, "reason": said.reason, "hope_lost_at": lost_at}
    advice["unread"] = left_out
    return Outcome({PROSPECTS: critique}, spans, advice)


def told(flags: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The advice as the record flags it: to stop only where more than half of all samples say so."""
    given = [one for one in flags if one]
    if not given:
        return {}
    stop = 2 * sum(one["stop_recommended"] for one in given) > len(flags)
    leading = next((one for one in given if one["stop_recommended"] == stop), given[0])
    why = {"reason": leading["reason"], "hope_lost_at": leading["hope_lost_at"] if stop else None}
    left_out = given[0]["unread"]
    unread = {"unread": [f"for the prospects: {left_out}"]} if left_out else {}
    return {"stop_recommended": stop, "stop": why, **unread}


async def _fitting(sitting: Sitting, values: Mapping[str, str]) -> tuple[Sitting, str]:
    """The sitting with as much of a long prefix as fits, and what is left out; as it is where nothing does."""
    if await sitting.fits("prospects", values):
        return sitting, ""
    for most_chars, ends in _EVER_SHORTER:
        short = compact(sitting.shown.parts, most_chars, ends)
        images = {name: one for name, one in sitting.shown.images.items() if name in short.images}
        images |= {name: sitting.shown.images[name] for name in sitting.shown.task_images}
        view = replace(sitting.shown, trajectory=trajectory_block(short.lines), images=images)
        shorter = replace(sitting, shown=view)
        if await shorter.fits("prospects", values):
            return shorter, short.left_out
    return sitting, ""


def _held(said: Prospects, checked: Sequence[CheckedCitation]) -> tuple[CheckedCitation, ...]:
    """The citations, where they bear what was said. Raises Unsupported for a low standing that rests on none."""
    if said.stands < MIDDLE and not any(
        one.source is not None and one.source.alias != "task" for one in checked
    ):
        struck = "; ".join(one.struck_because for one in checked if one.struck_because)
        raise Unsupported(
            "a run stands low for something that went wrong in it, not for being unfinished: quote what went wrong; "
            + (struck or "nothing was quoted")
        )
    return tuple(checked)


def _schema(sitting: Sitting, steps: Sequence[str]) -> Json:
    context = sitting.context
    citation = object_of(
        {"source": {"enum": sorted(sitting.shown.sources)}, "quote": text_of(context, MAX_QUOTE_CHARS, 1)}
    )
    settings = context.recipe.critique
    most = context.calls.citations(settings.max_citations)
    return object_of(
        {
            "reason": text_of(context, settings.reason_chars, MIN_REASON_CHARS),
            "citations": {"type": "array", "items": citation, "maxItems": most},
            "hope_lost_at": {"enum": [NOWHERE, *steps]},
            "advice": {"enum": [GO_ON, STOP]},
            "stands": {"enum": list(STANDS)},
        }
    )
