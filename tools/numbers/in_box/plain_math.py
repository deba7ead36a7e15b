"""Reads plain mathematical text into sympy, by a grammar of its own: nothing of it is run as Python.

Knows numbers, names, + - * / ^ !, functions of one argument, equations, and lists in brackets. Bounded.
"""

from __future__ import annotations

import re

import sympy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_TOKENS = 400
MAX_DEPTH = 40
MAX_POWER = 2000
MAX_FACTORIAL = 500
_TOKEN = re.compile(
    r"\s*(?:(\d+(?:\.\d+)?[eE][+-]?\d{1,3}(?![^\W_])|\d+(?:\.\d+)?|\.\d+)|([^\W\d_]+)|(\*\*|[-+*/^!(),=\[\]{}\u00d7\u00f7\u2212\u00b7\u03c0\u221a]))"
)
_FUNCTIONS: dict[str, Any] = {
    "sqrt": sympy.sqrt, "sin": sympy.sin, "cos": sympy.cos, "tan": sympy.tan, "asin": sympy.asin, "acos": sympy.acos,
    "atan": sympy.atan, "arcsin": sympy.asin, "arccos": sympy.acos, "arctan": sympy.atan, "sinh": sympy.sinh,
    "cosh": sympy.cosh, "tanh": sympy.tanh, "exp": sympy.exp, "ln": sympy.log, "log": sympy.log, "abs": sympy.Abs,
}  # fmt: skip
_NAMES: dict[str, Any] = {"pi": sympy.pi, "e": sympy.E, "i": sympy.I, "inf": sympy.oo, "infinity": sympy.oo}
_SAME = {
    "**": "^",
    "\u00d7": "*",
    "\u00f7": "/",
    "\u2212": "-",
    "\u00b7": "*",
    "\u03c0": "pi",
    "\u221a": "sqrt",
}
_CLOSING = {"(": ")", "[": "]", "{": "}"}


class NotRead(Exception):
    """The text is outside of the grammar, or of its limits."""


def read_plain(text: str) -> Any:
    """A sympy expression, Eq, Tuple or FiniteSet. Raises NotRead."""
    return _Reader(_tokens(text)).whole()


def _tokens(text: str) -> list[str]:
    found, place, text = [], 0, text.strip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise NotRead(f"{text[place]!r} is no part of an expression")
        token = match.group().strip()
        found.append(_SAME.get(token, token))
        place = match.end()
    if not found or len(found) > MAX_TOKENS:
        raise NotRead(f"{len(found)} tokens; the limit is {MAX_TOKENS}")
    return found


class _Reader:
    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.place = 0

    def whole(self) -> Any:
        value = self.sum(0)
        if self._take("="):
            value = sympy.Eq(value, self.sum(0), evaluate=False)
        elif self._sees(","):
            value = sympy.Tuple(value, *self._rest(0))
        if self.place < len(self.tokens):
            raise NotRead(f"{self.tokens[self.place]!r} is out of place")
        return value

    def sum(self, depth: int) -> Any:
        value = self.product(depth)
        while self._sees("+", "-"):
            value = value + self.product(depth) if self._next() == "+" else value - self.product(depth)
        return value

    def product(self, depth: int) -> Any:
        value = self.signed(depth)
        while True:
            if self._take("*"):
                value = value * self.signed(depth)
            elif self._take("/"):
                value = value / self.signed(depth)
            elif self._begins_atom():
                if self.tokens[self.place][0].isdigit():
                    raise NotRead("a number stands behind another value")
                value = value * self.power(depth)
            else:
                return value

    def signed(self, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise NotRead(f"nested deeper than {MAX_DEPTH} levels")
        if self._take("-"):
            return -self.signed(depth + 1)
        return self.signed(depth + 1) if self._take("+") else self.power(depth)

    def power(self, depth: int) -> Any:
        base = self.atom(depth)
        while self._take("!"):
            if not (base.is_Integer and 0 <= base <= MAX_FACTORIAL):
                raise NotRead(f"a factorial past {MAX_FACTORIAL}")
            base = sympy.factorial(base)
        if not self._take("^"):
            return base
        exponent = self.signed(depth + 1)
        if exponent.is_number and not abs(exponent.evalf(15)) <= MAX_POWER:
            raise NotRead(f"a power past {MAX_POWER}")
        return base**exponent

    def atom(self, depth: int) -> Any:
        token = self._next()
        if token[0].isdigit() or token[0] == ".":
            return sympy.Rational(token if token[0] != "." else "0" + token)
        if token in _CLOSING:
            return self._bracket(token, depth)
        if not token.isalpha():
            raise NotRead(f"{token!r} is out of place")
        lower = token.lower()
        if lower in _FUNCTIONS and len(token) > 1:
            return _FUNCTIONS[lower](self.power(depth + 1))
        if lower in _NAMES and (len(token) > 1 or token in "ei"):
            return _NAMES[lower]
        if len(token) > 3:
            raise NotRead(f"{token[:40]!r} is no name of a variable")
        value = sympy.Integer(1)
        for letter in token:
            value = value * sympy.Symbol(letter)
        return value

    def _bracket(self, opening: str, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise NotRead(f"nested deeper than {MAX_DEPTH} levels")
        value = self.sum(depth + 1)
        rest = self._rest(depth + 1)
        if not self._take(_CLOSING[opening]):
            raise NotRead("a bracket is not closed")
        if opening == "{":
            return sympy.FiniteSet(value, *rest)
        return sympy.Tuple(value, *rest) if rest else value

    def _rest(self, depth: int) -> list[Any]:
        rest = []
        while self._take(","):
            rest.append(self.sum(depth))
        return rest

    def _begins_atom(self) -> bool:
        if self.place >= len(self.tokens):
            return False
        token = self.tokens[self.place]
        return token in "([" or token[0].isalnum()

    def _sees(self, *wanted: str) -> bool:
        return self.place < len(self.tokens) and self.tokens[self.place] in wanted

    def _take(self, wanted: str) -> bool:
        if self._sees(wanted):
            self.place += 1
            return True
        return False

    def _next(self) -> str:
        if self.place >= len(self.tokens):
            raise NotRead("it ends too early")
        self.place += 1
        return self.tokens[self.place - 1]
