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
from tools.numbers.in_box.choices import compared_choices
from tools.numbers.in_box.otherwise import has_decimal_comma, may_be_below_zero, other_values
from tools.numbers.in_box.tokens import Token, plain, tokens
from tools.numbers.in_box.units import is_unit, may_be_units, names_other_unit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    Verdict = Literal["equal", "different", "unsure", "symbolic"]

_CHOICE = re.compile(r"\(?([A-J])\)?[.:]?", re.I)
_SCALES = {
    "hundred": 10**2,
    "thousand": 10**3,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
    "dozen": 12,
    "lakh": 10**5,
    "crore": 10**7,
    "mio": 10**6,
    "mln": 10**6,
    "mn": 10**6,
    "bn": 10**9,
    "tn": 10**12,
}
_NUMBER_WORDS = re.compile(
    r"\b(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|twenty|thirty|fou?rty|fifty|sixty|"
    r"seventy|eighty|ninety|hundred|thousand|million|billion|dozen|half|third|quarter|twice|double|none|no|nothing|"
    r"nobody|pi|infinit\w*|single|pair|couple|both|all|once|neither|(?:fir|seco|thi|four|fif|six|seven|eigh|nin|ten|"
    r"eleven|twelf|twentie|thirtie|fortie|fiftie)(?:st|nd|rd|th)|"
    r"uno|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce|trece|catorce|quince|dieci\w+|veinti?\w*|treinta|"
    r"cuarenta|cincuenta|sesenta|cien\w*|mil|deux|trois|quatre|cinq|sept|huit|neuf|dix|onze|douze|treize|quatorze|"
    r"quinze|seize|vingt\w*|trente|quarante|cinquante|soixante|cent|mille|null|eins?|zwei|drei|vier|f\u00fcnf|sechs|"
    r"sieben|acht|neun|zehn|elf|zw\u00f6lf|\w+zehn|\w+zig|\w+\u00dfig|hundert|tausend|due|tre|quattro|cinque|sei|sette|otto|"
    r"nove|dieci|\w+dici|venti\w*|dois|duas|oito|dez|vinte)\b|(?-i:\b[IVXLCDM]{2,}\b|\b[0-9A-F]{2,}\b)",
    re.I,
)
_OTHER_SCRIPT = re.compile(r"[^\W\d_a-zA-Z\u00c0-\u024f]")
_SPACED = re.compile(r"(?<=\d)[ \u00a0\u2009\u202f](?=\d{3}(?!\d))")  # 10 000
_MIXED = re.compile(r"(?<![\d./^] )(?<![\d./^])(\d{1,9}) (\d{1,9}/\d{1,9})(?![\d/.])")
_VULGAR = re.compile(r"(\d{1,9})? ?([\u00bc-\u00be\u2150-\u215e])")
_RAISED = re.compile(r"(?<=[\d)])[\u207a\u207b]?[\u00b2\u00b3\u00b9\u2070\u2074-\u2079]{1,4}")
_COLON = re.compile(r"\d ?: ?\d")
_SEVERAL = re.compile(r"\bor\b|\\pm|\\mp|\u00b1", re.I)
_DEGREES = re.compile(r"\\circ|\u00b0|\bdegrees?\b", re.I)
_BOUND = re.compile(
    r"(?:\b(?:at least|at most|(?:more|less|fewer|greater|larger|smaller|lower|higher) than|up to|not|over|under|below|"
    r"above|beyond|almost|nearly|within|past|minimum(?: of)?|maximum(?: of)?)|n't|n\u2019t|[<>\u2264\u2265]|\\[lg]eq?)"
    r"[\s$=]{0,4}-?\d|\d\+(?!\s*\d)|\d or (?:more|less|fewer)\b",
    re.I,
)
_DENIED = re.compile(
    r"\b(?:(?:is|was|are|be)(?:n't|n\u2019t| not)|wrong|incorrect|false|mistaken)\b|"
    r"\bnot (?:right|correct|the answer)\b",
    re.I,
)
# Of what is no answer by itself: a denial beside a number, a question.
_TURNED = re.compile(
    r"(?=.*\d).*?\b(?:not|never|neither|nor|except|opposite|anything but|other than|rather than|instead of|mistake)\b"
    r"|(?=.*\d).*?n['\u2019]t\b|.*\?\W*$",
    re.I | re.S,
)
# A number in more than one token.
_WRITTEN_OUT = re.compile(
    r"\d ?/ ?\d|\\[dt]?frac|10 ?(?:\^|\*\*)|10[\u2070-\u2079\u00b2\u00b3\u00b9]|\d[ ',.\u00a0]\d{3}|%"
)
_FIRST_LINE_CHARS = 80
_PART = re.compile(r"\b(?:an?|one|per|the) ([a-z]{3,12})\b", re.I)
_LETTER_SCALE = re.compile(r"\d ?[kKMBT](?![^\W_])")
_DATE = re.compile(
    r"(?<![\d/.-])(?:\d{4}([-/.])\d{1,2}\1\d{1,2}|\d{1,2}([-/.])\d{1,2}\2(?:\d{4}|\d{2}))(?![\d/.-]*\d)"
)
_WORD = re.compile(r"[^\W\d_]{3,}")
_SAYS_NOTHING = frozenset((
    "the", "and", "are", "answer", "total", "about", "approximately", "approx", "exactly", "only", "left", "there",
    "has", "have", "was", "equals", "equal", "per", "each", "for", "text", "frac", "right",
))  # fmt: skip
_RANGE = re.compile(r"[$]?\d[\d.,]{0,20} ?[-\u2013] ?[$]?\d[\d.,]{0,20}[ %a-z]{0,20}", re.I)
_POINTS = re.compile(r"(?<![\d.,])\d{1,3}(?:\.\d{3}){1,6}(?![\d.,])")
_FLOATING = 10**9
_ROUNDED_FROM = 1000
_ARITHMETIC = frozenset(("number", "operator", "open", "close", "percent"))
_FUNCTIONS = frozenset(("sqrt", "sin", "cos", "tan", "log", "ln", "exp", "pi", "abs", "e"))


def compared(reference: str, answer: str) -> tuple[Verdict, str]:
    """What exact reading says of an answer beside the reference, and why."""
    if _same(reference) == _same(answer):
        return "equal", "the same text"
    if (wanted := _CHOICE.fullmatch(reference.strip())) is not None:
        return compared_choices(wanted.group(1).upper(), answer.strip())
    if (why := several_readings(reference, answer)) is not None:
        return "unsure", why
    right = _numbers(reference)
    if right is None or len(right) != 1:
        return "symbolic", "the reference is no single number"
    found = _numbers(answer)
    if found is None:
        return "symbolic", "the answer is no plain number"
    if not found:
        if _NUMBER_WORDS.search(answer) or _OTHER_SCRIPT.search(answer) or "\\" in answer:
            return "symbolic", "the number may be in words"
        if any(is_unit(word) for word in _PART.findall(answer)):
            return "unsure", "it may be one of a unit"
        if any(character.isnumeric() for character in answer):
            return "symbolic", "the number is in other figures"
        return "different", "the answer holds no number"
    others = other_values(answer)
    if right[0] not in found and (right[0] in others or found[0] in other_values(reference)):
        return "unsure", "the one may be the other, written otherwise"
    if len(set(found)) > 1 or (len(found) > 1 and has_decimal_comma(answer)):
        if right[0] in found or any(_may_be_scaled(right[0], one) for one in others):
            return "unsure", "the answer holds several numbers"
        if "%" in answer and any(right[0] in (one * 100, one / 100) for one in found):
            return "unsure", "the answer holds several numbers, and one may be it in per cent"
        return "different", "none of the answer's numbers is the right one"
    return _of_numbers(right[0], found[0], reference, answer)


def mentioned(reference: str, text: str) -> bool:
    """Whether a text may hold the number that is right; true where that cannot be told."""
    right = _numbers(reference)
    if right is None or len(right) != 1 or _NUMBER_WORDS.search(text.rpartition("\n")[2]):
        return True
    first = text.lstrip().partition("\n")[0]
    if len(first) <= _FIRST_LINE_CHARS and _NUMBER_WORDS.search(first):
        return True
    if (right[0].denominator != 1 or abs(right[0]) >= _ROUNDED_FROM) and _WRITTEN_OUT.search(text):
        return True
    found = [token.value for token in tokens(plain(text)) if token.kind == "number"]
    return any(_may_be_rounded(right[0], one, reference) or one in (right[0], -right[0]) for one in found)


def number_of(text: str) -> Fraction | None:
    """The one number that a short answer is, or None."""
    found = _numbers(text)
    return found[0] if found is not None and len(set(found)) == 1 else None


def _of_numbers(right: Fraction, found: Fraction, reference: str, answer: str) -> tuple[Verdict, str]:
    if right == found:
        why = _not_the_same(reference, answer)
        return ("equal", "the same number") if why is None else ("unsure", why)
    if ("%" in reference) != ("%" in answer) and right in (found * 100, found / 100):
        return "equal", "the same number, in per cent"
    if why := _may_be_the_same(right, found, reference, answer):
        return "unsure", why
    return "different", "another number"


def _not_the_same(reference: str, answer: str) -> str | None:
    """Why the same number may be another answer: a bound, a denial, another unit, scale or thing."""
    if (_BOUND.search(answer) is None) != (_BOUND.search(reference) is None):
        return "the one is a bound, or denied"
    if _DENIED.search(answer):
        return "it may be denied"
    if names_other_unit(reference, answer):
        return "another unit is named"
    if (_LETTER_SCALE.search(answer) is None) != (_LETTER_SCALE.search(reference) is None):
        return "a letter behind the one may be a scale"
    wanted, said = _words(reference), _words(answer)
    return "other words stand beside it" if wanted and said and not wanted & said else None


def _may_be_the_same(right: Fraction, found: Fraction, reference: str, answer: str) -> str | None:
    """How another number may be the same answer: rounded, grouped, in words for its sign, in another unit."""
    scales = [Fraction(1)]
    if "%" in reference + answer or min(abs(right), abs(found)) <= 1:
        scales += [Fraction(100), Fraction(1, 100)]
    if any(
        _may_be_rounded(right, found * scale, reference) or _may_be_rounded(found, right * scale, answer)
        for scale in scales
    ):
        return "the one may be the other, rounded"
    if (
        abs(right - found) * _FLOATING < abs(right)
        or _is_grouped(right, answer)
        or _is_grouped(found, reference)
    ):
        return "the one may be the other, written otherwise"
    if right == -found and (may_be_below_zero(answer) or may_be_below_zero(reference)):
        return "words may tell the sign"
    if _may_be_scaled(right, found):
        return "the one may be the other in per cent"
    if _RANGE.fullmatch(answer.strip()) or _RANGE.fullmatch(reference.strip()):
        return "it may be a range"
    if may_be_units(right, found, f"{reference} {answer}"):
        return "the one may be the other in another unit"
    return None


def _may_be_scaled(one: Fraction, other: Fraction) -> bool:
    """Whether a share is told as a share and in per cent."""
    small, large = sorted((abs(one), abs(other)))
    return one == other or (0 < small <= 1 and large == 100 * small and (one < 0) == (other < 0))


def _words(text: str) -> set[str]:
    """The beginnings of the words of a text that say what a number is of."""
    said = {word.casefold() for word in _WORD.findall(text)} - _SAYS_NOTHING
    return {word[:4] for word in said if word.rstrip("s") not in _SCALES and not is_unit(word)}


def several_readings(reference: str, answer: str) -> str | None:
    """Why no comparison of values tells it: a ratio or a time, one of several answers, degrees; None where one does."""
    if _COLON.search(reference) or _COLON.search(answer):
        return "it may be a ratio or a time"
    if _DATE.search(reference) or (_DATE.search(answer) and not _DATE.sub("", answer).strip(" .")):
        return "it may be a date"
    if _TURNED.match(answer) and not _TURNED.match(reference):
        return "it may be denied, or a question"
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
    """Whether `written` is `other` to the places that it has, rounded, cut, or rounded on the way.

    Whole numbers are taken as they are, but for whole per cents and for those of four and more digits.
    """
    units = [token.unit for token in tokens(plain(text)) if token.kind == "number"]
    if not units:
        return False
    unit = min(units) * (Fraction(1, 100) if "%" in text and abs(written) < 1 else 1)
    if unit < 1:
        off = abs(written - other)
        return off < unit or (off == unit <= Fraction(1, 100))
    return abs(written) >= _ROUNDED_FROM and abs(written - other) <= Fraction(1, 2)


def _same(text: str) -> str:
    return " ".join(text.replace("$", "").split()).casefold().rstrip(".")


def _numbers(text: str) -> list[Fraction] | None:
    """The values of all arithmetic in a text; None where it is more than numbers and words.

    Behind an equals sign only the last side counts.
    """
    text = _RAISED.sub(_as_power, text.replace("{,}", ",").replace("\\,", " "))
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


def _as_power(match: re.Match[str]) -> str:
    """`10\u2076` as 10^(6)."""
    return f"^({unicodedata.normalize('NFKC', match.group())})"


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
