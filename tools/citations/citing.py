"""Finds what a text cites: quotations, addresses, ids of documents. Linear in the text; code in it is left out.

A quotation is `attributed` where its sentence says whose words they are, or cites something: other words in quotation
marks may be titles, names or irony.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

MAX_CITATIONS = 200
MAX_TEXT_CHARS = 200_000
MIN_QUOTE_CHARS = 12
MIN_QUOTE_WORDS = 3
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]{1,400}`", re.S)
_QUOTES = re.compile(
    r"(?<![\w\"])\"(?=\S)([^\"\n]{12,1500})(?<=\S)\"(?!\w)"
    r"|\u201c([^\u201c\u201d]{12,1500})[\u201d\u201c]"
    r"|\u201e([^\u201e\u201c\u201d]{12,1500})[\u201c\u201d]"
    r"|\u00ab([^\u00ab\u00bb]{12,1500})\u00bb"
)
_BLOCK = re.compile(r"^>[ \t]?(\S[^\n]{11,1500})$", re.M)
_URL = re.compile(r"https?://[^\s<>\"'`\[\]{}|\\^\u201c\u201d\u3010\u3011]{3,2000}", re.I)
_BRACKETED = re.compile(r"[\[(\u3010]([A-Za-z0-9_][A-Za-z0-9_.:/~-]{0,200}(?:#\d{1,6})?)[\])\u3011](?!\()")
_ATTRIBUTED = re.compile(
    r"\b(?:according to|as (?:stated|written|reported|quoted) (?:in|by)|says?|said|states?|stated|wrote|writes|reads?|"
    r"reports?|reported|notes?|noted|quotes?|quoted|cites?|claims?|claimed|explains?|source)\b|:\s*$",
    re.I,
)
_NEAR = 160


@dataclass(frozen=True)
class Cited:
    """One thing that a text cites, at these characters of it. `sure`: it can be nothing but a citation."""

    kind: Literal["quote", "url", "document"]
    text: str
    start: int
    end: int
    sure: bool


def cited_in(text: str, corpora: Collection[str] = ()) -> tuple[Cited, ...]:
    """Everything that a text cites, in its order; of more than the limit the first ones."""
    text = _CODE.sub(lambda found: " " * len(found.group()), text[:MAX_TEXT_CHARS])
    urls = list(_urls(text))
    ids = list(_documents(text, corpora, urls))
    marks = [(one.start, one.end) for one in (*urls, *ids)]
    found = [*_quotes(text, marks), *urls, *ids]
    return tuple(sorted(found, key=lambda one: (one.start, one.kind))[:MAX_CITATIONS])


def _urls(text: str) -> Iterator[Cited]:
    for found in _URL.finditer(text):
        url = found.group().rstrip(".,;:!?*_~'")
        while url.endswith(")") and url.count("(") < url.count(")"):
            url = url[:-1].rstrip(".,;:!?*_~'")
        yield Cited("url", url, found.start(), found.start() + len(url), True)


def _documents(text: str, corpora: Collection[str], urls: list[Cited]) -> Iterator[Cited]:
    """Ids in brackets: sure where they begin with the name of a corpus, otherwise only where they look like ids."""
    inside = {place for url in urls for place in range(url.start, url.end)}
    for found in _BRACKETED.finditer(text):
        name = found.group(1)
        sure = name.partition("/")[0].partition("#")[0] in corpora
        looks = any(mark in name for mark in "/#") or bool(re.search(r"[A-Za-z].*\d|\d.*[A-Za-z]", name))
        if found.start(1) not in inside and (sure or looks):
            yield Cited("document", name, found.start(1), found.end(1), sure)


def _quotes(text: str, marks: list[tuple[int, int]]) -> Iterator[Cited]:
    for found in _QUOTES.finditer(text):
        words = next(group for group in found.groups() if group is not None)
        if len(words.split()) >= MIN_QUOTE_WORDS:
            sure = _is_attributed(text, found.start(), found.end(), marks)
            yield Cited("quote", words.strip(), found.start(), found.end(), sure)
    for found in _BLOCK.finditer(text):
        words = found.group(1).strip().strip('"\u201c\u201d')
        if len(words) >= MIN_QUOTE_CHARS and len(words.split()) >= MIN_QUOTE_WORDS:
            yield Cited("quote", words, found.start(1), found.end(1), True)


def _is_attributed(text: str, start: int, end: int, marks: list[tuple[int, int]]) -> bool:
    """By the words before it in its sentence, or a citation right behind it."""
    before = re.split(r"[.!?\n]\s", text[max(0, start - _NEAR) : start])[-1]
    after = text[end : end + 40].split("\n")[0]
    cites = any(end <= first <= end + 40 and "." not in text[end:first].strip(" .") for first, _ in marks)
    return (
        bool(_ATTRIBUTED.search(before))
        or cites
        or bool(re.match(r"\s*[\[(\u3010]\d{1,3}[\])\u3011]", after))
    )
