"""Whether the agent said what it had to say.

A number is said where it stands by itself, in whatever way it is written: 1786, 1,786 or $1786.00. A text is said
word for word, with any spacing and case. Where the characters stand inside of a longer number or word (4 in 4321), or
a message says so many numbers that the right one had to be among them, it cannot be told.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Literal

MAX_NUMBERS_IN_A_MESSAGE = 120
Said = Literal["said", "in_doubt", "not_said"]
_NUMBER = re.compile(r"(?<!\w)(?<!\d\.)\d+(?:\.\d+)?")  # not in the middle of a word, such as HAT136
# A comma between digits that groups thousands.
_GROUPS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))", re.ASCII)


class Speech:
    """All that an agent said to its user, read once."""

    def __init__(self, texts: Sequence[str]) -> None:
        plain = [_plain(text) for text in texts]
        self._text = "\n".join(plain)
        told = [{_canonical(found) for found in _NUMBER.findall(text)} for text in plain]
        self._numbers = set().union(*(one for one in told if len(one) <= MAX_NUMBERS_IN_A_MESSAGE))

    def says(self, wanted: str | Sequence[str]) -> Said:
        """Whether it says the text, or any one of several."""
        found = [self._says(one) for one in ([wanted] if isinstance(wanted, str) else wanted)]
        return next((kind for kind in _BEST_FIRST if kind in found), "not_said")

    def _says(self, wanted: str) -> Said:
        plain = _plain(wanted)
        bare = plain.lstrip("$€£¥ ")
        if _NUMBER.fullmatch(bare):
            if _canonical(bare) in self._numbers:
                return "said"
        elif re.search(rf"(?<!\w){re.escape(plain)}(?!\w)", self._text):
            return "said"
        return "in_doubt" if bare and bare in self._text else "not_said"


_BEST_FIRST: tuple[Said, ...] = ("said", "in_doubt", "not_said")


def _plain(text: str) -> str:
    folded = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return _GROUPS.sub("", folded)


def _canonical(number: str) -> str:
    whole, _, fraction = number.partition(".")
    fraction = fraction.rstrip("0")
    return (whole.lstrip("0") or "0") + ("." + fraction if fraction else "")
