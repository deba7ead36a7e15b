"""Reads a short answer as one number, and compares it with the number that is right.

Exact: what rounding, a unit or a per-cent sign may explain is `unsure`, and what is no number goes to the symbolic
comparison (`symbolic.py`). Only texts of one number and words are read; several numbers are an answer only where one of
them stands alone behind an equals sign.
"""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction

from tools.numbers.in_box.arithmetic import NoValue, value_of
from tools.numbers.in_box.tokens import Token, plain, tokens
from tools.numbers.in_box.units import may_be_units, names_other_unit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    Verdict = Literal["equal", "different", "unsure", "symbolic"]

_CHOICE = re.compile(r"\(?([A-J])\)?[.:]?", re.I)
_CHOSEN = re.compile(r"(?:(?:the )?(?:option|choice|answer)(?: is)?:? )?\(?([A-J])(?:\)|[.:](?=\s|$)|$)")
_SCALES = {
    "hundred": 10**2,
    "thousand": 10**3,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
    "dozen": 12,
}
_NUMBER_WORDS = re.compile(
    r"\b(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|twenty|thirty|fou?rty|fifty|sixty|"
    r"seventy|eighty|ninety|hundred|thousand|million|billion|dozen|half|third|quarter|twice|double|none|no|nothing|"
    r"nobody|pi|infinit\w*|single|pair|both|all|once|first|second|neither)\b",
    re.I,
)
_SPACED = re.compile(r"(?<=\d)[ \u00a0\u2009\u202f](?=\d{3}(?!\d))")  # 10 000
_MIXED = re.compile(r"(?<![\d./^] )(?<![\d./^])(\d{1,9}) (\d{1,9}/\d{1,9})(?![\d/.])")
_VULGAR = re.compile(r"(\d{1,9})? ?([\u00bc-\u00be\u2150-\u215e])")
_COLON = re.compile(r"\d ?: ?\d")
_SEVERAL = re.compile(r"\bor\b|\\pm|\\mp|\u00b1", re.I)
_DEGREES = re.compile(r"\\circ|\u00b0|\bdegrees?\b", re.I)
_BOUND = re.compile(
    r"(?:\b(?:at least|at most|(?:more|less|fewer|greater) than|up to|not)|n't|n\u2019t|[<>\u2264\u2265]|\\[lg]eq?)"
    r"[\s$=]{0,4}-?\d",
    re.I,
)
_RANGE = re.compile(r"[$]?\d[\d.,]{0,20} ?[-\u2013] ?[$]?\d[\d.,]{0,20}[ %a-z]{0,20}", re.I)
_POINTS = re.compile(r"(?<![\d.,])\d{1,3}(?:\.\d{3}){1,6}(?![\d.,])")
_FLOATING = 10**9
_ARITHMETIC = frozenset(("number", "operator", "open", "close", "percent"))
_FUNCTIONS = frozenset(("sqrt", "sin", "cos", "tan", "log", "ln", "exp", "pi", "abs", "e"))


def compared(reference: str, answer: str) -> tuple[Verdict, str]:
    """What exact reading says of an answer beside the reference, and why."""
    if _same(reference) == _same(answer):
        return "equal", "the same text"
    if (wanted := _CHOICE.fullmatch(reference.strip())) is not None:
        return _choice(wanted.group(1).upper(), answer.strip())
    if (why := several_readings(reference, answer)) is not None:
        return "unsure", why
    right = _numbers(reference)
    if right is None or len(right) != 1:
        return "symbolic", "the reference is no single number"
    found = _numbers(answer)
    if found is None:
        return "symbolic", "the answer is no plain number"
    if not found:
        if _NUMBER_WORDS.search(answer) or "\\" in answer or any(c.isdigit() for c in answer):
            return "symbolic", "the number may be in words"
        return "different", "the answer holds no number"
    if len(set(found)) > 1:
        if right[0] in found:
            return "unsure", "the answer holds several numbers"
        return "different", "none of the answer's numbers is the right one"
    return _of_numbers(right[0], found[0], reference, answer)


def mentioned(reference: str, text: str) -> bool:
    """Whether a text may hold the number that is right; true where that cannot be told."""
    right = _numbers(reference)
    if right is None or len(right) != 1 or _NUMBER_WORDS.search(text.rpartition("\n")[2]):
        return True
    found = [token.value for token in tokens(plain(text)) if token.kind == "number"]
    return any(_may_be_rounded(right[0], one, reference) or one in (right[0], -right[0]) for one in found)


def number_of(text: str) -> Fraction | None:
    """The one number that a short answer is, or None."""
    found = _numbers(text)
    return found[0] if found is not None and len(set(found)) == 1 else None


def _of_numbers(right: Fraction, found: Fraction, reference: str, answer: str) -> tuple[Verdict, str]:
    if right == found and (_BOUND.search(answer) is None) != (_BOUND.search(reference) is None):
        return "unsure", "the one is a bound, or denied"
    if right == found:
        units = names_other_unit(reference, answer)
        return ("unsure", "another unit is named") if units else ("equal", "the same number")
    if ("%" in reference) != ("%" in answer) and right in (found * 100, found / 100):
        return "equal", "the same number, in per cent"
    if _may_be_rounded(right, found, reference) or _may_be_rounded(found, right, answer):
        return "unsure", "the one may be the other, rounded"
    if (
        abs(right - found) * _FLOATING < abs(right)
        or _is_grouped(right, answer)
        or _is_grouped(found, reference)
    ):
        return "unsure", "the one may be the other, written otherwise"
    if _RANGE.fullmatch(answer.strip()) or _RANGE.fullmatch(reference.strip()):
        return "unsure", "it may be a range"
    if may_be_units(right, found, f"{reference} {answer}"):
        return "unsure", "the one may be the other in another unit"
    return "different", "another number"


def several_readings(reference: str, answer: str) -> str | None:
    """Why no comparison of values tells it: a ratio or a time, one of several answers, degrees; None where one does."""
    if _COLON.search(reference) or _COLON.search(answer):
        return "it may be a ratio or a time"
    if _SEVERAL.search(reference) or ("=" in answer and _SEVERAL.search(answer)):
        return "there is more than one answer in it"
    if (_DEGREES.search(reference) is None) != (
        _DEGREES.search(answer) is None
    ) and "pi" in reference + answer:
        return "the one is in degrees"
    return None


def _is_grouped(value: Fraction, text: str) -> bool:
    """Whether points part thousands in a text: 1.000 is a thousand in some countries."""
    return any(int(one.replace(".", "")) == value for one in _POINTS.findall(text))


def _may_be_rounded(written: Fraction, other: Fraction, text: str) -> bool:
    """Whether `written` is `other` to the places that it has; whole numbers are taken as they are."""
    units = [token.unit for token in tokens(plain(text)) if token.kind == "number"]
    return bool(units) and min(units) < 1 and abs(written - other) < min(units)


def _same(text: str) -> str:
    return " ".join(text.replace("$", "").split()).casefold().rstrip(".")


def _choice(wanted: str, answer: str) -> tuple[Verdict, str]:
    chosen = _CHOSEN.match(answer)
    if chosen is None:
        return "unsure", "which choice is meant cannot be told"
    return ("equal", "the same choice") if chosen.group(1) == wanted else ("different", "another choice")


def _numbers(text: str) -> list[Fraction] | None:
    """The values of all arithmetic in a text; None where it is more than numbers and words.

    Behind an equals sign only the last side counts.
    """
    text = _MIXED.sub(r"(\1+\2)", _VULGAR.sub(_in_figures, plain(text)))
    found = tokens(_SPACED.sub("", text.strip().strip("$")))
    places = [place for place, token in enumerate(found) if token.kind == "equals"]
    if places:
        found = found[places[-1] + 1 :]
    values: list[Fraction] = []
    place = 0
    while place < len(found):
        token = found[place]
        if token.kind not in _ARITHMETIC:
            if token.text in "\\^_{}!\u221a\u03c0|" or token.text.lower() in _FUNCTIONS:
                return None
            if token.kind == "word" and _is_variable(found, place):
                return None
            place += 1
            continue
        end = place
        while end < len(found) and found[end].kind in _ARITHMETIC:
            end += 1
        value = _value(found[place:end])
        if value is None:
            return None
        scale = _SCALES.get(found[end].text.lower().rstrip("s"), 1) if end < len(found) else 1
        values += [one * scale for one in value]
        place = end
    return values


def _in_figures(match: re.Match[str]) -> str:
    """`2\u00bd` as (2+1/2)."""
    fraction = unicodedata.normalize("NFKC", match.group(2)).replace("\u2044", "/")
    return f"({match.group(1) or 0}+{fraction})"


def _is_variable(found: Sequence[Token], place: int) -> bool:
    """Whether a word is a name in a formula: it stands by an operator, or is one letter that is no unit of a number."""
    token = found[place]
    before = found[place - 1].kind if place else "other"
    after = found[place + 1] if place + 1 < len(found) else None
    if after is not None and after.kind == "operator" and (len(token.text) == 1 or not after.spaced):
        return True
    if before in ("operator", "open") or (after is not None and after.kind == "open" and not after.spaced):
        return True
    if len(token.text) > 1 or token.text in "aAI":
        return not token.spaced and len(token.text) == 1
    return before != "number" or not token.spaced


def _value(run: Sequence[Token]) -> list[Fraction] | None:
    """The value of one stretch; nothing for one without a number in it."""
    if not any(token.kind == "number" for token in run):
        return []
    try:
        return [value_of(run).exact]
    except NoValue:
        pass
    if run[0].kind == "operator" or run[-1].kind == "operator":  # the mark of a list, a dash
        return _value(run[1:] if run[0].kind == "operator" else run[:-1])
    return None
