"""Claims about records that a request declares, and how each is looked up."""

from __future__ import annotations

import ast
import re
from typing import Annotated, Literal

from pydantic import Field

from judge_agent.effects.expressions import Expression, NotAnExpression, read_expression
from judge_agent.schema.base import Envelope, Name
from judge_agent.schema.refusals import Refused

MAX_CHECK_CHARS = 2000
CLAIM_NAMES = ("state", "before", "said")
_PART = re.compile(r"(?<!\\)\(\?P?<([A-Za-z_]\w*)>")
_BOUND = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|(?<![:\w])[:$]([A-Za-z_]\w*)")
_QUERY = re.compile(r"\s*(?:select|with|values)\b", re.I)


class Claim(Envelope):
    """Something that the agent may tell of the records, and how it is looked up.

    `pattern` (RE2) finds it in what the agent says and names its parts: `refund of \\$(?P<amount>[0-9.]+)`. `check`
    is true where it holds, of `state` (when it was said), `before` (the state at the start) and `said` (the named
    parts, as texts); of a database it is a query with the parts as named parameters (`:amount`), which holds where its
    first cell is neither null nor 0 nor false. `strength` is how much a contradiction weighs. `where`: in the last
    message only, or in all. Beside a claim that cannot be checked nothing is confirmed decisively.
    """

    name: Name
    pattern: Annotated[str, Field(min_length=1, max_length=1000)]
    check: Annotated[str, Field(min_length=1, max_length=MAX_CHECK_CHARS)]
    strength: Literal["decisive", "strong", "hint"] = "strong"
    where: Literal["last", "all"] = "last"

    @property
    def parts(self) -> frozenset[str]:
        """The names of the parts that the pattern may find."""
        return frozenset(_PART.findall(self.pattern))


def refuse_unreadable(claim: Claim, field: str, *, in_database: bool) -> None:
    """Raise Refused for a check that is none of its kind, or asks for a part that the pattern does not name."""
    if in_database:
        if _QUERY.match(claim.check) is None:
            raise Refused(field, "must be a query (SELECT) of the database", claim.check[:80])
        asked = {name for name in _BOUND.findall(claim.check) if name}
    else:
        try:
            asked = _asked_of(read_expression(claim.check, CLAIM_NAMES))
        except NotAnExpression as error:
            raise Refused(field, str(error), claim.check[:80]) from error
    if unknown := sorted(asked - claim.parts):
        named = ", ".join(sorted(claim.parts)) or "none"
        raise Refused(field, f"asks for the part {unknown[0]!r}; the pattern names {named}", unknown[0])


def _asked_of(check: Expression) -> set[str]:
    """The parts of `said` that an expression asks for by name."""
    asked: set[str] = set()
    for node in ast.walk(check.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "get":
            asked |= _got(node.args)
        if not isinstance(node, (ast.Attribute, ast.Subscript)):
            continue
        if not isinstance(node.value, ast.Name) or node.value.id != "said":
            continue
        if isinstance(node, ast.Attribute):
            asked.add(node.attr)
        elif isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
            asked.add(node.slice.value)
    return asked


def _got(arguments: list[ast.expr]) -> set[str]:
    """The part that `get(said, 'part')` asks for; one that may be missing has a default of its own."""
    if len(arguments) != 2 or not isinstance(arguments[0], ast.Name) or arguments[0].id != "said":
        return set()
    key = arguments[1]
    return {key.value} if isinstance(key, ast.Constant) and isinstance(key.value, str) else set()
