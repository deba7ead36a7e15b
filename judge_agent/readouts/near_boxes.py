r"""Boxes that nearly hold a verdict, such as `\boxed{Response 1: 2, Response 2: 9}` beside `\boxed{8, 5}`.

A box that quotes the answer of a maths task is none of these, and neither is `\ boxed{...}`: in this form judges are
shown the boxes that a text under judgment holds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from judge_agent.readouts.near import NAMES, NUMBER_WORDS, is_made_of_verdict_words

INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,8})")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?|[+-]?\.[0-9]+|[0-9]+ ?/ ?[0-9]+")
_INTRODUCED = re.compile(
    r"(?:scores?|ratings?|grades?|ranking|verdict|choice|winner|preference|decision|correction)"
    r"(?:\s{0,3}\([^()]{0,30}\))?(?:\s{1,3}(?:is|are|should be|must be)(?: now)?)?\W{0,12}$",
    re.IGNORECASE,
)
_LOOK_BACK_CHARS = 72
# A name before its number: `Response 1: 8`, `A = 8`. Unknowns of equations are written small.
_NAMED = re.compile(
    rf"\b(?:(?:the|for|of)\s+)?(?:(?:{NAMES}|scores?|ratings?)(?:[ _-]?(?:[0-9]{{1,3}}|[A-Za-z]))?(?:'s)?(?: scores?)?"
    r"|(?-i:[A-H]))\s*(?:[:=]|->|\bis\b|\bgets\b)",
    re.IGNORECASE,
)
_NAME = re.compile(rf"\b(?:{NAMES})\b", re.IGNORECASE)
_FILLING = re.compile(rf"\b(?:{NAMES}|the|points?|pts|out of 10)\b", re.IGNORECASE)
_DECIDES = re.compile(
    r"\b(?:ties?|tied|draw|equal|equally|both|neither|better|best|wins?|winner|preferred)\b", re.IGNORECASE
)
_SEPARATED = re.compile(r"\s*(?:[,;|&:\n]|\band\b|\bor\b|\bto\b|\bvs\.?(?=\s))\s*|\s+", re.IGNORECASE)
_LETTER = re.compile(r"[A-H]")
_IN_WORDS = re.compile(rf"(?:{NUMBER_WORDS}|zero|1st|2nd|3rd|[4-9]th)", re.IGNORECASE)


@dataclass(frozen=True)
class Box:
    """What a box holds, plain and by its commas. `exact` is the form that is read; others are only looked at."""

    content: str
    items: tuple[str, ...]
    introduced: bool
    exact: bool = True

    def may_be_verdict(self, count: int, low: int, high: int) -> bool:
        """Whether this could be meant as the list of `count` numbers: a quoted `42` on a scale to 10 is not."""
        if self.introduced:
            return True
        if all(_NUMBER.fullmatch(item) for item in self.items):
            if len(self.items) > 1:
                return True
            return count == 1 and (not INTEGER.fullmatch(self.items[0]) or low <= int(self.items[0]) <= high)
        return _is_nearly_a_list(", ".join(self.items), count)


def is_introduced(text: str, at: int) -> bool:
    """Whether the words before place `at` announce a verdict, as `Scores:` does."""
    return _INTRODUCED.search(text, max(0, at - _LOOK_BACK_CHARS), at) is not None


def _is_nearly_a_list(plain: str, count: int) -> bool:
    """Numbers behind names or between other signs than commas, or a verdict in words; no formula."""
    if "\\" in plain or "^" in plain:
        return False
    parts = _SEPARATED.split(_FILLING.sub(" ", _NAMED.sub(" ", plain)))
    numbers = [bare for part in parts if (bare := part.strip("#().!*\"'[]{}"))]
    named = plain.startswith("#") or _NAME.search(plain) is not None
    if numbers and all(
        _NUMBER.fullmatch(part) or _IN_WORDS.fullmatch(part) or (named and _LETTER.fullmatch(part))
        for part in numbers
    ):
        in_words = count == 1 and _IN_WORDS.fullmatch(numbers[0]) is not None
        return len(numbers) > 1 or in_words or named
    return _DECIDES.search(plain) is not None and is_made_of_verdict_words(plain)
