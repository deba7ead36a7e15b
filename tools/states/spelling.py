"""Whether a text may hold another one in another spelling, and whether its words are of another language."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable

MIN_CHARS = 4
CHARS_TO_AN_ERROR = 6
MAX_WORDS = 12
MAX_WINDOWS = 20_000
_UMLAUTS = str.maketrans(
    {"\u00e4": "ae", "\u00f6": "oe", "\u00fc": "ue", "\u00f8": "oe", "\u00e5": "aa", "\u00e6": "ae"}
)
_DOUBLED = re.compile(r"([a-z])\1")
_WORD = re.compile(r"\w+")
_FOREIGN = frozenset(
    re.findall(
        r"\S+",
        "der die das und ist sie ihr ihre ihnen wir nicht ein eine einen mit f\u00fcr von zu auf sind haben wird "
        "le la les des est vous votre vos nous une dans pour avec sur du et je el los las su sus usted es un una por "
        "para con y il lo gli della sono per che non di het een niet voor zijn u uw o os um uma com n\u00e3o voc\u00ea "
        "seu sua jest nie dla si\u0119",
    )
)
_ENGLISH = frozenset(
    re.findall(r"\S+", "the is are you your of and to it for we has have been was will be that this with")
)


class Spellings:
    """The words of a plain text, in the spellings that they may stand for."""

    def __init__(self, told: str) -> None:
        self._words = _WORD.findall(told)[:MAX_WINDOWS]
        self._by_length: dict[int, dict[str, set[str]]] = {}

    def hold(self, wanted: str, spend: Callable[[int], None]) -> bool:
        """Whether they hold a text in another spelling: other accents, one letter or two, a slip. `spend` counts."""
        words = _WORD.findall(wanted)
        if not 0 < len(words) <= MAX_WORDS or not any(one.isalpha() for one in words):
            return False
        windows = self._windows(len(words), spend)
        for form in _forms("".join(words)):
            near = windows.get(form[:1], set())
            spend(1 + len(near) // 4)
            if form in near or any(_close(form, one) for one in near):
                return True
        return False

    def _windows(self, length: int, spend: Callable[[int], None]) -> dict[str, set[str]]:
        """All runs of so many words, written together, by their first letter."""
        if length not in self._by_length:
            spend(1 + len(self._words))
            found: dict[str, set[str]] = {}
            for at in range(len(self._words)):
                for form in _forms("".join(self._words[at : at + length])):
                    found.setdefault(form[:1], set()).add(form)
            self._by_length[length] = found
        return self._by_length[length]


def is_foreign(words: Iterable[str]) -> bool:
    """Whether words are mostly of another script, or have more little words of other languages than of English."""
    found = set(words)
    letters = sum(map(len, found))
    other = sum(not _is_latin(sign) for word in found for sign in word)
    if letters and 2 * other > letters:
        return True
    foreign = len(found & _FOREIGN)
    return foreign >= 2 and foreign > len(found & _ENGLISH)


def _forms(text: str) -> tuple[str, ...]:
    """The letters and digits without accents, with umlauts as one letter and as two, and no letter doubled."""
    plain, umlauts = _folded(text), _folded(text.translate(_UMLAUTS))
    return (plain,) if plain == umlauts else (plain, umlauts)


def _folded(text: str) -> str:
    """As British and American English are both written: colour, color; realise, realize; cancelled, canceled."""
    return _DOUBLED.sub(r"\1", _without_accents(text)).replace("our", "or").replace("z", "s")


def _without_accents(text: str) -> str:
    if text.isascii():
        return text
    parts = unicodedata.normalize("NFKD", text)
    return "".join(sign for sign in parts if not unicodedata.combining(sign))


def _close(one: str, other: str) -> bool:
    """Whether two words are the same, or long enough to differ in a letter or two by a slip; never in a digit."""
    if one == other:
        return True
    allowed = min(len(one), len(other)) // CHARS_TO_AN_ERROR
    if not allowed or abs(len(one) - len(other)) > allowed or len(one) < MIN_CHARS:
        return False
    return _digits(one) == _digits(other) and _distance(one, other, allowed) <= allowed


def _digits(text: str) -> list[str]:
    return [sign for sign in text if sign.isdigit()]


def _distance(one: str, other: str, most: int) -> int:
    """How many letters must be added, dropped or changed; more than `most` where it is more."""
    row = list(range(len(other) + 1))
    for at, sign in enumerate(one, 1):
        last, row[0] = row[0], at
        for index, wanted in enumerate(other, 1):
            last, row[index] = row[index], min(row[index] + 1, row[index - 1] + 1, last + (sign != wanted))
        if min(row) > most:
            return most + 1
    return row[-1]


def _is_latin(sign: str) -> bool:
    return sign.isascii() or "LATIN" in unicodedata.name(sign, "LATIN")
