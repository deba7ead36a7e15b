"""Numbers that a text tells otherwise than in plain digits: in words, with a multiplier, as a fraction, rounded.

What is found here is what a text may mean; it is never sure. Words are English, with the small numbers of a few other
languages.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal

# fmt: off
_UNITS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ORDINALS = (
    "zeroth", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
    "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth",
    "nineteenth",
)
_OTHERS = {
    "a": 1, "an": 1, "single": 1, "once": 1, "couple": 2, "pair": 2, "both": 2, "twice": 2, "double": 2, "twofold": 2,
    "triple": 3, "thrice": 3, "fourty": 40, "nil": 0, "nothing": 0, "free": 0, "none": 0, "nought": 0, "naught": 0,
    "noon": 12, "midnight": 0,
}
_FOREIGN = (
    ("null", "nul", "cero"), ("eins", "un", "uno", "une", "una"), ("zwei", "deux", "dos", "due", "twee"),
    ("drei", "trois", "tres", "tre", "drie"), ("vier", "quatre", "cuatro", "quattro"),
    ("f\u00fcnf", "fuenf", "cinq", "cinco", "cinque", "vijf"), ("sechs", "seis", "sei", "zes"),
    ("sieben", "sept", "siete", "sette", "zeven"), ("acht", "huit", "ocho", "otto"), ("neun", "neuf", "nueve", "nove"),
    ("zehn", "dix", "diez", "dieci", "tien"), ("elf", "onze", "once", "undici"),
    ("zw\u00f6lf", "douze", "doce", "dodici"),
)
_FOREIGN_TENS = (
    ("zwanzig", "vingt", "veinte", "venti", "twintig"), ("drei\u00dfig", "dreissig", "trente", "treinta", "trenta"),
    ("vierzig", "quarante", "cuarenta", "quaranta"), ("f\u00fcnfzig", "cinquante", "cincuenta", "cinquanta"),
    ("sechzig", "soixante", "sesenta", "sessanta"), ("siebzig", "septante", "setenta", "settanta"),
    ("achtzig", "huitante", "ochenta", "ottanta"), ("neunzig", "nonante", "noventa", "novanta"),
)
# fmt: on
_FOREIGN_LARGE = {
    "hundert": 100,
    "cent": 100,
    "cien": 100,
    "cento": 100,
    "tausend": 1000,
    "mille": 1000,
    "mil": 1000,
}
_SMALL: dict[str, int] = {
    **{word: value for value, word in enumerate(_UNITS)},
    **{word: value for value, word in enumerate(_ORDINALS)},
    **{word: 10 * value for value, word in enumerate(_TENS, 2)},
    **{f"{word[:-1]}ieth": 10 * value for value, word in enumerate(_TENS, 2)},
    **_OTHERS,
}
_ELSEWHERE: dict[str, int] = {
    **{word: value for value, words in enumerate(_FOREIGN) for word in words},
    **{word: 10 * value for value, words in enumerate(_FOREIGN_TENS, 2) for word in words},
    **_FOREIGN_LARGE,
}
_LARGE: dict[str, int] = {
    "hundred": 100, "hundredth": 100, "thousand": 1000, "thousandth": 1000, "grand": 1000, "k": 1000, "lakh": 100_000,
    "million": 10**6, "millions": 10**6, "mn": 10**6, "mio": 10**6, "mil": 10**6, "m": 10**6, "mm": 10**6,
    "crore": 10**7, "billion": 10**9, "bn": 10**9, "b": 10**9, "trillion": 10**12, "dozen": 12, "score": 20,
    "hundreds": 100, "thousands": 1000, "dozens": 12,
}  # fmt: skip
_PARTS = {"half": Decimal("0.5"), "quarter": Decimal("0.25"), "quarters": Decimal("0.25"), "third": Decimal(1) / 3,
          "halves": Decimal("0.5"), "tenth": Decimal("0.1"), "tenths": Decimal("0.1"), "fifth": Decimal("0.2"),
          "fifths": Decimal("0.2"), "thirds": Decimal(1) / 3}  # fmt: skip
_TOKEN = re.compile(r"\d+(?:\.\d+)?(?:e[+-]?\d{1,2})?|[^\W\d_]+|%")
_CENTS = re.compile(
    r"(?<!\d)(\d{1,12})[^\w.]{0,3}(?:[a-z$\u20ac\u00a3]{1,12} )?(?:and )?(\d{1,2}) ?(?:cents?|pence|pennies|ct)\b"
)
_POWER = re.compile(r"(?<!\d)(\d{1,12}(?:\.\d{1,12})?) ?(?:x|\*|\u00d7) ?10 ?\^? ?(\d{1,2})\b")
_FRACTION = re.compile(r"(?<!\d)(?:(\d{1,12}) )?(\d{1,4})/(\d{1,4})(?![\d/])")
_WORDS_OF_NUMBERS = frozenset({*_SMALL, *_LARGE, *_PARTS})
MAX_TOKENS_OF_A_NUMBER = 16
MAX_DIGITS = 18


def worded_numbers(text: str) -> Iterator[str]:
    """What numbers a plain text may mean beside those in digits, in canonical writing."""
    for found in _CENTS.finditer(text):
        yield f"{int(found[1])}.{int(found[2]):02d}".rstrip("0").rstrip(".")
    for found in _POWER.finditer(text):
        yield _canonical(Decimal(found[1]).scaleb(int(found[2])))
    for found in _FRACTION.finditer(text):
        if int(found[3]):
            yield _canonical(Decimal(found[1] or 0) + Decimal(found[2]) / Decimal(found[3]))
    tokens = [found.group() for found in _TOKEN.finditer(text)]
    for token in tokens:
        if token in _ELSEWHERE:
            yield str(_ELSEWHERE[token])
    yield from _runs(tokens)


def western_digits(text: str) -> str:
    """The text with the digits of every script as 0 to 9, and fractions of one sign (one half) written out."""
    if text.isascii():
        return text
    return "".join(_western(sign) for sign in text)


def is_rounding(wanted: str, told: str) -> bool:
    """Whether the one number is the other rounded, where that one has at least three decimal places."""
    if not (wanted and told) or max(len(wanted), len(told)) > MAX_DIGITS:
        return False
    one, other = Decimal(wanted), Decimal(told)
    fine, coarse = (one, other) if _places(one) > _places(other) else (other, one)
    if _places(fine) < 3 or _places(fine) == _places(coarse):
        return False
    return fine.quantize(Decimal(1).scaleb(-_places(coarse)), ROUND_HALF_UP) == coarse


def _runs(tokens: list[str]) -> Iterator[str]:
    """The numbers of runs of words (one hundred and five), and of each word of them by itself."""
    run: list[str] = []
    for token in [*tokens, ""]:
        if len(token) <= 2 and token in _LARGE and not (run and run[-1][:1].isdigit()):
            token = ""  # `m` and `k` are sizes behind digits alone
        if (
            token in _WORDS_OF_NUMBERS
            or token[:1].isdigit()
            or (run and token in ("and", "%", "percent", "point"))
        ):
            run.append(token)
            continue
        if set(run) - {"a", "an", "and"}:
            yield from _of_run(run)
        run = []


def _of_run(run: list[str]) -> Iterator[str]:
    if all(token[:1].isdigit() for token in run):
        yield from (_canonical(Decimal(token)) for token in run if "e" in token)
        return
    yield from (str(_SMALL[token]) for token in run if 0 < _SMALL.get(token, 0) < 20)
    for start in range(len(run)):
        part = run[start : start + MAX_TOKENS_OF_A_NUMBER]
        if (
            start
            and run[start - 1] not in ("and", "a", "an", "or")
            and not _may_begin(run[start - 1], part[0])
        ):
            continue
        value = _value(part)
        if value is not None:
            yield _canonical(value)
            if part[-1] in ("%", "percent"):
                yield _canonical(value / 100)


def _may_begin(before: str, word: str) -> bool:
    """Whether a number may begin after another one: "two twenty", not "twenty five"."""
    small, other = _SMALL.get(before, 0), _SMALL.get(word, 0)
    return before not in _LARGE and word not in _LARGE and not (small >= 20 and 0 < other < 10)


def _value(words: list[str]) -> Decimal | None:
    """The value of words in the order of English; None for words without a number."""
    total = current = Decimal(0)
    seen = False
    for word in words:
        if word[0].isdigit():
            current, seen = current + Decimal(word), True
        elif word in _LARGE:
            size, seen = _LARGE[word], True
            current = (current or Decimal(1)) * size
            if size >= 1000:
                total, current = total + current, Decimal(0)
        elif word in ("half", "quarter", "halves", "quarters") or (word in _PARTS and seen):
            current, seen = (current * _PARTS[word] if word.endswith("s") else current + _PARTS[word]), True
        elif word in _SMALL:
            current, seen = current + (0 if word in ("a", "an") else _SMALL[word]), True
    return total + current if seen else None


def _western(sign: str) -> str:
    if sign.isdigit() and not sign.isascii():
        return str(unicodedata.digit(sign))
    if unicodedata.category(sign) == "No" and unicodedata.numeric(sign, 1.0) % 1:
        return f" {_fraction_of(sign)} "
    return sign


def _fraction_of(sign: str) -> str:
    return unicodedata.normalize("NFKC", sign).replace("\u2044", "/")


def _places(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return -exponent if isinstance(exponent, int) and exponent < 0 else 0


def _canonical(number: Decimal) -> str:
    if number.adjusted() > MAX_DIGITS or number.adjusted() < -6:
        return "0" if not number else ""
    text = format(round(number, 6), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
