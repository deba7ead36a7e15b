"""Counts of a text by name: `COUNTS` maps each to what counts it, `EACH` to what gives one count for each unit."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from itertools import pairwise

from tools.text_checks.in_box import lists, units
from tools.text_checks.in_box.outcomes import Check, Count, exactly
from tools.text_checks.in_box.phrases import occurrences

_LINK = re.compile(r"\[[^\[\]\n]{1,500}\]\([^()\s]{1,2000}\)|https?://[^\s)>\]]+|www\.[^\s)>\]]+")
_PLACEHOLDER = re.compile(r"\[([^\[\]\n]{1,200})\]([(\[:]?)")
_STARRED = re.compile(r"(?<![*\\])(\*{1,3})(?=[^\s*])([^*\n]{1,500})(?<=[^\s*])\1(?!\*)")
_UNDERLINED = re.compile(r"(?<![\w_])_{1,2}[^\s_][^_\n]{0,500}_{1,2}(?![\w_])")
NUMBER = re.compile(r"(?<![\w.,])[-+\u2212]?\d[\d,]*(?:\.\d+)*")
_PERCENT = re.compile(r"\d[ \u00a0]?(?:%|percent\b|per cent\b)", re.I)
_SEPARATOR_ROW = re.compile(r"[ ]{0,3}\|?[ ]*:?-+:?[ ]*(?:\|[ ]*:?-+:?[ ]*)*(?:\|[ ]*)?$")
_MARKS_OF_ITEMS = re.compile(r"^[ \t]*\d{1,9}[.)][ \t]", re.M)


def _characters(text: str, check: Check) -> Count:
    """Fewest: what is seen as one. Most: code points."""
    stripped = text.strip()
    return Count(len(_JOINED.sub("", _FLAG.sub(".", stripped))) - _marks(stripped), len(stripped))


def _marks(text: str) -> int:
    return sum(
        (unicodedata.combining(char) > 0 or unicodedata.category(char) in ("Mn", "Me", "Cf"))
        and char != "\u200d"
        for char in text
    )


# What is joined to the sign before it, shades of skin, and flags, which are two letters each.
_JOINED = re.compile("\u200d[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff]?|[\U0001f3fb-\U0001f3ff]")
_FLAG = re.compile("[\U0001f1e6-\U0001f1ff]{2}")


def _words(text: str, check: Check) -> Count:
    return units.count_words(text)


def _unique_words(text: str, check: Check) -> Count:
    words = [word.casefold() for word in units.words_of(text)]
    whole = len(set(words))
    counted = units.count_words(text)
    if counted.low == counted.high:
        return exactly(whole)
    plain = {word for word in words if units.count_words(word).high == 1}
    return Count(len(plain), len(plain) + counted.high - counted.low + whole)


def _sentences(text: str, check: Check) -> Count:
    return units.count_sentences(text)


def _paragraphs(text: str, check: Check) -> Count:
    return units.count_paragraphs(text)


def _lines(text: str, check: Check) -> Count:
    """Fewest: those of line feeds. Most: form feeds and the other ends of lines that Unicode has too."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return Count(*sorted(sum(bool(one.strip()) for one in lines) for lines in (plain, text.splitlines())))


def _headings(text: str, check: Check) -> Count:
    lines = [line.text for line in units.lines_of(text) if not line.fenced]
    marked = sum(bool(units.HEADING.match(line)) for line in lines)
    underlined = sum(
        bool(before.strip()) and len(line.strip()) >= 2 and not set(line.strip()) - set("=")
        for before, line in _pairs(lines)
    )
    dashed = sum(
        bool(before.strip()) and len(line.strip()) >= 3 and not set(line.strip()) - set("-")
        for before, line in _pairs(lines)
    )
    bold = sum(_is_bold(line) for line in lines)
    loose = sum(bool(_LOOSE_HEADING.match(line)) for line in lines)
    return Count(marked + underlined, marked + underlined + dashed + bold + loose)


_LOOSE_HEADING = re.compile(r"[ ]{0,3}(?:#{1,6}[^#\s\d]|<h[1-6][\s>])", re.I)


def _pairs(lines: list[str]) -> list[tuple[str, str]]:
    return list(pairwise(lines))


def _is_bold(line: str) -> bool:
    said = line.strip().rstrip(":")
    return len(said) > 4 and said.startswith("**") and said.endswith("**")


def _code_blocks(text: str, check: Check) -> Count:
    lines = units.lines_of(text)
    opened = sum(
        one.fenced and not before for one, before in zip(lines, [False, *_fenced(lines)], strict=False)
    )
    # Two blocks without a line between them look like one.
    marks = sum(one.fenced and one.text.lstrip().startswith(("```", "~~~")) for one in lines)
    return Count(opened, max(opened, (marks + 1) // 2))


def _fenced(lines: list[units.Line]) -> list[bool]:
    return [line.fenced for line in lines]


def unfenced(text: str) -> str:
    return "\n".join(line.text for line in units.lines_of(text) if not line.fenced)


def _links(text: str, check: Check) -> Count:
    return exactly(len(_LINK.findall(text)))


def _placeholders(text: str, check: Check) -> Count:
    found = [(inner, link) for inner, link in _PLACEHOLDER.findall(text) if not link]
    sure = [inner for inner, _ in found if any(map(str.isalpha, inner)) and inner.strip().lower() != "x"]
    return Count(len(sure), len(found))


def _highlights(text: str, check: Check) -> Count:
    shown = unfenced(text)
    starred = len(_STARRED.findall(shown))
    over_lines = len(_STARRED.findall(shown.replace("\n", " ")))
    return Count(starred, max(starred, over_lines) + len(_UNDERLINED.findall(shown)))


def _capital_words(text: str, check: Check) -> Count:
    words = [word for word in units.words_of(text) if word.isupper()]
    return Count(sum(sum(map(str.isalpha, word)) > 1 for word in words), len(words))


def _questions(text: str, check: Check) -> Count:
    """Fewest: those outside of addresses and code."""
    return Count(*sorted(len(_QUESTION.findall(one)) for one in (_prose(text), text)))


def _exclamations(text: str, check: Check) -> Count:
    """Fewest: those outside of addresses, pictures and code."""
    return Count(*sorted(len(_EXCLAMATION.findall(one)) for one in (_prose(text), text)))


def _prose(text: str) -> str:
    return _NO_PROSE.sub(" ", unfenced(text))


_QUESTION = re.compile("[?\uff1f\u061f][?!\uff1f\uff01\u061f]*")
_EXCLAMATION = re.compile("[!\uff01][?!\uff1f\uff01]*")
_NO_PROSE = re.compile(r"https?://\S+|www\.\S+|`[^`\n]*`|!=|!(?=\[)")


def _numbers(text: str, check: Check) -> Count:
    found, marks = len(NUMBER.findall(text)), len(_MARKS_OF_ITEMS.findall(text))
    joined = len(NUMBER.findall(_TOGETHER.sub(lambda one: "1" * len(one.group()), text)))
    return Count(max(0, min(joined, found) - marks), found)


# One number, or several: a date, a time, a fraction, digits in groups.
_TOGETHER = re.compile(
    r"(?<![\w.,])\d{1,4}(?:[-/:\u2013]\d{1,4}){1,2}(?!\w)|(?<![\w.,])\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?!\d)"
)


def _percentages(text: str, check: Check) -> Count:
    return exactly(len(_PERCENT.findall(text)))


def _tables(text: str, check: Check) -> Count:
    found = len(_rows_of_tables(text))
    return Count(found, found + len(re.findall(r"<table[\s>]", text, re.I)))


def _table_rows(text: str, check: Check) -> Count:
    """The rows of all tables, without their headings."""
    found = sum(_rows_of_tables(text))
    return Count(found, found + len(re.findall(r"<tr[\s>]", text, re.I)))


def _rows_of_tables(text: str) -> list[int]:
    lines = [line.text for line in units.lines_of(text) if not line.fenced]
    found: list[int] = []
    inside = False
    for before, line in _pairs(["", *lines]):
        if not inside and "|" in before and "|" in line and _SEPARATOR_ROW.match(line):
            found.append(0)
            inside = True
        elif inside and "|" in line and line.strip():
            found[-1] += 1
        else:
            inside = False
    return found


def _keywords(text: str, check: Check) -> Count:
    return occurrences(text, check)


def _letter(text: str, check: Check) -> Count:
    told = units.plain(text)
    if check.get("case") != "exact":
        return exactly(sum(told.casefold().count(one.casefold()) for one in set(check["texts"])))
    return exactly(sum(told.count(one) for one in set(check["texts"])))


def _parts(text: str, check: Check) -> Count:
    """What the separators part; empty parts count for those only who count separators."""
    pieces = [text]
    for separator in check["texts"]:
        pieces = [piece for one in pieces for piece in one.split(separator)]
    return Count(sum(bool(piece.strip()) for piece in pieces), len(pieces))


def _sections(text: str, check: Check) -> Count:
    """Lines that begin with a marker and a number or a colon (`SECTION 1`), behind marks of a heading."""
    ignore = check.get("case") != "exact"
    found = 0
    for line in text.splitlines():
        said = line.strip(" \t#*_")
        for marker in check["texts"]:
            head, wanted = said[: len(marker)], marker
            if (head.casefold() == wanted.casefold()) if ignore else head == wanted:
                found += bool(_NUMBERED_SO.match(said[len(marker) :]))
                break
    return exactly(found)


_NUMBERED_SO = re.compile(
    r"[ \t]*[:.#]?[ \t]*(?:\d|[IVXLC]+\b|[A-Z]\b|$|:|(?i:one|two|three|four|five|six|seven|eight|nine|ten)\b)"
)
COUNTS: Mapping[str, Callable[[str, Check], Count]] = {
    "characters": _characters,
    "words": _words,
    "unique_words": _unique_words,
    "sentences": _sentences,
    "paragraphs": _paragraphs,
    "lines": _lines,
    "lists": lists.lists,
    "list_items": lists.list_items,
    "numbered_items": lists.numbered_items,
    "headings": _headings,
    "code_blocks": _code_blocks,
    "links": _links,
    "placeholders": _placeholders,
    "highlights": _highlights,
    "capital_words": _capital_words,
    "questions": _questions,
    "exclamations": _exclamations,
    "numbers": _numbers,
    "percentages": _percentages,
    "tables": _tables,
    "table_rows": _table_rows,
    "keywords": _keywords,
    "letter": _letter,
    "parts": _parts,
    "sections": _sections,
}
EACH: Mapping[str, tuple[str, Callable[[str], list[Count]]]] = {
    "words_per_sentence": (
        "sentence",
        lambda text: [units.count_words(one) for one in units.sentences_of(text)],
    ),
    "words_per_paragraph": ("paragraph", lambda text: [units.count_words(one) for one in running(text)]),
    "sentences_per_paragraph": (
        "paragraph",
        lambda text: [units.count_sentences(one) for one in running(text)],
    ),
    "list_items_per_list": ("list", lists.items_of_lists),
    "characters_per_line": (
        "line",
        lambda text: [
            Count(_characters(line, {}).low, len(line)) for line in text.splitlines() if line.strip()
        ],
    ),
}


def running(text: str) -> list[str]:
    return [one for one in units.paragraphs_of(text) if units.is_running(one)]
