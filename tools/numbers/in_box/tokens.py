"""Cuts a line of text into numbers, operators, words and the rest, for the arithmetic that is written in it.

Knows nothing of what a line says. Runs in linear time: every pattern looks ahead by a bounded stretch.
"""

from __future__ import annotations

import re
from fractions import Fraction

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    Kind = Literal["number", "operator", "open", "close", "percent", "equals", "word", "other"]

MAX_DIGITS = 60
_TOKEN = re.compile(
    r"(?P<space>[\s\u00a0]+)"
    r"|(?P<number>\d+(?:\.\d+)?[eE][+-]?\d{1,3}(?![^\W_])|(?:\d{1,3}(?:,\d{3})+(?!\d|,\d)|\d+)(?:\.\d+)?|\.\d+)"
    r"|(?P<word>[^\W\d_]+(?:['\u2019][^\W\d_]+)*)"
    r"|(?P<operator>\*\*|[-+*/^\u2212\u2013\u00d7\u00f7\u00b7\u22c5\u2219])"
    r"|(?P<open>[(\[])|(?P<close>[)\]])"
    r"|(?P<percent>%)|(?P<currency>[$\u20ac\u00a3\u00a5\u20b9])"
    r"|(?P<equals>(?<![=<>!:~\u2248])=(?![=>]))"
    r"|(?P<other>.)",
    re.S,
)
_SAME = {
    "**": "^", "\u2212": "-", "\u2013": "-", "\u00d7": "*", "\u00f7": "/", "\u00b7": "*", "\u22c5": "*", "\u2219": "*",
}  # fmt: skip
_LATEX = (
    (re.compile(r"\\(?:times|cdot)(?![a-zA-Z])"), "*"),
    (re.compile(r"\\div(?![a-zA-Z])"), "/"),
    (re.compile(r"\\(?:left|right|displaystyle)(?![a-zA-Z])"), " "),
    (re.compile(r"\\(?:text|mathrm|mbox|textbf)\{([^{}\\]{0,200})\}"), r" \1 "),
    (re.compile(r"\\boxed\{([^{}\\]{0,200})\}"), r" \1 "),
    (re.compile(r"\\([%$])"), r"\1"),
    (re.compile(r"\\[,;!:]"), " "),
)
_FRACTION = re.compile(r"\\[dt]?frac\{([^{}\\]{1,80})\}\{([^{}\\]{1,80})\}")
_BOLD = re.compile(r"(?<![\d)])(?<![\d)] )\*\*|\*\*(?! ?[\d(.-])")


class Token:
    """One token. `spaced`: there is white space, or nothing, before it. A number keeps how finely it was written."""

    __slots__ = ("kind", "spaced", "text", "unit", "value")

    def __init__(self, kind: Kind, text: str, spaced: bool) -> None:
        self.kind = kind
        self.text = text
        self.spaced = spaced
        self.value = Fraction(0)
        self.unit = Fraction(1)
        if kind == "number":
            plain, _, power = text.replace(",", "").lower().partition("e")
            self.value = Fraction(plain if plain[0] != "." else "0" + plain)
            self.unit = Fraction(1, 10 ** len(plain.partition(".")[2]))
            if power:
                self.value *= Fraction(10) ** int(power)
                self.unit *= Fraction(10) ** int(power)


def plain(line: str) -> str:
    """The line with simple LaTeX and bold marks written as plain arithmetic."""
    if "\\" in line:
        for pattern, instead in _LATEX:
            line = pattern.sub(instead, line)
        for _ in range(4):
            line, count = _FRACTION.subn(r"((\1)/(\2))", line)
            if not count:
                break
    return _BOLD.sub(" ", line) if "**" in line else line


def tokens(line: str) -> list[Token]:
    """The tokens of one line. A number of more than MAX_DIGITS digits is `other`; currency signs are left out."""
    found: list[Token] = []
    spaced = True
    for match in _TOKEN.finditer(line):
        kind, text = match.lastgroup, match.group()
        if kind == "space":
            spaced = True
            continue
        if kind == "currency":
            continue
        if kind == "number" and len(text) > MAX_DIGITS:
            kind = "other"
        found.append(Token(kind, _SAME.get(text, text), spaced))  # type: ignore[arg-type]
        spaced = False
    return _with_crosses(found)


def _with_crosses(found: list[Token]) -> list[Token]:
    """An `x` between two numbers is a sign of multiplication, unless the line has it as a variable too."""
    crosses, variables = [], 0
    for index, token in enumerate(found):
        if token.kind != "word" or token.text not in ("x", "X"):
            continue
        before = found[index - 1].kind if index else "other"
        after = found[index + 1].kind if index + 1 < len(found) else "other"
        if before in ("number", "close", "percent") and after in ("number", "open"):
            crosses.append(token)
        else:
            variables += 1
    if not variables:
        for token in crosses:
            token.kind, token.text = "operator", "*"
    return found
