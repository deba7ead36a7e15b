"""Reads a model's answer. One JSON object, one choice from the menu; anything else is a parse failure."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from judge_agent.errors import ModelError
from judge_agent.schema import Scale
from judge_agent.seams.model import Choice

CANNOT_ASSESS = "cannot_assess"
MAX_ANSWER_CHARS = 200_000
_VERDICT_WORDS = re.compile(
    r"\b(?:pass|passes|passed|fail|fails|failed|good|bad|neutral|correct|incorrect|wrong)\b"
    r"|\b(?:verdict|choice|score|rating)\"? {0,3}(?:is|:|=) {0,3}\"?\w|\[\[|\\boxed|\b\d+ ?/ ?\d+\b",
    re.IGNORECASE,
)
_MENUS: dict[Scale, tuple[str, ...]] = {
    "pass_fail": ("fail", "pass"),
    "1-5": tuple(str(number) for number in range(1, 6)),
    "1-10": tuple(str(number) for number in range(1, 11)),
}
STEP_SCORES: dict[str, float] = {"bad": 0.0, "neutral": 0.5, "good": 1.0}


def menu(scale: Scale) -> tuple[str, ...]:
    """The choices of a scale from worst to best."""
    return _MENUS[scale]


def score_of(choice: str, scale: Scale) -> float:
    """A choice's place on its scale, in [0, 1]."""
    places = _MENUS[scale]
    return places.index(choice) / (len(places) - 1)


def read_object(answer: Choice, *, verdict: Sequence[str]) -> Mapping[str, Any]:
    """Read the one JSON object of an answer.

    The keys in `verdict` must agree when objects repeat them. Raises
    ModelError('model_unparseable') for no content, a truncated answer, no object, or two that differ.
    """
    if answer.content is None or not answer.content.strip():
        raise ModelError("model_unparseable", "the answer has no content")
    if answer.finish_reason == "length":
        raise ModelError("model_unparseable", "the answer was cut off at max_tokens")
    objects = [_well_formed(item) for item in _objects(answer.content)]
    if not objects:
        raise ModelError("model_unparseable", f"the answer holds no JSON object: {answer.content[:120]!r}")
    for key in verdict:
        said = {json.dumps(item[key], sort_keys=True) for item in objects if key in item}
        if len(said) > 1:
            raise ModelError("model_unparseable", f"the answer gives {len(said)} different values of {key!r}")
    if len(objects) > 1 and any(item != objects[0] for item in objects):
        raise ModelError("model_unparseable", f"the answer holds {len(objects)} different JSON objects")
    return objects[0]


def read_choice(data: Mapping[str, Any], key: str, choices: Sequence[str]) -> str:
    """Read a choice off the menu. Raises ModelError('model_unparseable') for anything else."""
    value = data.get(key)
    text = str(value).strip() if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    if text not in choices:
        raise ModelError("model_unparseable", f"{key}={value!r} is not one of {list(choices)}")
    return text


def _objects(text: str) -> list[dict[str, Any]]:
    """Every top-level object. One that does not parse ends the reading: what stands inside it may be planted."""
    if len(text) > MAX_ANSWER_CHARS:
        raise ModelError(
            "model_unparseable", f"the answer has {len(text)} characters (limit {MAX_ANSWER_CHARS})"
        )
    decoder = json.JSONDecoder(object_pairs_hook=_no_key_twice)
    found: list[dict[str, Any]] = []
    at, end = text.find("{"), 0
    while at >= 0:
        _refuse_second_verdict(text[end:at])
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise ModelError("model_unparseable", f"the answer's JSON does not parse: {error}") from error
        found.append(value)
        at = text.find("{", end)
    _refuse_second_verdict(text[end:])
    return found


def _refuse_second_verdict(around: str) -> None:
    """Raise ModelError when the text around the object holds a verdict of its own: which one is meant?"""
    match = _VERDICT_WORDS.search(around)
    if match:
        raise ModelError(
            "model_unparseable", f"the text around the JSON speaks of a verdict: {match.group()!r}"
        )


def _well_formed(data: dict[str, Any]) -> dict[str, Any]:
    """Replace half surrogate pairs (an escape that was cut in two): no record could be written with them."""
    text = json.dumps(data, ensure_ascii=False)
    if text.isascii():
        return data
    written: dict[str, Any] = json.loads(text.encode("utf-8", "replace"))
    return written


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ModelError("model_unparseable", f"the answer gives {twice!r} twice in one object")
    return data
