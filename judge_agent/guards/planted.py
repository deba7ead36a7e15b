"""Finds texts that speak to the judge, in plain sight or in disguise, each with the place where it stands.

What is found is a flag and a span, never a score. What says its piece in words that no pattern knows is not found.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from judge_agent.guards.masks import Reading, decoded, placed, unmasked
from judge_agent.guards.patterns import FOREIGN, PLANTED, SCRIPTS, Pattern
from judge_agent.prompting.fences import count_invisible, without_invisible
from judge_agent.words_in import WordFinder

# A stray byte-order mark or joiner is no attack; a text that hides more than a few characters is.
MAX_HIDDEN_CHARACTERS = 3
MAX_QUOTE_CHARS = 200
_OVERRIDES = ("\u202d", "\u202e")
_needed = WordFinder(word for pattern in (*PLANTED, *FOREIGN) for words in pattern.needs for word in words)


class Planted(NamedTuple):
    """One find: the pattern's name, the words as they stand there, and their place. `how` names a disguise."""

    pattern: str
    quote: str
    offsets: tuple[int, int]
    how: str = ""


def planted_in(text: str) -> list[Planted]:
    """What speaks to the judge in a text; the first match of each pattern. Offsets are characters of the text."""
    found = {name: (start, end) for name, start, end in _in_plain_sight(text)}
    hits = [Planted(name, _quote(text, span), span) for name, span in found.items()]
    for reading in decoded(text):
        for name, begin, end in _matches(reading.text, PLANTED):
            if name not in found:
                found[name] = span = reading.span(begin, end)
                hits.append(Planted(name, _quote(text, span), span, reading.how))
    return hits + _hidden(text)


def _in_plain_sight(text: str) -> Iterator[tuple[str, int, int]]:
    shown = unmasked(text)
    seen = list(_matches(shown, (*PLANTED, *FOREIGN)))
    if shown is text:
        yield from seen
        return
    if seen:
        yield from _placed(placed(text), seen)
    folded = without_invisible(unicodedata.normalize("NFC", text))
    for name, start, end in _matches(folded, FOREIGN):
        yield name, *_stands(text, folded, start, end)
    for name, pattern in SCRIPTS:
        if match := pattern.search(folded):
            yield name, *_stands(text, folded, match.start(), match.end())


def _placed(reading: Reading, seen: Sequence[tuple[str, int, int]]) -> Iterator[tuple[str, int, int]]:
    """The same patterns where their characters have a place; where letters combine otherwise there, the whole text."""
    again = {name: (start, end) for name, start, end in _matches(reading.text, (*PLANTED, *FOREIGN))}
    for name, _, _ in seen:
        span = again.get(name)
        yield name, *(reading.span(*span) if span else (reading.start, reading.end))


def _stands(text: str, folded: str, start: int, end: int) -> tuple[int, int]:
    at = text.find(folded[start:end])
    return (at, at + end - start) if at >= 0 else (0, len(text))


def _matches(text: str, patterns: Sequence[Pattern]) -> Iterator[tuple[str, int, int]]:
    found = _needed(text.lower())
    for pattern in patterns:
        if match := pattern.match_in(text, found):
            yield pattern.name, match.start(), match.end()


def _hidden(text: str) -> list[Planted]:
    """Characters that a reader does not see: more than a few, or one that turns the direction of writing."""
    count = count_invisible(text)
    if count <= MAX_HIDDEN_CHARACTERS and not any(mark in text for mark in _OVERRIDES):
        return []
    places = [index for index, char in enumerate(text) if not char.isascii() and not without_invisible(char)]
    return [Planted("hidden_characters", f"{count} invisible characters", (places[0], places[-1] + 1))]


def _quote(text: str, span: tuple[int, int]) -> str:
    return text[span[0] : span[1]][:MAX_QUOTE_CHARS]
