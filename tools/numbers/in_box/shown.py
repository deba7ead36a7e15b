"""Numbers as a reader can use them: exact where that is short, else rounded to so many digits, which is said."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fractions import Fraction

# An equation that is off by less than 1e-12 of its value is not called wrong: so many digits tell the two sides apart.
DIGITS = 15
SHORT_CHARS = 24
MAX_WHOLE_BITS = 12_000
_LARGEST_EXPONENT = 999_999


def exact(value: Fraction) -> str | None:
    """A whole number, a decimal or a fraction of at most 24 characters; None where the value has none."""
    if max(abs(value.numerator), value.denominator).bit_length() > 4 * SHORT_CHARS:
        return None
    places = _places(value)
    text = str(value) if not places else f"{rounded(value, SHORT_CHARS * 2):f}"
    return text if len(text) <= SHORT_CHARS else None


def rounded(value: Fraction, digits: int = DIGITS) -> Decimal:
    """The value to so many significant digits."""
    context = Context(digits, ROUND_HALF_EVEN, Emin=-_LARGEST_EXPONENT, Emax=_LARGEST_EXPONENT)
    return context.divide(Decimal(value.numerator), Decimal(value.denominator))


def in_words(value: Fraction) -> str:
    """The exact value where it is short, else `about 1.2345 (15 digits)`."""
    short = exact(value)
    return f"about {rounded(value)} ({DIGITS} digits)" if short is None else short


def told(value: Fraction) -> dict[str, str | int]:
    """`exact` where that is short; `decimal` and its number of `digits` where no short decimal is exact.

    `whole` is what to compare with where there is no `exact`, and is for no reader; without it the value is too long.
    """
    short = exact(value)
    found: dict[str, str | int] = {} if short is None else {"exact": short}
    if short is None or "/" in short:
        found.update(decimal=str(rounded(value)), digits=DIGITS)
    if short is None and max(abs(value.numerator), value.denominator).bit_length() < MAX_WHOLE_BITS:
        found["whole"] = str(value)
    return found


def _places(value: Fraction) -> int:
    """How many decimals the value has; 0 for a whole number, and for one whose decimals do not end."""
    rest, twos, fives = value.denominator, 0, 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    return max(twos, fives) if rest == 1 else 0
