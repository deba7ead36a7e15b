"""Problems as z3 has them: clauses or SMT-LIB assertions, with claimed values joined to them.

The problem's text goes to z3's own parser; claimed values never do, they are made number by number.
"""

from __future__ import annotations

import re
from fractions import Fraction

import z3

from tools.numbers.in_box.dimacs import NotRead, clauses_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

MAX_CONSTANTS = 20_000
_UNREAD = re.compile(r';[^\n]*|"[^"]*"|\|[^|]*\|')
_COMMAND = re.compile(r"\(\s*([a-z][a-z-]{2,30})(?![\w-])")
# What a script with these asks is not the one question of all its assertions together.
_SEVERAL = frozenset(
    ("push", "pop", "reset", "reset-assertions", "check-sat-assuming", "include", "set-option", "eval")
)
_GOALS = frozenset(("minimize", "maximize", "assert-soft"))
_WHOLE = re.compile(r"-?\d{1,400}")
_NUMBER = re.compile(r"-?\d{1,400}(?:\.\d{1,400}|/\d{1,400})?")


class Problem:
    """What must hold, and the constants that occur in it, by name.

    `is_closed`: there are no other names. `has_goal`: something is to be made least or greatest, which is not checked.
    """

    def __init__(
        self,
        assertions: list[Any],
        constants: dict[str, Any],
        *,
        is_closed: bool = False,
        has_goal: bool = False,
    ) -> None:
        self.assertions = assertions
        self.constants = constants
        self.is_closed = is_closed
        self.has_goal = has_goal


def read(form: str, text: str) -> Problem:
    """A problem from `dimacs` or `smtlib` text. Raises NotRead."""
    if form == "dimacs":
        variables, clauses = clauses_of(text)
        constants = {str(number): z3.Bool(str(number)) for number in range(1, variables + 1)}
        return Problem(
            [z3.Or(*(_literal(constants, one) for one in clause)) for clause in clauses],
            constants,
            is_closed=True,
        )
    commands = _commands(text)
    if several := sorted(commands & _SEVERAL):
        raise NotRead(f"{several[0]!r} asks more than one question")
    try:
        assertions = list(z3.parse_smt2_string(text))
    except z3.Z3Exception as error:
        raise NotRead(f"no SMT-LIB that is understood: {str(error)[:200]}") from error
    if not assertions:
        raise NotRead("there is no assertion")
    return Problem(assertions, _constants(assertions), has_goal=bool(commands & _GOALS))


def _commands(text: str) -> frozenset[str]:
    """The words that stand behind an opening bracket; comments, strings and quoted names left out."""
    return frozenset(_COMMAND.findall(_UNREAD.sub(" ", text)))


def claimed(problem: Problem, values: Mapping[str, str]) -> list[Any]:
    """The claimed values as equations. Raises NotRead for a name or a value that does not fit the problem."""
    return [
        problem.constants[name] == _value(problem.constants[name].sort(), name, text)
        for name, text in _known(problem, values).items()
    ]


def nearby(problem: Problem, values: Mapping[str, str]) -> list[Any] | None:
    """The claimed values as ranges, where a decimal may be a value that was rounded; None where none is one."""
    rounded = False
    ranges = []
    for name, text in _known(problem, values).items():
        constant = problem.constants[name]
        value = _value(constant.sort(), name, text)
        places = len(text.partition(".")[2])
        if places and constant.sort().kind() == z3.Z3_REAL_SORT:
            rounded, unit = True, z3.RealVal(f"1/{10**places}")
            ranges.append(z3.And(constant >= value - unit, constant <= value + unit))
        else:
            ranges.append(constant == value)
    return ranges if rounded else None


def _known(problem: Problem, values: Mapping[str, str]) -> dict[str, str]:
    """The values of the problem's constants. Others (a sum, a cost) do no harm where all constants have their value."""
    known = {name: text for name, text in values.items() if name in problem.constants}
    if len(known) < len(values) and (problem.is_closed or len(known) < len(problem.constants)):
        unknown = next(name for name in values if name not in known)
        raise NotRead(f"{unknown[:80]!r} does not occur in the problem")
    return known


def _literal(constants: dict[str, Any], literal: int) -> Any:
    return constants[str(literal)] if literal > 0 else z3.Not(constants[str(-literal)])


def _value(sort: Any, name: str, text: str) -> Any:
    lower = text.strip().lower()
    if sort.kind() == z3.Z3_BOOL_SORT and lower in ("true", "false"):
        return z3.BoolVal(lower == "true")
    if sort.kind() == z3.Z3_INT_SORT and _WHOLE.fullmatch(lower):
        return z3.IntVal(int(lower))
    if sort.kind() == z3.Z3_REAL_SORT and _NUMBER.fullmatch(lower) and not re.search(r"/0+$", lower):
        return z3.RealVal(str(Fraction(lower)))
    if sort.kind() == z3.Z3_BV_SORT and _WHOLE.fullmatch(lower):
        return z3.BitVecVal(int(lower), sort.size())
    raise NotRead(f"{text[:80]!r} is no value that {name[:80]!r} ({sort}) can have here")


def _constants(assertions: list[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    seen: set[int] = set()
    left = list(assertions)
    while left:
        term = left.pop()
        if term.get_id() in seen:
            continue
        seen.add(term.get_id())
        if z3.is_quantifier(term):
            left.append(term.body())
        elif z3.is_app(term):
            if term.num_args() == 0 and term.decl().kind() == z3.Z3_OP_UNINTERPRETED:
                found[term.decl().name()] = term
                if len(found) > MAX_CONSTANTS:
                    raise NotRead(f"more than {MAX_CONSTANTS} constants")
            left += term.children()
    return found
