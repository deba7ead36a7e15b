"""Words, sentences, paragraphs and lists of a text, each counted in the fewest and the most ways people count them.

Does not know grammar: abbreviations are a list, and what looks like a title may be a sentence.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from tools.text_checks.in_box.outcomes import Count

# What follows on the line of a fence of backticks holds none: that would be code within a line.
_FENCE = re.compile(r"[ ]{0,3}(`{3,}(?=[^`]*$)|~{3,})(.*)")
BULLET = re.compile(r"([ \t]*)[-*+\u2022\u2023\u25e6\u25aa\u2043][ \t]+\S")
_DASH_BULLET = re.compile(r"[ \t]*[\u2013\u2014][ \t]+\S")
NUMBERED = re.compile(r"([ \t]*)(\d{1,9}|[A-Za-z])[.)][ \t]+\S")
HEADING = re.compile(r"[ ]{0,3}#{1,6}(?:[ \t]|$)")
_RULE = re.compile(r"[ ]{0,3}(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,}|={3,})$")
_END = re.compile(r"[.!?\u2026\u061f\u06d4]+|[\u3002\uff01\uff1f\u0964\u0965]+")
_CLOSE_END = re.compile(r"(?<=[a-z]{2})[.!?](?=[A-Z][a-z]+ )")  # no space behind it
_CLOSERS = "\"'\u201d\u2019)]}*_\u00bb\u300d\u300f"
# Written without spaces between words: how many words there are is a matter of opinion.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]"
)
_URL = re.compile(r"(?:https?://|www\.)\S+")
# Letters by Unicode that show nothing: what stands between them are words.
_BLANKS = re.compile("[\u115f\u1160\u2800\u3164\uffa0]")
_TITLES = " mr mrs ms dr prof gen col sgt capt lt rev hon gov sen "
_ABBREVIATIONS = (
    " mr mrs ms dr prof sr jr st vs etc e.g i.e eg ie cf al fig no vol p pp ch sec inc ltd co corp dept est approx "
    "jan feb mar apr jun jul aug sep sept oct nov dec mon tue wed thu fri sat sun u.s u.k u.n a.m p.m ph.d b.a m.a "
    "gen col sgt capt lt rev hon gov sen rep z.b bzw usw ca nr bspw d.h vgl "
)


class Line(NamedTuple):
    """A line, and whether it lies in a fenced block (its fences included)."""

    text: str
    fenced: bool


def lines_of(text: str) -> list[Line]:
    """The lines of a text; a fence that is not closed runs to the end."""
    found, fence = [], ""
    for line in text.splitlines():
        match = _FENCE.match(line)
        mark = match.group(1) if match else ""
        if not fence and mark:
            fence = mark
            found.append(Line(line, True))
            continue
        found.append(Line(line, bool(fence)))
        closes = mark and match is not None and not match.group(2).strip()
        if fence and closes and mark[0] == fence[0] and len(mark) >= len(fence):
            fence = ""
    return found


def visible(text: str) -> str:
    """The text without what nobody sees: marks of format, which would hide a word or cut it in two."""
    return "".join(char for char in text if unicodedata.category(char) != "Cf")


def plain(text: str) -> str:
    """A text as phrases are looked for in it: composed, with straight quotes."""
    composed = unicodedata.normalize("NFC", visible(text))
    return composed.translate(_STRAIGHT)


_STRAIGHT = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u02bc", "'"),
        **dict.fromkeys("\u201c\u201d", '"'),
        "\u00a0": " ",
        "\u2010": "-",
        "\u2011": "-",
        "\u2026": "...",
    }
)


def words_of(text: str) -> list[str]:
    """What stands between spaces and holds a letter or digit, without the marks around it."""
    tokens = [token.strip(_MARKS) for token in text.split()]
    return [token for token in tokens if any(map(str.isalnum, token))]


_MARKS = "\"'\u201c\u201d\u2018\u2019.,;:!?()[]{}<>*_`~#|\u2026\u00ab\u00bb-\u2013\u2014/\\"


def count_words(text: str) -> Count:
    """Fewest: what stands between spaces. Most: compounds apart, each character of a script without spaces, and signs
    that are read as words.
    """
    low = high = 0
    for word in words_of(text):
        unspaced = len(_UNSPACED.findall(word))
        low += 1
        if unspaced:
            high += unspaced + sum(any(map(str.isalnum, p)) for p in _UNSPACED.split(word))
        elif _URL.match(word) or _is_number(word):
            high += 1
        else:
            high += max(1, _pieces(word))
    return Count(low, high + sum(_is_read(token) for token in text.split()))


def _pieces(word: str) -> int:
    """How many words a compound is, taken apart at every mark within it; one apostrophe parts nothing."""
    word = _BLANKS.sub(" ", word)
    joins = "'\u2019" if word.count("'") + word.count("\u2019") < 2 else ""
    apart = "".join(
        char if char.isalnum() or char in joins or unicodedata.category(char)[0] == "M" else " "
        for char in word
    )
    return sum(any(map(str.isalnum, piece)) for piece in apart.split())


def _is_read(token: str) -> bool:
    """Whether a sign that stands alone may be read as a word: `&`, a picture."""
    return token in ("&", "+", "=") or (len(token) < 8 and unicodedata.category(token[0]) == "So")


def _is_number(word: str) -> bool:
    return all(char.isdigit() or char in ".,:%$\u20ac\u00a3+-" for char in word)


def paragraphs_of(text: str) -> list[str]:
    """What blank lines part; a fenced block is whole."""
    found: list[list[str]] = [[]]
    for line in lines_of(text):
        if line.text.strip() or line.fenced:
            found[-1].append(line.text)
        elif found[-1]:
            found.append([])
    return ["\n".join(lines) for lines in found if lines]


def count_paragraphs(text: str) -> Count:
    """Fewest: those of running text. Most: all that blank lines part, or lines where no blank line parts anything."""
    all_of_them = paragraphs_of(text)
    running = [one for one in all_of_them if is_running(one)]
    if len(all_of_them) == 1:
        lines = [line for line in all_of_them[0].splitlines() if line.strip()]
        return Count(1, len(lines))
    return Count(max(1, len(running)) if all_of_them else 0, len(all_of_them))


def is_running(paragraph: str) -> bool:
    """Whether a paragraph is running text, and not a heading, a rule, a list, a table or a block alone."""
    lines = [line for line in lines_of(paragraph) if line.text.strip()]
    return any(not line.fenced and not _is_marked(line.text) for line in lines)


def _is_marked(line: str) -> bool:
    is_label = line.strip().startswith("**") and line.strip().rstrip(":").endswith("**")
    return bool(
        BULLET.match(line)
        or NUMBERED.match(line)
        or HEADING.match(line)
        or _RULE.match(line)
        or line.lstrip().startswith("|")
        or is_label
        or _DASH_BULLET.match(line)
    )


def is_rule(line: str) -> bool:
    return _RULE.match(line) is not None


def count_sentences(text: str) -> Count:
    """Fewest: ends that are sure. Most: every mark that may end one, and every line that has none."""
    low = high = 0
    for block in _blocks(text):
        sure, possible, rest = _ends(block)
        low += sure
        high += max(sure, possible) + len(_CLOSE_END.findall(block))
        if rest:
            # After an ended sentence the rest is one without its mark; alone it may be a title or an item.
            low += 1 if sure else 0
            high += 1
    return Count(max(low, 1), max(high, 1)) if any(map(str.isalnum, text)) else Count(0, 0)


def sentences_of(text: str) -> list[str]:
    """The sentences as their sure ends part them; for what is said of each."""
    found: list[str] = []
    for block in _blocks(text):
        start = 0
        for end, is_sure in _marks(block):
            if is_sure:
                found.append(block[start:end])
                start = end
        found.append(block[start:])
    return [one.strip() for one in found if any(map(str.isalnum, one))]


def _blocks(text: str) -> list[str]:
    """Running text joined over its lines; a heading, an item or a row of a table stands alone."""
    found: list[str] = []
    running: list[str] = []
    for line in [*lines_of(text), Line("", False)]:
        if line.fenced:
            continue
        if line.text.strip() and not _is_marked(line.text):
            running.append(line.text.strip())
            continue
        if running:
            found.append(" ".join(running))
            running = []
        if any(map(str.isalnum, line.text)):
            found.append(_unmarked(line.text))
    return found


def _unmarked(line: str) -> str:
    numbered = NUMBERED.match(line)
    return line[numbered.end() - 1 :] if numbered else line.strip()


def _ends(block: str) -> tuple[int, int, bool]:
    """How many ends are sure, how many there may be, and whether words follow the last one."""
    sure = possible = last = 0
    for end, is_sure in _marks(block):
        possible += 1
        sure += is_sure
        last = end
    return sure, possible, any(map(str.isalnum, block[last:]))


def _marks(block: str) -> list[tuple[int, bool]]:
    """Where sentences may end, and whether they surely do."""
    found = []
    for match in _END.finditer(block):
        end = match.end()
        while end < len(block) and block[end] in _CLOSERS:
            end += 1
        wide = match.group()[0] in "\u3002\uff01\uff1f\u0964\u0965"
        if end < len(block) and not block[end].isspace() and not wide:
            continue
        if _is_title(block, match.start(), end):
            continue
        found.append((end, wide or _is_sure(block, match.start(), match.group(), end)))
    return found


def _is_title(block: str, start: int, end: int) -> bool:
    """Whether the point belongs to a form of address, behind which a name stands."""
    before = block[max(0, start - 10) : start].rsplit(None, 1)
    word = before[-1].lstrip("(\"'\u201c").casefold() if before else ""
    return end < len(block) and f" {word} " in _TITLES


def _is_sure(block: str, start: int, mark: str, end: int) -> bool:
    following = block[end : end + 40].lstrip(" \"'([*_\u201c\u2018\u00ab\u00bf\u00a1")
    if mark.startswith(".") or mark[0] == "\u2026":
        before = block[max(0, start - 30) : start].rsplit(None, 1)
        word = before[-1].lstrip("(\"'\u201c").casefold() if before else ""
        is_short = (len(word) == 1 and word.isalpha()) or f" {word} " in _ABBREVIATIONS
        if is_short or (len(mark) > 1 or mark == "\u2026"):
            return not following and not is_short
    return not following or not following[0].islower()
