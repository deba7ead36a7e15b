"""Whatever calculation is written: a true one is never refuted, a wrong one of whole numbers is, values are exact."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tools.numbers.in_box.arithmetic import NoValue, value_of
from tools.numbers.in_box.equations import equations_in
from tools.numbers.in_box.readings import compared
from tools.numbers.in_box.shown import in_words, told
from tools.numbers.in_box.tokens import plain, tokens

Expression = tuple[str, Fraction]

# what may stand around a calculation without a change of what it says
FRAMES = (
    "{}", "So {}.", "1. {}", "1) {}", "- {}", "* {}", "**{}**", "${}$", "Step 2: {}", "Step 2 - {}", "Week 3 - {}",
    "[4] {}", "Then {}, which is right.", "| 3 | {} |", "{} apples", "{} (of 20)", "({})", "Total cost: {} dollars",
    "Hence, {} cm.", "For 2024: {}", "{}; next", "In 1999, {}", "he has {} left",
)  # fmt: skip
PLAIN_FRAMES = ("{}", "So {}.", "1. {}", "1) {}", "* {}", "**{}**", "${}$", "Step 2: {}", "{} apples", "({})")
SIGNS = {
    "*": ("*", " * ", " x ", " \u00d7 ", "\u00b7"),
    "/": ("/", " / ", " \u00f7 "),
    "+": ("+", " + "),
    "-": (" - ", " \u2212 "),
}


def _written(number: Fraction) -> str:
    return f"{number.numerator}" if number.denominator == 1 else f"{float(number):.10f}".rstrip("0")


NUMBERS = st.one_of(
    st.integers(0, 9_999_999).map(lambda n: (f"{n}", Fraction(n))),
    st.integers(1000, 99_999_999).map(lambda n: (f"{n:,}", Fraction(n))),
    st.integers(1, 99_999).map(lambda n: (_written(Fraction(n, 100)), Fraction(n, 100))),
)


@st.composite
def joined(draw: st.DrawFn, parts: st.SearchStrategy[Expression]) -> Expression:
    (left, one), (right, other) = draw(parts), draw(parts)
    sign = draw(st.sampled_from("+-*" + ("/" if other else "")))
    between = draw(st.sampled_from(SIGNS[sign]))
    value = {"+": one + other, "-": one - other, "*": one * other, "/": one / other if other else one}[sign]
    return f"{_bracketed(left)}{between}{_bracketed(right)}", value


def _bracketed(text: str) -> str:
    return text if text.replace(",", "").replace(".", "").isdecimal() else f"({text})"


EXPRESSIONS = joined(st.one_of(NUMBERS, joined(NUMBERS)))


def _shown(value: Fraction, places: int, *, cut: bool) -> str:
    """A value to so many places, rounded or cut."""
    scaled = value * 10**places
    whole = int(scaled) if cut else round(scaled)
    digits = str(abs(whole)).rjust(places + 1, "0")
    text = f"{digits[:-places]}.{digits[-places:]}" if places else digits
    return f"-{text}" if whole < 0 else text


@given(EXPRESSIONS, st.sampled_from(FRAMES), st.integers(0, 6), st.booleans(), st.booleans())
@settings(max_examples=400, deadline=None)
def test_a_true_calculation_is_never_refuted(
    expression: Expression, frame: str, places: int, cut: bool, turned: bool
) -> None:
    left, value = expression
    right = _shown(value, places, cut=cut)
    line = frame.format(f"{right} = {left}" if turned else f"{left} = {right}")
    assert [one.left for one in equations_in(line, 9)[0] if one.verdict == "wrong"] == [], line


@given(
    st.integers(20, 999),
    st.integers(20, 999),
    st.sampled_from("+*"),
    st.integers(2, 19),
    st.sampled_from(PLAIN_FRAMES),
)
@settings(max_examples=300, deadline=None)
def test_a_wrong_calculation_of_whole_numbers_is_refuted(
    one: int, other: int, sign: str, off: int, frame: str
) -> None:
    value = one + other if sign == "+" else one * other
    line = frame.format(f"{one} {sign} {other} = {value + off}")
    assert [found.verdict for found in equations_in(line, 9)[0]] == ["wrong"], line


@given(EXPRESSIONS)
@settings(max_examples=300, deadline=None)
def test_an_expression_has_its_exact_value(expression: Expression) -> None:
    assert value_of(tokens(plain(expression[0]))).exact == expression[1]


@given(
    NUMBERS,
    st.sampled_from(("{}", "${}$", "{}.", "x = {}", "{} apples", "+{}", "**{}**", "about {}", "({} + 0)")),
)
@settings(max_examples=300, deadline=None)
def test_the_right_number_is_never_refuted_and_another_never_confirmed(
    number: Expression, frame: str
) -> None:
    text, value = number
    reference = str(value)
    assert compared(reference, frame.format(text))[0] in ("equal", "unsure")
    assert compared(reference, frame.format(_shown(value + 7, 2, cut=False)))[0] != "equal"
    assert compared(str(value + 7), frame.format(text))[0] != "equal"


@given(st.integers(0, 10**9), st.integers(1, 6))
@settings(max_examples=200, deadline=None)
def test_groups_of_digits_and_decimal_commas_refute_nobody(number: int, places: int) -> None:
    value = Fraction(number, 10**places)
    whole, decimals = _shown(value, places, cut=True).split(".")
    for sign in (".", "'", " ", "\u00a0", ""):
        grouped = f"{int(whole):,}".replace(",", sign)
        assert compared(_shown(value, places, cut=True), f"{grouped},{decimals}")[0] != "different", grouped


@given(
    st.text(alphabet="0123456789+-*/^().,%=xe$<>| \\{}\n\u00b2\u00bd\u2212", max_size=120),
    st.text(max_size=20),
)
@example("9^9^9^9", "")
@example("\\frac{" * 60, "")
@example("((((" * 100, "))")
@settings(max_examples=400, deadline=None)
def test_no_text_breaks_the_readers(text: str, more: str) -> None:
    told: list[Any] = [(one.left, one.verdict) for one in equations_in(text + more, 50)[0]]
    told.append(compared(text, more or text))
    try:
        told.append(str(value_of(tokens(plain(text))).exact)[:100])
    except NoValue as error:
        told.append(str(error))
    assert json.dumps(told)


@pytest.mark.parametrize("size", [1, 17])
def test_long_lines_take_linear_time(size: int) -> None:
    """A line is read to its first 4000 characters; a text is read to the end."""
    line = "1 + " * 1000 * size + "1 = 2\n"
    found, cut = equations_in(line * 20, 10**6)
    assert (found, cut) == ([], True)


@given(
    value=st.fractions()
    | st.fractions(max_denominator=1000)
    | st.decimals(allow_nan=False, allow_infinity=False).map(Fraction)
)
def test_what_is_shown_of_a_value_is_the_value_or_says_how_far_it_is_rounded(value: Fraction) -> None:
    found = told(value)
    if "exact" in found:
        assert Fraction(found["exact"]) == value
        assert in_words(value) == found["exact"]
    else:
        assert Fraction(found["whole"]) == value
    if "decimal" in found:
        assert abs(Fraction(found["decimal"]) - value) <= abs(value) / 10 ** (found["digits"] - 1)
