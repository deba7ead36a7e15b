"""Scores in nearly the form that is asked for: another tag of the same kind, or a number in words behind the tag.

They are not read, but where they give another number than the tag does, neither counts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from judge_agent.readouts.answer import unparseable
from judge_agent.readouts.near import folded, other_tag, refuse_taken_back

_NUMBER = r"[-\u2212]?(?:[0-9]{1,9}(?:\.[0-9]{1,9})?|\.[0-9]{1,9})"
_STATED = re.compile(
    r"(?<!\w)(?:scores?|ratings?|grades?|verdict|marks?)\b(?:\s{0,3}\([^()]{0,30}\))?"
    r"(?:[\s*_\"'`]*(?:\b(?:is|are|was|were|should be|must be|becomes?|to)\b(?: now)?|[:=]|->)[\s*_\"'`\[({$]*)"
    rf"(?:\\\w{{1,8}}\s?\{{\s{{0,3}})?({_NUMBER}(?:\s{{0,8}}(?:[,;|]|\band\b)\s{{0,8}}{_NUMBER}){{0,40}})(?![\w%])",
    re.IGNORECASE,
)


def stated_numbers(behind: str) -> tuple[float, ...] | None:
    """Return the first numbers that a text gives as scores in words: `Scores: 2, 9` or `the score is -0.9`."""
    match = _STATED.search(behind)
    if match is None:
        return None
    written = re.findall(_NUMBER, match[1])
    return tuple(float(number.replace("\u2212", "-")) for number in written)


def refuse_other_score(answer: str, behind: str, tag: str, value: float, count: int) -> None:
    """Raise ModelError('model_unparseable') where an answer with `value` in `count` tags nearly gives another number.

    `behind` is what follows the last tag: before it, a model may weigh what it will.
    """
    plain = folded(answer)
    bracketed = rf"\[{tag}\s?\]\s{{0,8}}{_NUMBER}"
    if other := re.search(rf"{other_tag(tag)}|{bracketed}", plain, re.IGNORECASE):
        raise unparseable(f"the answer gives <{tag}> and, in another form, {other.group()!r}")
    for slash in ("", "/"):
        # Look-alikes of the tag are counted with it.
        there = len(re.findall(rf"<{slash}{tag}\s{{0,8}}>", plain, re.IGNORECASE))
        if there != count:
            raise unparseable(f"the answer has <{slash}{tag}> {there} times, {count} can be read")
    stated = stated_numbers(folded(behind))
    if stated is not None and stated != (value,):
        raise unparseable(f"the answer gives {value:g} in <{tag}> and then speaks of {list(stated)}")
    refuse_taken_back(behind)


def refuse_other_numbers(behind: str, numbers: Sequence[int]) -> None:
    """Raise ModelError('model_unparseable') where what stands behind scores gives others, or takes them back."""
    stated = stated_numbers(folded(behind))
    if stated is not None and stated != tuple(numbers) and not (len(stated) == 1 and stated[0] in numbers):
        raise unparseable(f"the answer gives {list(numbers)} and then speaks of {list(stated)}")
    refuse_taken_back(behind)
