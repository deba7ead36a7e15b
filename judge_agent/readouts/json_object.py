"""Readout `json`: one JSON object, one choice from the menu; anything else is a parse failure."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from judge_agent.readouts.answer import after_reasoning, answer_text, unparseable
from judge_agent.readouts.near import refuse_taken_back
from judge_agent.seams.model import Choice

_VERDICT_WORDS = re.compile(
    r"\b(?:pass|passes|passed|fail|fails|failed|good(?! (?:question|point|day|morning|afternoon|evening)\b)"
    r"|bad|neutral|correct(?! (?:format|form|json|schema)\b)|incorrect|wrong)\b"
    r"|\b(?:verdict|choice|score|rating)[\"*]{0,3} {0,3}(?:is|:|=|->|=>)[ \"'*`({\[]{0,6}\w"
    r"|\[\[|\\boxed|\b\d+ ?/ ?\d+\b",
    re.IGNORECASE,
)
_BEGINS = re.compile(r"\s*+(?:\{|\[\s*+\{|```)")
# A set or a formula in the prose: nothing in it could be a key.
_SET = re.compile(r"\{[^{}\"':=\n\u2018-\u201f]{1,200}\}")
_GLUED = re.compile(r"[\w}^_\\]")


def read_object(answer: Choice, *, verdict: Sequence[str]) -> Mapping[str, Any]:
    """Read the one JSON object of an answer; what stands in its `<think>` block is not read.

    The keys in `verdict` must agree when objects repeat them. Raises
    ModelError('model_unparseable') for no content, a truncated answer, no object, or two that differ.
    """
    text = answer_text(answer)
    # An answer that begins with its object has no reasoning before it: the tag is part of a quote.
    return one_object(text if _BEGINS.match(text) else after_reasoning(text), verdict=verdict)


def one_object(text: str, *, verdict: Sequence[str]) -> Mapping[str, Any]:
    """Read the one JSON object of a text without reasoning. Raises as `read_object` does."""
    return object_and_rest(text, verdict=verdict)[0]


def object_and_rest(text: str, *, verdict: Sequence[str]) -> tuple[Mapping[str, Any], str]:
    """Return what `one_object` does, and what stands behind it. Raises as `read_object` does."""
    written, rest = _objects(text)
    objects = [_well_formed(item) for item in written]
    if not objects:
        raise unparseable(f"the answer holds no JSON object: {text[:120]!r}")
    for key in verdict:
        for item in objects:
            _refuse_key_in_another_form(item, key)
        given = {json.dumps(item[key], sort_keys=True) for item in objects if key in item}
        if len(given) > 1:
            raise unparseable(f"the answer gives {len(given)} different values of {key!r}")
    if len(objects) > 1 and any(item != objects[0] for item in objects):
        raise unparseable(f"the answer holds {len(objects)} different JSON objects")
    return objects[0], rest


def read_choice(data: Mapping[str, Any], key: str, choices: Sequence[str]) -> str:
    """Read a choice off the menu. Raises ModelError('model_unparseable') for anything else."""
    value = data.get(key)
    text = str(value).strip() if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    if text not in choices:
        raise unparseable(f"{key}={value!r} is not one of {list(choices)}")
    return text


def _refuse_key_in_another_form(item: Mapping[str, Any], key: str) -> None:
    """Raise ModelError where `Choice` or `final_choice` stands beside `choice` with another value."""
    bare = _bare(key)
    forms = {bare, *(f"{kind}{bare}" for kind in ("final", "corrected", "revised", "updated"))}
    for other, value in item.items():
        if other != key and key in item and _bare(other) in forms and value != item[key]:
            raise unparseable(f"the answer gives {key!r} and {other[:60]!r}, with different values")


def _bare(key: str) -> str:
    return re.sub(r"[\W_]", "", key).casefold()


def _objects(text: str) -> tuple[list[dict[str, Any]], str]:
    """Every top-level object, and what stands behind the last.

    One that does not parse ends the reading: what stands inside it may be planted.
    """
    decoder = json.JSONDecoder(object_pairs_hook=no_key_twice)
    found: list[dict[str, Any]] = []
    at, end = _next_object(text, 0), 0
    while at >= 0:
        _refuse_second_verdict(text[end:at])
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise unparseable(f"the answer's JSON does not parse: {error}") from error
        found.append(value)
        at = _next_object(text, end)
    _refuse_second_verdict(text[end:])
    refuse_taken_back(text[end:])
    return found, text[end:]


def _next_object(text: str, start: int) -> int:
    """Where the next brace stands that may begin an object; -1 for none. A number alone in braces may be a verdict."""
    at = text.find("{", start)
    while at >= 0 and (match := _SET.match(text, at)):
        if "," not in match.group() and not _GLUED.match(text[max(0, at - 1) : at]):
            break
        at = text.find("{", match.end())
    return at


def _refuse_second_verdict(around: str) -> None:
    """Raise ModelError when the text around the object holds a verdict of its own: which one is meant?"""
    match = _VERDICT_WORDS.search(around)
    if match:
        raise unparseable(f"the text around the JSON speaks of a verdict: {match.group()!r}")


def _well_formed(data: dict[str, Any]) -> dict[str, Any]:
    """Replace half surrogate pairs (an escape that was cut in two): no record could be written with them."""
    try:
        text = json.dumps(data, ensure_ascii=False)
    except RecursionError as error:
        raise unparseable("the answer's JSON is nested too deeply") from error
    if text.isascii():
        return data
    written: dict[str, Any] = json.loads(text.encode("utf-8", "replace"))
    return written


def no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object's pairs as a dict, for `object_pairs_hook`. Raises ModelError for a key that stands twice."""
    data = dict(pairs)
    if len(data) != len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise unparseable(f"the answer gives {twice!r} twice in one object")
    return data
