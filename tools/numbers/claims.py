"""Reads a constraint problem that a task states, and what an answer claims of it.

A problem is a fenced block tagged dimacs, cnf, smt2, smtlib or smt-lib. A claim is an assignment, or the word that
there is none. An answer that says both, or several values for one name, claims nothing that can be told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Format = Literal["dimacs", "smtlib"]
Kind = Literal["sat", "unsat", "assignment"]
_FORMATS: dict[str, Format] = {
    "dimacs": "dimacs",
    "cnf": "dimacs",
    "smt2": "smtlib",
    "smtlib": "smtlib",
    "smt-lib": "smtlib",
    "smtlib2": "smtlib",
}
_BLOCK = re.compile(r"^```[ \t]*([\w-]{2,10})[ \t]*\n(.*?)^```", re.M | re.S)
_UNSAT = re.compile(
    r"\b(?:unsat(?:isfiable)?|not satisfiable|no solutions?|no satisfying|no such assignment|inconsistent|"
    r"infeasible)\b",
    re.I,
)
_SAT = re.compile(r"(?<!not )\b(?:sat|satisfiable)\b", re.I)
# character classes alone: they cannot be matched in two ways
_LITERALS = re.compile(r"^v[ \t]+([-\d \t]+)$", re.M)
_LIST = re.compile(r"\[([-\d,\s]+)\]")
_BARE = re.compile(r"^[ \t]*([-\d][-\d \t]*[ \t]0)[ \t]*$", re.M)
_DEFINED = re.compile(
    r"\(define-fun[ \t]+([^\s()|]{1,200})[ \t]+\(\)[ \t]+[\w()_ ]{1,40}?\s+"
    r"(true|false|-?\d{1,400}(?:\.\d{1,400})?|\(-[ \t]+\d{1,400}(?:\.\d{1,400})?\))"
)
_PAIR = re.compile(
    r"(?<![\w.])[\"'`$]?([A-Za-z_][\w.!-]{0,99})[\"'`$]?[ \t]{0,9}(?::=|=|:)[ \t]{0,9}"
    r"(-?\d{1,400}(?:[./]\d{1,400})?|true|false)\b(?![ \t]{0,9}[-+*/<>])",
    re.I,
)
_NUMBERED = re.compile(
    r"(?<![\w.])[xX_]{0,2}(\d{1,9})[\"'`$]?[ \t]{0,9}(?:=|:)[ \t]{0,9}(true|false|1|0|t|f)\b", re.I
)


@dataclass(frozen=True)
class Claim:
    """What an answer claims; `assignment` maps names to values as written."""

    kind: Kind
    assignment: Mapping[str, str] = field(default_factory=dict)


def problem_in(text: str) -> tuple[Format, str] | None:
    """The one problem of a text, or None: for none and for several."""
    found = [(_FORMATS[tag.lower()], body) for tag, body in _BLOCK.findall(text) if tag.lower() in _FORMATS]
    return found[0] if len(found) == 1 else None


def claim_in(text: str, form: Format) -> Claim | None:
    """What an answer claims, or None where that cannot be told."""
    says_unsat = _UNSAT.search(text) is not None
    assignment = _literals(text) if form == "dimacs" else _values(text)
    if assignment is None:
        return None
    if says_unsat:
        has_sat = _SAT.search(_UNSAT.sub(" ", text)) is not None
        return None if assignment or has_sat else Claim("unsat")
    if assignment:
        return Claim("assignment", assignment)
    return Claim("sat") if _SAT.search(text) else None


def _literals(text: str) -> dict[str, str] | None:
    """Variables with true or false; None where one has both."""
    written = _LITERALS.findall(text) or _LIST.findall(text)[-1:] or _BARE.findall(text)[-1:]
    numbers = [int(number) for group in written for number in re.findall(r"-?\d{1,9}", group)]
    pairs = [(str(abs(number)), "true" if number > 0 else "false") for number in numbers if number]
    if not pairs:
        known = {"1": "true", "t": "true", "true": "true"}
        pairs = [(name, known.get(value.lower(), "false")) for name, value in _NUMBERED.findall(text)]
    return _once(pairs)


def _values(text: str) -> dict[str, str] | None:
    defined = [(name, re.sub(r"[()\s]", "", value)) for name, value in _DEFINED.findall(text)]
    return _once(defined or [(name, value.lower()) for name, value in _PAIR.findall(text)])


def _once(pairs: list[tuple[str, str]]) -> dict[str, str] | None:
    values: dict[str, str] = {}
    for name, value in pairs:
        if values.setdefault(name, value) != value:
            return None
    return values
