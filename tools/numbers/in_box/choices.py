"""Compares a choice out of several, `B` or `(B)`, with the letter that an answer begins with.

An answer that goes on to deny its first letter, or to name another one as its choice, decides nothing.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    Verdict = Literal["equal", "different", "unsure"]

_CHOSEN = re.compile(
    r"(?:(?i:(?:the )?(?:(?:correct|right|best) )?(?:option|choice|answer)(?: is)?:? ))?\(?([A-J])(?:\)|[.:](?=\s|$)|$)"
)
_TURNS = re.compile(
    r"^\W*(?:(?:is|was|looks|seems|would be)\W+)?(?:wrong|incorrect|false|not (?:right|correct|the|it)\b|no\b|too\b|"
    r"isn't|isn\u2019t|wait|actually)|"
    r"\([A-J]\)|(?<![^\W_])[A-J]\)|"
    r"\b(?:is|or|and|so|choose|pick|hence|therefore|instead)\W{1,3}[A-J]\b(?! [a-z])|[\s,;(][B-J]\)?\W*$",
    re.I,
)


def compared_choices(wanted: str, answer: str) -> tuple[Verdict, str]:
    """Whether an answer is the choice that is wanted, a capital letter."""
    chosen = _CHOSEN.match(answer)
    if chosen is None or _TURNS.search(answer[chosen.end() :]):
        return "unsure", "which choice is meant cannot be told"
    return ("equal", "the same choice") if chosen.group(1) == wanted else ("different", "another choice")
