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
# In a clause with these, the words are no plain claim: a condition, a denial, a part of the problem.
_HEDGED = re.compile(
    r"\b(?:if|whether|suppose\w*|assum\w*|were|would|could|might|may|perhaps|probably|unless|until|not|never|cannot|"
    r"with(?:out)?|where|when|for|other|else|besides|rather|becomes?|core|subset|alone|"
    r"(?:I|we) (?:found|find|see|got))\b|n't\b|n\u2019t\b|\?",
    re.I,
)
_TRIED = re.compile(
    r"\b(?:if|suppose\w*|assum\w*|try|tried|trying|test\w*|fail\w*|violat\w*|wrong|instead|not|never|cannot|clauses?|"
    r"would|could)\b|n't\b|n\u2019t\b|\?",
    re.I,
)
_CLAUSE_END = re.compile(r"[;:,\n]|\.(?=\s|$)")
_SENTENCE_END = re.compile(r"[;\n]|\.(?=\s|$)")
_SAT = re.compile(r"(?<!not )\b(?:sat|satisfiable)\b", re.I)
# character classes alone: they cannot be matched in two ways
_LITERALS = re.compile(r"^v[ \t]+([-\d \t]+)$", re.M)
_LIST = re.compile(r"\[([-\d,\s]+)\]")
_BARE = re.compile(r"^[ \t]*([-\d][-\d \t]*[ \t]0)[ \t]*$", re.M)
_DEFINED = re.compile(
    r"\(define-fun[ \t]+([^\s()|]{1,200})[ \t]+\(\)[ \t]+[\w()_ ]{1,40}?\s+"
    r"(true|false|-?\d{1,400}(?:\.\d{1,400})?|\(-[ \t]+\d{1,400}(?:\.\d{1,400})?\))"
)
# A value is the whole right side, of a name that is the whole left side: `x + y = 10` says nothing of y.
_PAIR = re.compile(
    r"(?<![\w.])(?<![-+*/^<>=!\d])(?<![-+*/^<>=!\d] )(?<!\bor )"
    r"[\"'`$]?([A-Za-z_][\w.!-]{0,99})[\"'`$]?[ \t]{0,9}(?::=|==?|:)"
    r"[ \t]{0,9}(-?\d{1,400}(?:[./]\d{1,400})?|true|false)\b(?!,\d|[%\w]|[ \t]{0,9}(?:[-+*/^<>=]|(?:or|mod)\b))",
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
    text = text.replace("\u2212", "-")
    says_unsat = _UNSAT.search(text) is not None
    stated = "\n".join(one for one in _SENTENCE_END.split(text) if not _TRIED.search(one))
    assignment = _literals(stated) if form == "dimacs" else _values(stated, text)
    if assignment is None:
        return None
    if says_unsat:
        has_sat = _SAT.search(_UNSAT.sub(" ", text)) is not None
        return None if assignment or has_sat or not _is_plain(text) else Claim("unsat")
    if assignment:
        return Claim("assignment", assignment)
    says_sat = any(_SAT.search(one) and not _HEDGED.search(one) for one in _CLAUSE_END.split(text))
    return Claim("sat") if says_sat else None


def _is_plain(text: str) -> bool:
    """Whether every clause that says so says so plainly; `not satisfiable` is itself no denial of that."""
    clauses = [one for one in _CLAUSE_END.split(text) if _UNSAT.search(one)]
    return bool(clauses) and not any(_HEDGED.search(_UNSAT.sub(" ", one)) for one in clauses)


def _literals(text: str) -> dict[str, str] | None:
    """Variables with true or false; None where one has both, or where clauses may be told as well."""
    written = _LITERALS.findall(text)
    if not written:
        lists, lines = _LIST.findall(text), _BARE.findall(text)
        if len(lines) > 1 or any(
            one != lists[-1] and one.count(",") >= lists[-1].count(",") for one in lists[:-1]
        ):
            return None
        written = lists[-1:] or lines
    numbers = [int(number) for group in written for number in re.findall(r"-?\d{1,9}", group)]
    pairs = [(str(abs(number)), "true" if number > 0 else "false") for number in numbers if number]
    if not pairs:
        known = {"1": "true", "t": "true", "true": "true"}
        pairs = [(name, known.get(value.lower(), "false")) for name, value in _NUMBERED.findall(text)]
    return _once(pairs)


def _values(text: str, whole: str) -> dict[str, str] | None:
    defined = [(name, re.sub(r"[()\s]", "", value)) for name, value in _DEFINED.findall(whole)]
    return _once(defined or [(name, value.lower()) for name, value in _PAIR.findall(text)])


def _once(pairs: list[tuple[str, str]]) -> dict[str, str] | None:
    values: dict[str, str] = {}
    for name, value in pairs:
        if values.setdefault(name, value) != value:
            return None
    return values
