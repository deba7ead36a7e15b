"""Whether the agent said what it had to say.

A number is said where it stands by itself, in whatever way it is written: 1786, 1,786, 1.786,00 or $1786.00. A text is
said word for word, whatever its case, spacing, quotes, dashes and marks of emphasis. What may be meant, but may be
another thing as well, is in doubt: characters inside of a longer number or word (4 in 4321), 1 786 and 12,5, parts of
dates, times, ranges and shares, numbers in words or with a multiplier (1.5 million), rounded to less than they had to
be, other spellings of a text, what is only denied, supposed or asked ("not 80", "80?"), and a number among so many that
it had to be there. Words are known in English only, the small numbers in a few other languages; in a text of another
script or language nothing is surely not said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal

from tools.states.denying import is_denied
from tools.states.number_readings import (
    NUMBER,
    canonical,
    comma_decimals,
    grouped,
    joined_groups,
    negative_numbers,
    spelled,
    stands_alone,
    wanted_number,
)
from tools.states.plain_writing import plain, squashed
from tools.states.spelling import Spellings, is_foreign
from tools.states.worded_numbers import is_rounding, western_digits, worded_numbers
from tools.states.work import Work

MAX_NUMBERS_IN_A_MESSAGE = 120
MAX_NUMBERS_IN_ALL = 400
MAX_HITS_READ = 5000
MIN_SQUASHED = 4
CHARS_PER_STEP = 1000
Said = Literal["said", "in_doubt", "not_said"]
_BEST_FIRST: tuple[Said, ...] = ("said", "in_doubt", "not_said")
_IN_PARTS = frozenset(("cent", "cents", "pence", "point", "comma", "dot"))
_TIME = re.compile(r"(\d{1,2}):\d{2}")
_DATE = re.compile(r"\b\d{4}-\d\d?-\d\d?\b|\b\d\d?[/.]\d\d?(?:[/.]\d{2,4})?\b")
_MONTHS = frozenset(
    ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
     "december", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec")
)  # fmt: skip
_RELATIVE = frozenset(("today", "tomorrow", "yesterday", "tonight"))
_MAX_HITS = 1000


class Speech:
    """All that an agent said to its user, read once. Raises TooMuchWork where there is too much to look through."""

    def __init__(self, texts: Sequence[str], work: Work) -> None:
        self._work = work
        work.spend(1 + sum(map(len, texts)) // 8)
        texts = [western_digits(text) for text in texts]
        told = ["\n".join(map(plain, text.splitlines())) for text in texts]
        self._text = "\n".join(map(plain, texts))
        self._lines = "\n".join(told)
        self._squashed = squashed(self._text)
        self._words = set(re.findall(r"[^\W\d_]+", self._text))
        self._spelled = squashed(self._text.replace(" and ", " "))
        self._spellings = Spellings(self._text)
        self._is_foreign = is_foreign(self._words)
        self._numbers: set[str] = set()
        self._maybe: set[str] = set(worded_numbers(self._text))
        for text in told:
            self._read_numbers(text)
        self._maybe |= self._numbers
        if len(self._numbers) > MAX_NUMBERS_IN_ALL:
            self._numbers = set()

    def says(self, wanted: str | Sequence[str]) -> Said:
        """Whether it says the text, or any one of several."""
        found = [self._says(one) for one in ([wanted] if isinstance(wanted, str) else wanted)]
        return next((kind for kind in _BEST_FIRST if kind in found), "not_said")

    def _read_numbers(self, text: str) -> None:
        hits = [
            (canonical(found.group()), *found.span(), stands_alone(text, *found.span()))
            for found in NUMBER.finditer(text)
        ]
        hits += [*negative_numbers(text), *comma_decimals(text)]
        sure_ones: set[str] = set()
        for number, start, end, sure in hits[:MAX_HITS_READ]:
            if sure and number not in sure_ones and not is_denied(text, start, end):
                sure_ones.add(number)
        self._maybe.update(number for number, *_ in hits)
        self._maybe.update(grouped(text))
        self._maybe.update(joined_groups(text))
        if len(sure_ones) <= MAX_NUMBERS_IN_A_MESSAGE:
            self._numbers |= sure_ones

    def _says(self, wanted: str) -> Said:
        self._work.spend(1 + len(self._text) // CHARS_PER_STEP)
        text = plain(western_digits(wanted))
        number = wanted_number(text)
        found = self._says_number(number, text) if number is not None else self._says_text(text)
        return "in_doubt" if found == "not_said" and self._is_foreign else found

    def _says_number(self, number: str, text: str) -> Said:
        if number in self._numbers:
            return "said"
        bare = number.lstrip("-")
        maybe = bare in self._maybe or bare in self._text or text.lstrip("$\u20ac\u00a3\u00a5 ") in self._text
        return "in_doubt" if maybe or self._spells(bare) or self._tells_in_parts(bare) else "not_said"

    def _tells_in_parts(self, number: str) -> bool:
        """Whether it may be told rounded, or with its fraction by itself: twenty dollars and fifty cents."""
        if any(is_rounding(number, told) for told in self._maybe):
            return True
        whole, _, fraction = number.partition(".")
        parts = {whole, canonical(f"{fraction:0<2}"), canonical(fraction)} if fraction else set()
        return bool(fraction and self._words & _IN_PARTS) and len(parts & self._maybe) >= min(2, len(parts))

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
        may_be = self._may_tell_numbers_of(text) or self._spellings.hold(text, self._work.spend)
        return "in_doubt" if may_be else "not_said"

    def _stands_alone(self, text: str) -> bool:
        """Whether the text stands somewhere by itself, and is not denied there."""
        left, right = (r"(?<!\w)" if text[0].isalnum() else ""), (r"(?!\w)" if text[-1].isalnum() else "")
        pattern = re.compile(left + re.escape(text) + right)
        told = self._lines if pattern.search(self._lines) else self._text
        for count, found in enumerate(pattern.finditer(told)):
            if count >= _MAX_HITS:
                return False
            if not is_denied(told, found.start(), found.end()):
                return True
        return False

    def _may_tell_numbers_of(self, text: str) -> bool:
        """Whether the numbers of a text are told in another way: dates, times, amounts with a unit."""
        wanted = [canonical(one) for one in re.findall(r"\d+(?:\.\d+)?", text)]
        hours = _TIME.fullmatch(text)
        if hours is not None:
            return _any_of({str(int(hours.group(1)) % 12 or 12), canonical(hours.group(1))}, self._maybe)
        if _any_of(worded_numbers(text), self._maybe):
            return True
        if _DATE.search(text) and (
            self._words & _RELATIVE or _any_of((one for one in wanted if len(one) < 3), self._days)
        ):
            return True
        return bool(wanted) and 2 * sum(one in self._maybe for one in wanted) >= len(wanted)

    @property
    def _days(self) -> set[str]:
        """Numbers that may be the day of a month that is named."""
        return self._maybe if self._words & _MONTHS or _DATE.search(self._text) else set()


def _any_of(wanted: Iterable[str], told: set[str]) -> bool:
    return any(one in told for one in wanted)
