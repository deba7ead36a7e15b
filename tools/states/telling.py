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

from tools.states.work import Work

MAX_NUMBERS_IN_A_MESSAGE = 120
CHARS_PER_STEP = 1000
Said = Literal["said", "in_doubt", "not_said"]
_BEST_FIRST: tuple[Said, ...] = ("said", "in_doubt", "not_said")
_NUMBER = re.compile(r"(?<!\w)(?<!\d\.)\d+(?:\.\d+)?")  # not in the middle of a word, such as HAT136
# A comma between digits that groups thousands.
_GROUPS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))", re.ASCII)


class Speech:
    """All that an agent said to its user, read once. Raises TooMuchWork where there is too much to look through."""

    def __init__(self, texts: Sequence[str], work: Work) -> None:
        self._work = work
        work.spend(1 + sum(map(len, texts)) // 64)
        plain = [_plain(text) for text in texts]
        self._text = "\n".join(plain)
        told = [{_canonical(found) for found in _NUMBER.findall(text)} for text in plain]
        self._numbers = set().union(*(one for one in told if len(one) <= MAX_NUMBERS_IN_A_MESSAGE))

    def says(self, wanted: str | Sequence[str]) -> Said:
        """Whether it says the text, or any one of several."""
        found = [self._says(one) for one in ([wanted] if isinstance(wanted, str) else wanted)]
        return next((kind for kind in _BEST_FIRST if kind in found), "not_said")

    def _says(self, wanted: str) -> Said:
        self._work.spend(1 + len(self._text) // CHARS_PER_STEP)
        plain = _plain(wanted)
        bare = plain.lstrip("$€£¥ ")
        is_number = _NUMBER.fullmatch(bare) is not None
        if is_number and _canonical(bare) in self._numbers:
            return "said"
        # A plain search is far quicker than a pattern, and most often says that it is not there.
        if not bare or bare not in self._text:
            return "not_said"
        is_word = not is_number and re.search(rf"(?<!\w){re.escape(plain)}(?!\w)", self._text)
        return "said" if is_word else "in_doubt"


def _plain(text: str) -> str:
    folded = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return _GROUPS.sub("", folded)


def _canonical(number: str) -> str:
    whole, _, fraction = number.partition(".")
    fraction = fraction.rstrip("0")
    return (whole.lstrip("0") or "0") + ("." + fraction if fraction else "")
