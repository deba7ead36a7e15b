"""Whether the agent said what it had to say.

A number is said where it stands by itself, in whatever way it is written: 1786, 1,786, 1.786,00 or $1786.00. A text is
said word for word, whatever its case, spacing, quotes, dashes and marks of emphasis. What may be meant, but may be
another thing as well, is in doubt: characters inside of a longer number or word (4 in 4321), 1 786 and 12,5, numbers
in words, dates and times written in another way, what is said only to be denied ("not 80"), and a number among so many
that it had to be there. Spelled numbers and denials are known in English only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal

from tools.states.number_readings import (
    NUMBER,
    canonical,
    comma_decimals,
    grouped,
    negative_numbers,
    spelled,
    wanted_number,
)
from tools.states.plain_writing import plain, squashed
from tools.states.work import Work

MAX_NUMBERS_IN_A_MESSAGE = 120
MIN_SQUASHED = 4
CHARS_PER_STEP = 1000
Said = Literal["said", "in_doubt", "not_said"]
_BEST_FIRST: tuple[Said, ...] = ("said", "in_doubt", "not_said")
_DENIED = re.compile(r"(?:\bnot|n't|\bnever|\bcannot)(?: [a-z]+){0,3} [^\w\s]{0,2}\Z")
_DENIALS = ("not", "n't", "never")
_DENIAL_CHARS = 60
_TIME = re.compile(r"(\d{1,2}):\d{2}")
_MAX_HITS = 1000


class Speech:
    """All that an agent said to its user, read once. Raises TooMuchWork where there is too much to look through."""

    def __init__(self, texts: Sequence[str], work: Work) -> None:
        self._work = work
        work.spend(1 + sum(map(len, texts)) // 16)
        told = [plain(text) for text in texts]
        self._text = "\n".join(told)
        self._squashed = squashed(self._text)
        self._words = set(re.findall(r"[a-z]+", self._text))
        self._spelled = squashed(self._text.replace(" and ", " "))
        self._numbers: set[str] = set()
        self._maybe: set[str] = set()
        for text in told:
            self._read_numbers(text)

    def says(self, wanted: str | Sequence[str]) -> Said:
        """Whether it says the text, or any one of several."""
        found = [self._says(one) for one in ([wanted] if isinstance(wanted, str) else wanted)]
        return next((kind for kind in _BEST_FIRST if kind in found), "not_said")

    def _read_numbers(self, text: str) -> None:
        hits = [(canonical(found.group()), found.start()) for found in NUMBER.finditer(text)]
        hits += negative_numbers(text)
        for number, at, sure in comma_decimals(text):
            (hits.append((number, at)) if sure else self._maybe.add(number))
        denies = any(word in text for word in _DENIALS)
        sure_ones = {number for number, at in hits if not (denies and _is_denied(text, at))}
        self._maybe.update(number for number, _ in hits)
        self._maybe.update(grouped(text))
        if len(sure_ones) <= MAX_NUMBERS_IN_A_MESSAGE:
            self._numbers |= sure_ones

    def _says(self, wanted: str) -> Said:
        self._work.spend(1 + len(self._text) // CHARS_PER_STEP)
        text = plain(wanted)
        number = wanted_number(text)
        return self._says_number(number, text) if number is not None else self._says_text(text)

    def _says_number(self, number: str, text: str) -> Said:
        if number in self._numbers:
            return "said"
        bare = number.lstrip("-")
        maybe = bare in self._maybe or bare in self._text or text.lstrip("$\u20ac\u00a3\u00a5 ") in self._text
        return "in_doubt" if maybe or self._spells(bare) else "not_said"

    def _spells(self, number: str) -> bool:
        """Whether a number may be told in words; one of a single word stands by itself (ten, not often)."""
        one_word = len(number) == 1 or (len(number) == 2 and (number[0] == "1" or number[1] == "0"))
        return any(one in (self._words if one_word else self._spelled) for one in spelled(number))

    def _says_text(self, text: str) -> Said:
        bare = squashed(text)
        if text and text in self._text:
            return "said" if self._stands_alone(text) else "in_doubt"
        if not bare or (len(bare) >= MIN_SQUASHED and bare in self._squashed):
            return "in_doubt"
        return "in_doubt" if self._may_tell_numbers_of(text) else "not_said"

    def _stands_alone(self, text: str) -> bool:
        """Whether the text stands somewhere by itself, and is not denied there."""
        left, right = (r"(?<!\w)" if text[0].isalnum() else ""), (r"(?!\w)" if text[-1].isalnum() else "")
        for count, found in enumerate(re.finditer(left + re.escape(text) + right, self._text)):
            if count >= _MAX_HITS or not _is_denied(self._text, found.start()):
                return True
        return False

    def _may_tell_numbers_of(self, text: str) -> bool:
        """Whether the numbers of a text are told in another way: dates, times, amounts with a unit."""
        wanted = [canonical(one) for one in re.findall(r"\d+(?:\.\d+)?", text)]
        hours = _TIME.fullmatch(text)
        if hours is not None:
            return _any_of({str(int(hours.group(1)) % 12 or 12), canonical(hours.group(1))}, self._maybe)
        return bool(wanted) and 2 * sum(one in self._maybe for one in wanted) >= len(wanted)


def _any_of(wanted: Iterable[str], told: set[str]) -> bool:
    return any(one in told for one in wanted)


def _is_denied(text: str, at: int) -> bool:
    return _DENIED.search(text, max(0, at - _DENIAL_CHARS), at) is not None
