"""Compares two mathematical texts by sympy and math-verify.

LaTeX is read by latex2sympy2_extended's grammar, other text by `plain_math.py`: neither runs text as Python. What is
not shown to be equal is different only where numbers tell it: two closed values, or a point at which two
formulas differ.
"""

from __future__ import annotations

import logging
import re
from fractions import Fraction

import sympy
from latex2sympy2_extended import latex2sympy
from math_verify import verify
from sympy.matrices import MatrixBase

from tools.numbers.in_box.plain_math import NotRead, read_plain
from tools.numbers.in_box.shown import DIGITS as SHOWN_DIGITS
from tools.numbers.in_box.shown import told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal

    Verdict = Literal["equal", "different", "unsure"]

DIGITS = 40
MAX_FORM_CHARS = 2000
# above zero: what differs below it may be the same where the names are lengths, ages or prices
_POINTS = (("7/5", "11/3"), ("13/6", "5/7"), ("17/9", "23/8"))
_BRACKETS = re.compile(r"\s*(?:\\left\s*)?\\?([(\[{])?")
_LATEX = ("\\", "^{", "_{", "}{")
_PLACES = re.compile(r"\.(\d{1,40})")
# 1.5e6 and 7 1/4 are products to the grammar of LaTeX.
_RUN_ON = re.compile(r"\d[eE][+-]?\d|\d\s+\d")
# Without a base it is of 10, of e or of 2, by who writes it.
_LOG = re.compile(r"\\?(?<![a-zA-Z])log(?![a-zA-Z]|\s*_)")
_BASES = (r"\ln ", r"\log_{10} ", r"\log_{2} ")
_VALUES_OF_PI = tuple(map(sympy.Rational, ("3", "3.14", "3.1416", "3.14159", "22/7")))
_SMALL = sympy.Rational(1, 10**15)
logging.disable(logging.CRITICAL)  # what it prints is its answer


def read(text: str) -> Any:
    """A sympy object. Raises NotRead."""
    text = text.strip().strip("$").strip().rstrip(".")
    if not any(sign in text for sign in _LATEX):
        return read_plain(text)
    if _RUN_ON.search(text):
        raise NotRead("a number stands behind another value")
    try:
        return latex2sympy(text.replace("\\$", "").replace("\\%", "/100"))
    except Exception as error:  # the grammar's own errors are many
        raise NotRead(f"no LaTeX that is understood: {type(error).__name__}") from error


def compared(reference: str, answer: str) -> tuple[Verdict, str]:
    """What can be shown of an answer beside the reference, and how."""
    try:
        wanted, given = read(reference), read(answer)
    except NotRead as error:
        return "unsure", str(error)
    wanted, given = _both_sides(wanted, given)
    if (why := _told_by_brackets(wanted, given, reference, answer)) is not None:
        return "unsure", why
    if wanted == given:
        return "equal", "the same expression"
    try:
        if verify(wanted, given, strict=True, float_rounding=12, timeout_seconds=None, raise_on_error=True):
            return "equal", "equal by math-verify"
    except Exception as error:  # noqa: BLE001  a simplification that fails shows nothing
        return "unsure", f"the comparison failed: {type(error).__name__}"
    if getattr(given, "free_symbols", None) and not getattr(wanted, "free_symbols", None):
        return "unsure", "the answer has names that the reference has not: variables, units or words"
    if _is_without_names(wanted, given):
        return "unsure", "the reference may have a unit that the answer leaves out"
    if _may_be_rounded(wanted, given, answer) or _may_be_rounded(given, wanted, reference):
        return "unsure", "the one may be the other, rounded"
    if _may_be_in_degrees(wanted, given):
        return "unsure", "the one may be the other in degrees"
    if not _differ(wanted, given):
        return "unsure", "neither could be shown"
    if _LOG.search(reference + answer) and any(_agree(base, reference, answer) for base in _BASES):
        return "unsure", "a logarithm may be of another base"
    return "different", "values differ"


def evaluated(text: str) -> dict[str, str | int]:
    """An expression in its simplest exact form, and its decimals where it is a number. Raises NotRead.

    The keys are those of `shown.told`; a form of more than 2,000 characters is not shown.
    """
    value = read(text)
    if isinstance(value, (sympy.Expr, MatrixBase)):
        value = sympy.simplify(value)
    if isinstance(value, sympy.Rational):
        return told(Fraction(int(value.p), int(value.q)))
    form = str(value)
    found: dict[str, str | int] = {"exact": form} if len(form) <= MAX_FORM_CHARS else {"chars": len(form)}
    if isinstance(value, sympy.Expr) and value.is_number:
        found.update(decimal=str(sympy.N(value, SHOWN_DIGITS)), digits=SHOWN_DIGITS)
    return found


def _agree(base: str, reference: str, answer: str) -> bool:
    """Whether two texts may be one value where logarithms without a base have this one; also where that is not read."""
    try:
        one, other = (read(_LOG.sub(lambda _: base, text)) for text in (reference, answer))
    except NotRead:
        return True
    return not _differ(*_both_sides(one, other))


def _both_sides(wanted: Any, given: Any) -> tuple[Any, Any]:
    """`x = 3` and `3` are one answer: where only one of the two names its variable, its value is compared."""
    if isinstance(given, sympy.Eq) and not isinstance(wanted, sympy.Eq):
        given = given.rhs if given.lhs.is_Symbol else given
    if isinstance(wanted, sympy.Eq) and not isinstance(given, sympy.Eq):
        wanted = wanted.rhs if wanted.lhs.is_Symbol else wanted
    return wanted, given


def _told_by_brackets(wanted: Any, given: Any, reference: str, answer: str) -> str | None:
    """Why lists cannot be compared: a pair beside an interval, or values whose order may not matter."""
    if not isinstance(wanted, sympy.Tuple) or not isinstance(given, sympy.Tuple):
        return None
    one, other = (_BRACKETS.match(text) for text in (reference, answer))
    kinds = {match.group(1) if match else None for match in (one, other)}
    if len(kinds) > 1 and kinds != {"(", None}:
        return "the brackets differ: a list, a point or an interval"
    if None in kinds and wanted != given and sorted(wanted, key=str) == sorted(given, key=str):
        return "the same values in another order"
    return None


def _differ(one: Any, other: Any) -> bool:
    if isinstance(one, (sympy.Tuple, sympy.FiniteSet)) and isinstance(other, (sympy.Tuple, sympy.FiniteSet)):
        return type(one) is type(other) and _lists_differ(one, other)
    if not (isinstance(one, sympy.Expr) and isinstance(other, sympy.Expr)):
        return False
    names = sorted(one.free_symbols | other.free_symbols, key=str)
    if one.free_symbols != other.free_symbols and one.free_symbols and other.free_symbols:
        return False  # the names may be chosen otherwise
    for points in _POINTS:
        at = {name: sympy.Rational(points[place % 2]) + place for place, name in enumerate(names)}
        left, right = (sympy.N(side.subs(at), DIGITS) for side in (one, other))
        told = left.is_number and right.is_number and left.is_finite and right.is_finite
        if told and abs(left - right) > _SMALL * max(sympy.Integer(1), abs(left)):
            return True
    return False


def _may_be_rounded(exact: Any, written: Any, text: str) -> bool:
    """Whether a number is a closed value to the places that it has, or with one of the usual values for pi.

    A whole number of two and more digits may be a rounded irrational one.
    """
    both = (exact, written)
    if any(not isinstance(one, sympy.Expr) or not one.is_number for one in both):
        return False
    places = _PLACES.findall(text)
    if places:
        unit = sympy.Rational(1, 10 ** max(map(len, places)))
    elif written.is_Integer and abs(written) >= 10 and exact.is_rational is not True:
        unit = sympy.Rational(1, 2)
    elif written.is_rational and exact.has(sympy.pi):
        unit = _SMALL
    else:
        return False
    off = (sympy.N(exact.subs(sympy.pi, pi) - written, DIGITS) for pi in (sympy.pi, *_VALUES_OF_PI))
    return any(bool(abs(one) < unit) for one in off if one.is_real)


def _is_without_names(wanted: Any, given: Any) -> bool:
    """Whether the answer is the number that stands before the names of the reference, as before a unit."""
    if not isinstance(wanted, sympy.Expr) or not isinstance(given, sympy.Expr) or given.free_symbols:
        return False
    number, names = wanted.as_coeff_Mul()
    return bool(names.free_symbols) and not names.is_Add and number == given


def _may_be_in_degrees(one: Any, other: Any) -> bool:
    """Whether an angle is told in degrees and as a part of pi."""
    if not all(isinstance(side, sympy.Expr) and side.is_number for side in (one, other)):
        return False
    if one.has(sympy.pi) == other.has(sympy.pi):
        return False
    turned = (one, other) if one.has(sympy.pi) else (other, one)
    return bool(sympy.simplify(turned[0] * 180 / sympy.pi - turned[1]) == 0)


def _lists_differ(one: Any, other: Any) -> bool:
    """Lists of numbers: of another length, or with an element that is in one of them alone."""
    if any(getattr(item, "free_symbols", True) for item in (*one, *other)):
        return False
    if len(one) != len(other):
        return True
    if isinstance(one, sympy.FiniteSet):
        return any(all(_differ(item, peer) for peer in other) for item in one)
    return any(_differ(item, peer) for item, peer in zip(one, other, strict=True))
