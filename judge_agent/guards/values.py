"""Tells clauses that give a value: "the answer is A", or a letter by itself. They answer, whatever their words."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from judge_agent.guards.plain import plain, unaccented, words_of

NAMED_WORDS = 3
_WORDS = {
    name: frozenset(map(unaccented, words))
    for name, words in tomllib.loads((Path(__file__).parent / "values.toml").read_text("utf-8")).items()
}


def gives_a_value(parts: Sequence[Sequence[str]], goes_on: bool) -> bool:
    """Whether a clause, its words by what stands between commas and ends of lines, gives a letter, a number or a word
    that answers many questions: by itself at its end, or behind "is". Where a text goes on, "e" at its end is a verb.
    """
    last = parts[-1]
    if goes_on and len(parts) > 1 and last[-1] in _WORDS["joins"]:
        return False
    if len(last) == 1 and (_is_letter(last[0]) or (len(parts) > 1 and last[0].isdigit())):
        return True
    words = [word for part in parts for word in part]
    if any(one in _WORDS["joins"] and value.isdigit() for one, value in pairwise(words)):
        return True
    return len(words) > 1 and (
        (words[-2] in _WORDS["joins"] and _is_value(words[-1]))
        or (words[-1] in _WORDS["joins_behind"] and _is_value(words[-2]))
        or (not goes_on and words[-2] in _WORDS["names"] and words[-1].isdigit())
    )


def behind_is(words: Sequence[str]) -> tuple[Sequence[str], Sequence[str]] | None:
    """What stands before the first "is" of a clause and behind it, where neither is empty."""
    at = next(
        (at for at, word in enumerate(words) if word in _WORDS["joins"] and 0 < at < len(words) - 1), None
    )
    return None if at is None else (words[:at], words[at + 1 :])


def points_on(words: Sequence[str]) -> bool:
    """Whether words in a row only point at what is to come; one alone may be a value: "the answer is below"."""
    pointers = _WORDS["pointers"]
    return (
        len(words) > 1
        and not pointers.isdisjoint(words)
        and pointers | _WORDS["beside_pointers"] >= set(words)
    )


def names_a_thing(words: Sequence[str]) -> bool:
    """Whether a few words are an article and what it stands before: "the first step" may be what is asked for."""
    return len(words) == NAMED_WORDS and words[0] in _WORDS["articles"] and words[1] not in _WORDS["joins"]


def says_it_is_done(words: Sequence[str]) -> bool:
    """Whether words report that something is done: "I have completed the task"."""
    return not _WORDS["have"].isdisjoint(words) and not _WORDS["done"].isdisjoint(words)


def ends_with(text: str, value: str) -> bool:
    """Whether a text ends with the words of a value; what a colon ends goes on."""
    said, wanted = words_of(unaccented(plain(text))), words_of(unaccented(plain(value)))
    is_ended = not text.rstrip().rstrip("*_`\"')]}$ ").endswith((":", "\uff1a"))
    return bool(wanted) and is_ended and said[-len(wanted) :] == wanted


def _is_letter(word: str) -> bool:
    """Whether it is one of an alphabet with capitals, as options are named; elsewhere one sign may be a word."""
    return len(word) == 1 and word.upper() != word


def _is_value(word: str) -> bool:
    return _is_letter(word) or word.isdigit() or word in _WORDS["values"]
