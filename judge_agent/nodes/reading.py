"""Reads one answer as its turn's readout says: who is better, by how much, or what a later turn is to know.

The parsing itself is in `judge_agent.readouts`; here its results become scores in [0, 1], one for each slot.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from judge_agent import readouts
from judge_agent.errors import ModelError
from judge_agent.nodes.rubrics import (
    differences_in_words,
    items_in_words,
    marked,
    rules_of,
    without_planted,
)
from judge_agent.readouts import RubricItem
from judge_agent.recipes import Readout
from judge_agent.seams.model import Choice

TIE = "tie"
PASS = "pass"
ONE_TOKEN = ("p_yes", "ordinal")
_SCORE_TAG = re.compile(r"<score_(\w{1,20})>")
MIN_REASON_CHARS = 24


@dataclass(frozen=True)
class Known:
    """What earlier turns and the prompts give to a reading: items to mark, differences found, and each slot's text."""

    items: tuple[RubricItem, ...] = ()
    differences: int = 0
    texts: Mapping[str, str] = field(default_factory=dict)


NOTHING = Known()


@dataclass(frozen=True)
class Reading:
    """What one answer says. `scores` has one entry a slot and is empty where the turn decides nothing.

    `facts` are values that `when` of a later turn may ask for; `said` is text that its prompt may show. `numbers`
    are what a readout of token probabilities found beside the score; `written` are the slots' scores on the model's
    own scale. `items` and `differences` are what later turns are read by.
    """

    choice: str = ""
    scores: tuple[float, ...] = ()
    reason: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    said: Mapping[str, str] = field(default_factory=dict)
    distribution: Mapping[str, float] | None = None
    numbers: Mapping[str, float] = field(default_factory=dict)
    written: tuple[float, ...] = ()
    items: tuple[RubricItem, ...] = ()
    differences: int = 0


_Reader = Callable[[Readout, Choice, Sequence[str]], Reading]


def read(spec: Readout, name: str, answer: Choice, slots: Sequence[str], known: Known = NOTHING) -> Reading:
    """Read an answer to the turn `name`. Raises ModelError('model_unparseable')."""
    if spec.sections:
        readouts.read_sections(readouts.answer_text(answer), spec.sections)
    if spec.kind in ("rubric", "profile", "marks"):
        return _BY_ITEMS[spec.kind](spec, name, answer, slots, known)
    if spec.kind in ("text", "label", "focus"):
        return _EARLIER[spec.kind](spec, name, readouts.answer_text(answer), slots)
    return _READERS[spec.kind](spec, answer, slots)


def schema_of(
    spec: Readout, slots: Sequence[str], reason_chars: int, known: Known = NOTHING
) -> dict[str, Any] | None:
    """The JSON Schema that an answer is held to, reason first; None for readouts of free text."""
    reason: dict[str, Any] = {"type": "string", "minLength": MIN_REASON_CHARS, "maxLength": reason_chars}
    number: dict[str, Any] = {"type": "number", "minimum": spec.low, "maximum": spec.high}
    if spec.kind == "winner_json":
        return _object({"reasoning": reason, spec.key: {"enum": list(spec.labels.values())}})
    if spec.kind == "verdict_json":
        texts = {name: {**reason, "minLength": 1} for name in spec.fields}
        return _object({**texts, spec.key: {"enum": list(spec.labels.values())}})
    if spec.kind == "marks":
        marks = readouts.marks_schema(rules_of(spec, known.items), slots, reason, spec.low, spec.high)
        winner = {"winner": {"enum": list(spec.labels.values())}} if spec.labels else {}
        return _object({"items": marks, **winner})
    if spec.kind in ("rubric", "profile"):
        return _listed(spec, slots, reason_chars, known)
    if spec.kind == "scores_json":
        scores = _object(dict.fromkeys(_written(spec, slots), number))
        return _object({"reasoning": reason, spec.key: scores})
    if spec.kind == "ranking_json":
        ranked: dict[str, Any] = {"type": "array", "items": {"enum": list(slots)}}
        ranked |= {"minItems": len(slots), "maxItems": len(slots)}
        return _object({"scores": _object(dict.fromkeys(slots, number)), "best-to-worst": ranked})
    return None


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _listed(spec: Readout, slots: Sequence[str], reason_chars: int, known: Known) -> dict[str, Any]:
    words: dict[str, Any] = {
        "type": "string",
        "minLength": readouts.MIN_ITEM_CHARS,
        "maxLength": reason_chars,
    }
    if spec.kind == "profile":
        quotes = _object({slot: {"type": "string", "maxLength": reason_chars} for slot in slots})
        name = {"type": "string", "minLength": 3, "maxLength": 60}
        key, one = "differences", _object({"dimension": name, "said": words, "quotes": quotes})
    else:
        kind = {"enum": list(spec.labels.values())}
        number = {"difference": {"enum": list(range(1, known.differences + 1))}} if known.differences else {}
        key, one = "items", _object({**number, "text": words, "kind": kind})
    return _object({key: {"type": "array", "items": one, "minItems": 1, "maxItems": spec.most}})


def _rubric(spec: Readout, name: str, answer: Choice, slots: Sequence[str], known: Known) -> Reading:
    found = readouts.read_rubric(answer, spec.labels, spec.most, known.differences)
    items = without_planted(found)
    said = items_in_words(items, spec)
    return Reading(reason=said, said={name: said}, items=items)


def _profile(spec: Readout, name: str, answer: Choice, slots: Sequence[str], known: Known) -> Reading:
    found = readouts.read_profile(answer, known.texts, spec.most)
    said = differences_in_words(found)
    return Reading(reason=said, said={name: said}, differences=len(found))


def _marks(spec: Readout, name: str, answer: Choice, slots: Sequence[str], known: Known) -> Reading:
    found = marked(spec, answer, slots, known.items)
    if len(slots) == 1:
        return Reading(f"{found.scores[0]:.4g}", found.scores, found.reason)
    return Reading(found.winner or _leader(found.scores, slots), found.scores, found.reason)


def of_each(readings: Sequence[Reading], slots: Sequence[str]) -> Reading:
    """What slots come to that were asked about one by one: who alone has the best that there is has won."""
    told = [f"{slot}: {one.reason}" for slot, one in zip(slots, readings, strict=True)]
    best = [slot for slot, one in zip(slots, readings, strict=True) if one.scores[0] >= 1.0]
    return _won(best[0] if len(best) == 1 else TIE, "\n".join(told), slots)


def _text(spec: Readout, name: str, text: str, slots: Sequence[str]) -> Reading:
    text = readouts.after_reasoning(text)
    return Reading(reason=text, said={name: text})


def _label(spec: Readout, name: str, text: str, slots: Sequence[str]) -> Reading:
    label = readouts.read_tag(text, spec.labels, tail_chars=spec.tail_chars, wrapper=spec.wrapper)
    texts = {f"{name}_text": spec.texts[label]} if spec.texts else {}
    return Reading(choice=label, reason=text, facts={name: label}, said={name: text, **texts})


def _focus(spec: Readout, name: str, text: str, slots: Sequence[str]) -> Reading:
    abilities, issues = readouts.read_focus(text, len(slots))
    listed = "\n".join(f"Response {slot}: {issue}" for slot, issue in zip(slots, issues, strict=True))
    return Reading(
        choice=", ".join(abilities), reason=text, said={name: ", ".join(abilities), "issues": listed}
    )


def _winner_tag(spec: Readout, answer: Choice, slots: Sequence[str]) -> Reading:
    text = readouts.answer_text(answer)
    # Of a list it is not known beforehand how many there are.
    labels = spec.labels or {slot: f"Response {slot}" for slot in slots}
    label = readouts.read_tag(text, labels, tail_chars=spec.tail_chars, wrapper=spec.wrapper)
    if spec.tail_chars is not None:
        # A second verdict beside the tag leaves none.
        readouts.read_tag(text, labels, tail_chars=spec.tail_chars)
    return _won(label, text, slots)


def _verdict_tag(spec: Readout, answer: Choice, slots: Sequence[str]) -> Reading:
    text = readouts.answer_text(answer)
    label = readouts.read_tag(text, spec.labels, tail_chars=spec.tail_chars, wrapper=spec.wrapper)
    return Reading(label, (float(label == PASS),), text)


def _verdict_json(spec: Readout, answer: Choice, slots: Sequence[str]) -> Reading:
    data = readouts.read_object(answer, verdict=(spec.key,))
    said = readouts.read_choice(data, spec.key, tuple(spec.labels.values()))
    if silent := [name for name in spec.fields if not str(data.get(name) or "").strip()]:
        raise ModelError("model_unparseable", f"the answer says nothing in {silent}")
    label = next(label for label, text in spec.labels.items() if text == said)
    return Reading(label, (float(label == PASS),), "\n".join(f"{name}: {data[name]}" for name in spec.fields))


def _winner_json(spec: Readout, answer: Choice, slots: Sequence[str]) -> Reading:
    data = readouts.read_object(answer, verdict=(spec.key,))
    said = readouts.read_choice(data, spec.key, tuple(spec.labels.values()))
    label = next(label for label, text in spec.labels.items() if text == said)
    return _won(label, str(data.get("reasoning", "")), slots)


def _boxed_index(spec: Readout, answer: Choice, slots: Sequence[str]) -> Reading:
    text = readouts.answer_text(answer)
    return _won(slots[readouts.read_boxed_index(text, len(slots), between=spec.between) - 1], text, slots)


def _won(label: str, reason: str, slots: Sequence[str]) -> Reading:
    if label == TIE:
        return Reading(TIE, (0.5,) * len(slots), reason)
    return Reading(label, tuple(float(slot == label) for slot in slots), reason)


def _boxed_scores(spec: Readout, answer: Choice, slots: Sequence[str]) -> Reading:
    text = readouts.answer_text(answer)
    numbers = readouts.read_boxed_numbers(
        text, len(slots), int(spec.low), int(spec.high), between=spec.between
    )
    return _scored([float(number) for number in numbers], text, spec, slots)


def _scores_json(spec: Readout, answer: Choice, slots: Sequence[str]) -> Reading:
    data = readouts.read_object(answer, verdict=(spec.key,))
    numbers = _numbers_by_slot(data.get(spec.key), spec, slots)
    return _scored(numbers, str(data.get("reasoning", "")), spec, slots)


def _numbers_by_slot(value: object, spec: Readout, slots: Sequence[str]) -> list[float]:
    names = _written(spec, slots)
    if not isinstance(value, Mapping) or set(value) != set(names):
        raise ModelError("model_unparseable", f"{spec.key}={value!r} does not score exactly {names}")
    return [_number(value[name], spec) for name in names]


def _written(spec: Readout, slots: Sequence[str]) -> list[str]:
    """The names that the answer has for the slots: the recipe's labels where it gives them."""
    return [spec.labels.get(slot, slot) for slot in slots]


def _number(value: object, spec: Readout) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not spec.low <= value <= spec.high:
        raise ModelError(
            "model_unparseable", f"{value!r} is no number between {spec.low:g} and {spec.high:g}"
        )
    return float(value)


def _ranking_json(spec: Readout, answer: Choice, slots: Sequence[str]) -> Reading:
    text = readouts.answer_text(answer)
    ranked = readouts.read_ranking(text, tuple(slots), spec.low, spec.high)
    if not ranked.consistent:
        raise Contradiction(ranked.order)
    return _scored([ranked.scores[slot] for slot in slots], _with_thought(answer, text), spec, slots)


class Contradiction(ModelError):
    """Scores and ranking of one answer disagree: two verdicts, of which nothing says which one is meant."""

    def __init__(self, order: Sequence[str]) -> None:
        message = f"the ranking {list(order)} contradicts the scores; they must agree"
        super().__init__("model_unparseable", message)


def _score_tag(spec: Readout, answer: Choice, slots: Sequence[str]) -> Reading:
    text = readouts.answer_text(answer)
    if spec.rationale is not None:
        readouts.read_rationale(text, spec.rationale, before="<score>")
    reading = _scored([readouts.read_scores_tag(text, spec.low, spec.high)], text, spec, slots)
    worst = spec.floor is not None and reading.written[0] <= spec.floor
    return replace(reading, scores=(0.0,)) if worst else reading


def _scores_tags(spec: Readout, answer: Choice, slots: Sequence[str]) -> Reading:
    text = readouts.answer_text(answer)
    strangers = set(_SCORE_TAG.findall(readouts.after_reasoning(text))) - set(slots)
    if strangers:
        raise ModelError("model_unparseable", f"the answer scores {sorted(strangers)}, which there are not")
    numbers = [readouts.read_scores_tag(text, spec.low, spec.high, tag=f"score_{slot}") for slot in slots]
    return _scored(numbers, _with_thought(answer, text), spec, slots)


def _with_thought(answer: Choice, text: str) -> str:
    """The reason of an answer that holds nothing but numbers: what the model thought before it, and the answer."""
    return "\n\n".join(part for part in (answer.reasoning, text) if part)


def _scored(numbers: Sequence[float], reason: str, spec: Readout, slots: Sequence[str]) -> Reading:
    """Place numbers on [0, 1]; the choice is the best slot's name, or, for one slot, its number."""
    scores = tuple((number - spec.low) / (spec.high - spec.low) for number in numbers)
    if len(slots) == 1:
        return Reading(f"{numbers[0]:g}", scores, reason, written=tuple(numbers))
    return Reading(_leader(scores, slots), scores, reason, written=tuple(numbers))


def _leader(scores: Sequence[float], slots: Sequence[str]) -> str:
    best = max(scores)
    leaders = [slot for slot, score in zip(slots, scores, strict=True) if score == best]
    return leaders[0] if len(leaders) == 1 else TIE


def _p_yes(spec: Readout, answer: Choice, slots: Sequence[str]) -> Reading:
    found = readouts.yes_probability(_first_token(answer))
    shares = {"yes": found.p_yes, "no": 1.0 - found.p_yes}
    choice = "pass" if found.p_yes >= 0.5 else "fail"
    reason = f"P(yes) = {found.p_yes:.4f}, margin {found.margin:.4f} nats"
    numbers = {"margin": found.margin, "menu_mass": found.menu_mass}
    return Reading(choice, (found.p_yes,), reason, distribution=shares, numbers=numbers)


def _ordinal(spec: Readout, answer: Choice, slots: Sequence[str]) -> Reading:
    """The expected place on the scale. `labels` may give each rating a token of its own, such as a letter for 10."""
    ratings = [str(number) for number in range(int(spec.low), int(spec.high) + 1)]
    found = readouts.ordinal(_first_token(answer), _written(spec, ratings))
    shares = dict(zip(ratings, found.distribution.values(), strict=True))
    expected = spec.low + found.expected * (spec.high - spec.low)
    reason = f"expected {expected:.4f} of {ratings[0]} to {ratings[-1]}, entropy {found.entropy:.4f} nats"
    numbers = {
        "expected": found.expected,
        "variance": found.variance,
        "entropy": found.entropy,
        "menu_mass": found.menu_mass,
    }
    likeliest = max(ratings, key=lambda rating: shares[rating])
    return Reading(likeliest, (found.expected,), reason, distribution=shares, numbers=numbers)


class NoLogprobs(ModelError):
    """The model cannot be asked for token probabilities; what was asked of it cannot be read by any retry."""

    def __init__(self) -> None:
        message = "the model server gave no log-probabilities; this readout needs them"
        super().__init__("model_error", message)


def _first_token(answer: Choice) -> Any:
    if not answer.logprobs:
        raise NoLogprobs
    return answer.logprobs[0].top


_EARLIER: Mapping[str, Callable[[Readout, str, str, Sequence[str]], Reading]] = {
    "text": _text,
    "label": _label,
    "focus": _focus,
}
_READERS: Mapping[str, _Reader] = {
    "winner_tag": _winner_tag,
    "winner_json": _winner_json,
    "boxed_index": _boxed_index,
    "boxed_scores": _boxed_scores,
    "scores_json": _scores_json,
    "ranking_json": _ranking_json,
    "score_tag": _score_tag,
    "scores_tags": _scores_tags,
    "p_yes": _p_yes,
    "ordinal": _ordinal,
    "verdict_tag": _verdict_tag,
    "verdict_json": _verdict_json,
}
_BY_ITEMS: Mapping[str, Callable[[Readout, str, Choice, Sequence[str], Known], Reading]] = {
    "rubric": _rubric,
    "profile": _profile,
    "marks": _marks,
}
