"""Works out arithmetic exactly, and how far off it may be where its decimals were rounded before they were written.

Knows + - * / ^, signs, brackets and per cent; no names. Bounded: what would take long or grow large has no value.
"""

from __future__ import annotations

from fractions import Fraction

from tools.numbers.in_box.tokens import Token

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_TOKENS = 300
MAX_DEPTH = 40
MAX_EXPONENT = 2000
MAX_BITS = 40_000
_PLACES_OF_ROUNDED = Fraction(1, 100)


class NoValue(Exception):
    """What is written is no arithmetic, divides by zero, or grows past a limit. The message says which."""


class Value:
    """An exact value, and the range that it has where decimals of two and more places may be rounded by one unit."""

    __slots__ = ("exact", "high", "low")

    def __init__(self, exact: Fraction, low: Fraction | None = None, high: Fraction | None = None) -> None:
        self.exact = exact
        self.low = exact if low is None else low
        self.high = exact if high is None else high
        if max(abs(self.exact.numerator), self.exact.denominator).bit_length() > MAX_BITS:
            raise NoValue(f"a value has more than {MAX_BITS} bits")


def value_of(tokens: Sequence[Token], *, percent: Fraction = Fraction(1, 100)) -> Value:
    """Work out an expression; `percent` is what a per-cent sign multiplies by. Raises NoValue."""
    if len(tokens) > MAX_TOKENS:
        raise NoValue(f"{len(tokens)} tokens; the limit is {MAX_TOKENS}")
    reader = _Reader(tokens, percent)
    value = reader.sum(0)
    if reader.place < len(tokens):
        raise NoValue(f"{tokens[reader.place].text!r} is out of place")
    return value


class _Reader:
    """Reads by rising precedence: sums, products, signs, powers, atoms."""

    def __init__(self, tokens: Sequence[Token], percent: Fraction) -> None:
        self.tokens = tokens
        self.percent = percent
        self.place = 0

    def sum(self, depth: int) -> Value:
        value = self.product(depth)
        while (sign := self._operator("+-")) is not None:
            value = _added(value, self.product(depth), sign)
        return value

    def product(self, depth: int) -> Value:
        value = self.signed(depth)
        while (sign := self._operator("*/")) is not None:
            right = self.signed(depth)
            value = _times(value, right) if sign == "*" else _times(value, _inverse(right))
        return value

    def signed(self, depth: int) -> Value:
        if depth > MAX_DEPTH:
            raise NoValue(f"nested deeper than {MAX_DEPTH} levels")
        sign = self._operator("+-")
        if sign is None:
            return self.power(depth)
        value = self.signed(depth + 1)
        return value if sign == "+" else Value(-value.exact, -value.high, -value.low)

    def power(self, depth: int) -> Value:
        base = self.atom(depth)
        if self._operator("^") is None:
            return base
        return _power(base, self.signed(depth + 1))

    def atom(self, depth: int) -> Value:
        token = self._next()
        if token.kind == "open":
            value = self.sum(depth + 1)
            if self._next().kind != "close":
                raise NoValue("a bracket is not closed")
        elif token.kind == "number":
            rounded = token.unit <= _PLACES_OF_ROUNDED
            off = token.unit if rounded else Fraction(0)
            value = Value(token.value, token.value - off, token.value + off)
        else:
            raise NoValue(f"{token.text!r} is no number")
        while self.place < len(self.tokens) and self.tokens[self.place].kind == "percent":
            self.place += 1
            value = _times(value, Value(self.percent))
        return value

    def _next(self) -> Token:
        if self.place >= len(self.tokens):
            raise NoValue("it ends too early")
        self.place += 1
        return self.tokens[self.place - 1]

    def _operator(self, signs: str) -> str | None:
        if self.place < len(self.tokens):
            token = self.tokens[self.place]
            if token.kind == "operator" and token.text in signs:
                self.place += 1
                return token.text
        return None


def _added(left: Value, right: Value, sign: str) -> Value:
    if sign == "+":
        return Value(left.exact + right.exact, left.low + right.low, left.high + right.high)
    return Value(left.exact - right.exact, left.low - right.high, left.high - right.low)


def _times(left: Value, right: Value) -> Value:
    ends = [one * other for one in (left.low, left.high) for other in (right.low, right.high)]
    return Value(left.exact * right.exact, min(ends), max(ends))


def _inverse(value: Value) -> Value:
    if not value.exact:
        raise NoValue("it divides by zero")
    exact = 1 / value.exact
    if value.low <= 0 <= value.high:
        return Value(exact)
    return Value(exact, 1 / value.high, 1 / value.low)


def _power(base: Value, exponent: Value) -> Value:
    if exponent.exact.denominator != 1:
        raise NoValue("a power that is no whole number")
    times = exponent.exact.numerator
    bits = max(abs(base.exact.numerator), base.exact.denominator).bit_length()
    if abs(times) > MAX_EXPONENT or abs(times) * bits > MAX_BITS:
        raise NoValue(f"a power past {MAX_EXPONENT}, or of more than {MAX_BITS} bits")
    if times < 0:
        return _inverse(_power(base, Value(Fraction(-times))))
    ends = [base.low**times, base.high**times]
    return Value(base.exact**times, min(ends), max(ends))
