"""What else a written calculation may mean: why one whose two sides differ may be right as its writer meant it.

Speaks for a calculation, never against one. Knows running totals worked out from left to right, labels and list marks
before a calculation, points that part thousands, powers of ten, exclusive or, spans, clocks and signs in brackets.
"""

from __future__ import annotations

import re
from fractions import Fraction

from tools.numbers.in_box.arithmetic import NoValue, value_of
from tools.numbers.in_box.tokens import Token

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_POINTED = re.compile(r"\d{1,3}\.\d{3}")
_NUMBERED = re.compile(r"(\d{1,2})\.(\d{1,9})")
_TIMES_OF_DAY = re.compile(
    r"\b(?:[ap]\.?m\b|o'?\u2019?clock|hours?|hrs?|noon|midnight|morning|evening|night|time)", re.I
)
_SPANS = re.compile(
    r"\b(?:pages?|chapters?|items?|days?|weeks?|months?|years?|rows?|digits|lines?|numbers?|pp)\b", re.I
)
_SIGNLESS = re.compile(
    r"\b(?:less|more|fewer|lower|higher|below|above|short|behind|ahead|difference|deficit|loss|lost|owes?|debt|decreas\w*|"
    r"drop\w*|gap|apart|between|farther|further|under|over|negative|minus|distance|away|overdrawn|red|years?|age|older|"
    r"younger)\b",
    re.I,
)
_HALF_DAY = 12


def other_meaning(
    left: Sequence[Token], right: Sequence[Token], line: str, near: Callable[[Fraction, Fraction], bool]
) -> str | None:
    """Why the two sides may be equal as they were meant, or None; `near` says what rounding explains."""
    try:
        one, other = value_of(left).exact, value_of(right).exact
    except NoValue:
        return None
    for why, sides in _readings(left, right):
        if any(near(meant, said) for meant, said in sides):
            return why
    return _of_span(left, right, one, other, line)


def _readings(
    left: Sequence[Token], right: Sequence[Token]
) -> Iterator[tuple[str, list[tuple[Fraction, Fraction]]]]:
    """Both sides as they may be read otherwise, and how."""
    for why, read in (
        ("worked out from left to right", _from_left),
        ("points part thousands", _thousands),
        ("powers of ten bind first", _scientific),
        ("a sign binds before a power", _signed_power),
        ("it may be exclusive or", _exclusive_or),
    ):
        as_read = read(left), read(right)
        plainly = _value(left), _value(right)
        sides = [(as_read[0], plainly[1]), (plainly[0], as_read[1]), as_read]
        yield why, [(one, other) for one, other in sides if one is not None and other is not None]
    wanted = _value(right)
    starts = [value for rest in _behind_labels(left) if (value := _value(rest)) is not None]
    yield "a label stands before it", [(value, wanted) for value in starts if wanted is not None]


def _value(side: Sequence[Token]) -> Fraction | None:
    try:
        return value_of(side).exact
    except NoValue:
        return None


def _from_left(side: Sequence[Token]) -> Fraction | None:
    """Each operation in its turn, as a pocket calculator does it; None where there are brackets, powers or signs."""
    if len(side) % 2 == 0 or any(token.kind != "number" for token in side[::2]):
        return None
    total = side[0].value
    for sign, number in zip(side[1::2], side[2::2], strict=True):
        if sign.text in "+-":
            total += number.value if sign.text == "+" else -number.value
        elif sign.text == "*":
            total *= number.value
        elif sign.text == "/" and number.value:
            total /= number.value
        else:
            return None
    return total


def _thousands(side: Sequence[Token]) -> Fraction | None:
    """1.500 as 1500."""
    if not any(_POINTED.fullmatch(token.text) for token in side):
        return None
    return _value([_number(t.text.replace(".", "")) if _POINTED.fullmatch(t.text) else t for t in side])


def _scientific(side: Sequence[Token]) -> Fraction | None:
    """`6 * 10^3 / 2 * 10^2` as one number over another."""
    found: list[Token] = []
    place = 0
    while place < len(side):
        texts = [token.text for token in side[place + 1 : place + 4]]
        if side[place].kind == "number" and texts == ["*", "10", "^"]:
            end = place + 5 + (side[place + 4 : place + 5] != [] and side[place + 4].text in "+-")
            found += [Token("open", "(", False), *side[place:end], Token("close", ")", False)]
            place = end
        else:
            found.append(side[place])
            place += 1
    return _value(found) if len(found) > len(side) else None


def _signed_power(side: Sequence[Token]) -> Fraction | None:
    """-2^2 as (-2)^2."""
    if [token.text for token in side[:1]] != ["-"] or [token.text for token in side[2:3]] != ["^"]:
        return None
    return _value([Token("open", "(", False), *side[:2], Token("close", ")", False), *side[2:]])


def _exclusive_or(side: Sequence[Token]) -> Fraction | None:
    """6 ^ 3 as it is in many programming languages."""
    if len(side) != 3 or side[1].text != "^" or any(not token.text.isdecimal() for token in side[::2]):
        return None
    return Fraction(int(side[0].text) ^ int(side[2].text))


def _behind_labels(left: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """`2 - 5 + 3`, `[2] - 5 + 3`, `1. 5 + 3` and `-5 + 3` without what may be the number or the mark of a line."""
    texts = [token.text for token in left]
    if texts[0] in "-+":
        yield left[1:]
    for size in (1, 3):
        labels = (
            left[0].kind == "number" if size == 1 else left[0].kind == "open" and texts[2:3] in (["]"], [")"])
        )
        if labels and texts[size : size + 1] == ["-"] and left[size].spaced and left[size + 1].spaced:
            yield from (left[size + 1 :], left[size:])
    if (match := _NUMBERED.fullmatch(texts[0])) is not None:
        yield [_number(match.group(2)), *left[1:]]


def _of_span(
    left: Sequence[Token], right: Sequence[Token], one: Fraction, other: Fraction, line: str
) -> str | None:
    """A difference whose sign is left out, counts both ends, or goes round the clock."""
    brackets = [right[0].kind, right[-1].kind] == ["open", "close"]
    if one == -other and (brackets or _SIGNLESS.search(line)):
        return "the sign alone"
    if (other - one) % _HALF_DAY == 0 or (other + one) % _HALF_DAY == 0:
        whole = one.denominator == 1 and other.denominator == 1
        if whole and abs(other) <= 2 * _HALF_DAY and _TIMES_OF_DAY.search(line):
            return "the clock begins anew"
    if [token.kind for token in left] == ["number", "operator", "number"] and left[1].text == "-" and one < 0:
        closely = not left[1].spaced and not left[2].spaced
        named = _SPANS.search(line) or _TIMES_OF_DAY.search(line)
        if (closely and named and other == -one) or (other == 1 - one and (closely or named)):
            return "it may be a span"
    return None


def _number(text: str) -> Token:
    return Token("number", text, False)
