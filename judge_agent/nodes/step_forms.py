"""Forms in which a step is judged: a label, an analysis before it, or ratings by principles. Schema and reading.

`analysis` is GM-PRM's (arXiv 2508.04088): what the step is to do, whether it agrees with the pictures, whether it
follows, then the label, and of a step that is wrong how it should have been. `ratings` are PPR's (arXiv 2509.25598): a
step is scored by principles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from judge_agent.context import JudgeContext
from judge_agent.errors import ModelError
from judge_agent.given_principles import given_principles, name_from
from judge_agent.prompting.fences import neutralise
from judge_agent.prompting.material import indented
from judge_agent.readouts import STEP_SCORES, menu, read_choice, score_of
from judge_agent.schema import PrincipleSpec
from judge_agent.state import Json

MIN_REASON_CHARS = 16
STEP_REASON_CHARS = 200
CORRECTION_CHARS = 400
LABELS = tuple(STEP_SCORES)
AGREES = ("agrees", "contradicts", "no_picture")
FOLLOWS = ("sound", "flawed")
FORMATS: Mapping[str, str] = {
    "label": "Answer in JSON: for each step the reason first, then the label.",
    "analysis": "Answer in JSON: for each step the intent, visual_alignment, logic, the reason, then the label, then "
    "the corrected step, which is empty unless the label is bad.",
    "ratings": "Answer in JSON: for each step the reason first, then a rating from 1 to 5 by each principle.",
}


def rated_by(context: JudgeContext) -> tuple[PrincipleSpec, ...]:
    """The principles that steps are rated by: the judgment's soft ones, by recipes that have steps rated."""
    if context.recipe.steps.form != "ratings":
        return ()
    specs = given_principles(context.request, context.recipe)
    return tuple(spec for spec in specs if spec.kind == "soft" and spec.tool is None)


def decided_by_steps(context: JudgeContext) -> frozenset[str]:
    """The names of the principles that the steps decide: of the whole nobody is asked about them."""
    feeds = context.recipe.steps.feeds
    return frozenset((*names_of(rated_by(context)).values(), *([feeds] if feeds else ())))


def names_of(specs: Sequence[PrincipleSpec]) -> dict[str, str]:
    """The principles by the aliases that prompts have for them: p1, p2, ..."""
    return {f"p{at}": spec.name or name_from(spec.description) for at, spec in enumerate(specs, start=1)}


def listed(context: JudgeContext) -> str:
    """The principles as a prompt lists them."""
    specs = rated_by(context)
    return "\n".join(
        f"- p{at}: {indented(neutralise(spec.description))}" for at, spec in enumerate(specs, start=1)
    )


def step_schema(context: JudgeContext) -> Json:
    """The schema of what is said of one step, reason before label."""
    reason = {
        "type": "string",
        "minLength": MIN_REASON_CHARS,
        "maxLength": context.calls.text_chars(STEP_REASON_CHARS),
    }
    form = context.recipe.steps.form
    label: Json = {"label": {"enum": ["good", "neutral", "bad"]}}
    if form == "analysis":
        text = {"type": "string", "maxLength": context.calls.text_chars(CORRECTION_CHARS)}
        before: Json = {
            "intent": {**reason, "minLength": 4},
            "visual_alignment": {"enum": list(AGREES)},
            "logic": {"enum": list(FOLLOWS)},
        }
        return _object({**before, "reason": reason, **label, "corrected_step": text})
    if form == "ratings":
        rating = {"enum": list(menu("1-5"))}
        return _object(
            {"reason": reason, "ratings": _object(dict.fromkeys(names_of(rated_by(context)), rating))}
        )
    return _object({"reason": reason, **label})


def read_step(context: JudgeContext, item: object) -> Json:
    """What was said of one step: `label`, `reason`, and by its form more. Raises ModelError('model_unparseable')."""
    if not isinstance(item, dict):
        raise ModelError("model_unparseable", f"a step's judgment is {item!r}, not an object")
    form = context.recipe.steps.form
    if form == "ratings":
        return _rated(item, names_of(rated_by(context)))
    label = read_choice(item, "label", LABELS)
    said: Json = {"label": label, "reason": str(item.get("reason", ""))}
    return {**said, **_analysed(item, label)} if form == "analysis" else said


def _analysed(item: Mapping[str, Any], label: str) -> Json:
    """The analysis, which must come to its label, and the corrected step, which is there for a bad one alone."""
    intent, corrected = str(item.get("intent") or "").strip(), item.get("corrected_step")
    if not intent or not isinstance(corrected, str):
        raise ModelError(
            "model_unparseable", "a step's analysis lacks the intent, or corrected_step is no text"
        )
    said = {
        "intent": intent,
        "visual_alignment": read_choice(item, "visual_alignment", AGREES),
        "logic": read_choice(item, "logic", FOLLOWS),
    }
    wrong = said["visual_alignment"] == "contradicts" or said["logic"] == "flawed"
    if wrong != (label == "bad"):
        found = f"visual_alignment {said['visual_alignment']!r} and logic {said['logic']!r}"
        raise ModelError(
            "model_unparseable", f"a step of {found} is labelled {label!r}: these contradict each other"
        )
    if bool(corrected.strip()) != wrong:
        raise ModelError(
            "model_unparseable",
            f"corrected_step of a step labelled {label!r} must be {'given' if wrong else 'empty'}",
        )
    return {"said": said, "correction": corrected.strip() or None}


def _rated(item: Mapping[str, Any], names: Mapping[str, str]) -> Json:
    """The mean of the ratings as the step's score, and its label by the side of the middle that it is on."""
    ratings = item.get("ratings")
    if not isinstance(ratings, dict) or set(ratings) != set(names):
        raise ModelError("model_unparseable", f"'ratings' must rate exactly {list(names)}")
    scores = {
        name: score_of(read_choice(ratings, alias, menu("1-5")), "1-5") for alias, name in names.items()
    }
    score = sum(scores.values()) / len(scores)
    return {
        "label": label_of(score),
        "score": score,
        "scores": scores,
        "reason": str(item.get("reason", "")),
    }


def label_of(score: float) -> str:
    """good above the middle, bad below it."""
    return "bad" if score < 0.5 else "good" if score > 0.5 else "neutral"


def _object(properties: Mapping[str, Any]) -> Json:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }
