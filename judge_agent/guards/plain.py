"""A text as guards compare it: one width, one case, no accents, no characters that a reader does not see."""

from __future__ import annotations

import re
import unicodedata

from judge_agent.prompting.fences import without_invisible

_ACCENT = re.compile("[\u0300-\u036f]")
_ELISION = re.compile(r"\b(?:l|d|qu|j|c|n|s|m|t|dell|nell|all|sull|un)'(?=\w)")
_ASCII_WORD = re.compile(r"[A-Za-z0-9']+")
_APOSTROPHES = str.maketrans({"\u2019": "'", "\u02bc": "'", "\u2018": "'", "\u00b4": "'"})


def plain(text: str) -> str:
    """The text in NFKC and one case, without invisible characters; its accents stay."""
    folded = unicodedata.normalize("NFKC", without_invisible(text)).casefold()
    return without_invisible(folded).translate(_APOSTROPHES)


def unaccented(text: str) -> str:
    """A plain text without its accents, so that "solucion" is read as its writer meant it."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", _ACCENT.sub("", unicodedata.normalize("NFD", text))).replace(
        "\u0131", "i"
    )


def words_of(text: str) -> list[str]:
    """The words of a plain text; an apostrophe stays within, other signs part them."""
    text = _ELISION.sub(" ", text) if "'" in text else text
    parts = _ASCII_WORD.findall(text) if text.isascii() else _spaced(text).split()
    return [word for word in (part.strip("'") for part in parts) if word] if "'" in text else parts


def _spaced(text: str) -> str:
    return "".join(char if char == "'" or is_word_char(char) else " " for char in text)


def is_word_char(char: str) -> bool:
    """Whether it is a letter, a mark on one, or a digit."""
    return char.isalnum() or unicodedata.category(char)[0] == "M"
