"""Checks single calls: each against the schemas that its trajectory declares for its name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from judge_agent.trajectory import Call, Step, Turn
from tools.declared_tools import Declarations
from tools.json_schema import LONG_NUMBER, Checked, Schema, check, ready
from tools.json_work import is_strict_json

MAX_TOTAL_WORK = 300_000
MAX_NAME_CHARS = 80
MAX_DIGITS = 4000
Outcome = Literal["valid", "bad", "unchecked"]


@dataclass(frozen=True)
class CheckedCall:
    """One call. `faulty` are the top-level arguments that its problems are about."""

    step: Step
    position: int
    call: Call
    outcome: Outcome
    problems: tuple[Mapping[str, str], ...] = ()
    unchecked: tuple[str, ...] = ()
    faulty: frozenset[str] = frozenset()
    result: Turn | None = None
    repaired: bool = False


@dataclass
class Checker:
    """Checks the calls of one trajectory: schemas are made ready once, equal calls are checked once."""

    declared: Declarations
    deadline: float | None
    work: int = 0
    nulls_read_as_omitted: int = 0
    schemas: dict[tuple[str, int], Schema] = field(default_factory=dict)
    seen: dict[tuple[str, str], Checked] = field(default_factory=dict)

    def checked(self, step: Step, position: int, call: Call) -> CheckedCall:
        if not self.declared.by_name:
            return CheckedCall(step, position, call, "unchecked", unchecked=("no tool schemas are given",))
        fitting = self.declared.find(call.name)
        if not fitting:
            return self._unknown(step, position, call)
        if (problem := _no_arguments(call)) is not None:
            return CheckedCall(step, position, call, "bad", (problem,))
        arguments = call.arguments
        if arguments is None:
            arguments = _with_long_numbers(call.raw_arguments)
        if arguments is None:
            return CheckedCall(step, position, call, "bad", (_not_json(call),))
        return _called(step, position, call, self._arguments(call.name, arguments, call.raw_arguments))

    def _unknown(self, step: Step, position: int, call: Call) -> CheckedCall:
        name = call.name[:MAX_NAME_CHARS]
        if self.declared.nameless:
            why = f"tool {name!r} is not among the readable declarations, and some are not readable"
            return CheckedCall(step, position, call, "unchecked", unchecked=(why,))
        problem = {"kind": "unknown_tool", "path": "", "message": f"no tool {name!r} is declared"}
        return CheckedCall(step, position, call, "bad", (problem,))

    def _arguments(self, name: str, arguments: Mapping[str, Any], raw: str) -> Checked:
        """Check against each declaration of the name: one that accepts the arguments is enough."""
        if (name, raw) in self.seen:
            return self.seen[name, raw]
        found = [self._against(name, index, arguments) for index in range(len(self.declared.find(name)))]
        best = min(found, key=lambda checked: (bool(checked.problems), bool(checked.unchecked)))
        self.seen[name, raw] = best
        return best

    def _against(self, name: str, index: int, arguments: Mapping[str, Any]) -> Checked:
        tool = self.declared.find(name)[index]
        if tool.schema is None:
            return Checked(unchecked=(f"tool {name[:MAX_NAME_CHARS]!r}: {tool.problem}",))
        if self.work > MAX_TOTAL_WORK:
            return Checked(unchecked=("the calls before this one used up the work that checking may take",))
        key = (tool.name, index)
        if key not in self.schemas:
            self.schemas[key] = ready(tool.schema, deadline=self.deadline)
            self.work += self.schemas[key].units
        checked = self._applied(self.schemas[key], arguments)
        given = _without_optional_nulls(arguments, tool.schema)
        if not checked.problems or len(given) == len(arguments):
            return checked
        relaxed = self._applied(self.schemas[key], given)
        if not relaxed.problems:
            self.nulls_read_as_omitted += 1
        return relaxed

    def _applied(self, schema: Schema, arguments: Mapping[str, Any]) -> Checked:
        checked = check(arguments, schema, deadline=self.deadline)
        self.work += checked.units
        return checked


def _without_optional_nulls(
    arguments: Mapping[str, Any], schema: Mapping[str, Any] | bool
) -> Mapping[str, Any]:
    """Read null for an optional argument as "not given": servers do, and many agents write it so."""
    if isinstance(schema, bool):
        return arguments
    required, declared = schema.get("required"), schema.get("properties")
    optional = _names(declared) - _names(required)
    return {name: value for name, value in arguments.items() if value is not None or name not in optional}


def _no_arguments(call: Call) -> dict[str, str] | None:
    """What is wrong with arguments that are no JSON object; None where they are, but for a very long number."""
    if call.arguments is None:
        # Python reads no number of more than 4,300 digits; JSON has them.
        return None if "Exceeds the limit" in (call.problem or "") else _not_json(call)
    if not is_strict_json(call.arguments):
        return {
            "kind": "not_json",
            "path": "",
            "message": "the arguments hold NaN or Infinity, which JSON lacks",
        }
    return None


def _not_json(call: Call) -> dict[str, str]:
    problem = call.problem or "the arguments are no JSON object"
    if "recursion" in problem:
        problem = "the arguments nest too deeply for any reader of JSON"
    elif "Exceeds the limit" in problem:
        problem = "the arguments are no JSON object"
    return {"kind": "not_json", "path": "", "message": problem[:200]}


def _with_long_numbers(raw: str) -> dict[str, Any] | None:
    """The arguments with a stand-in for each very long number; None where they are no JSON object for all that."""
    try:
        data = json.loads(raw, parse_int=_number)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _number(digits: str) -> int:
    return int(digits) if len(digits) <= MAX_DIGITS else LONG_NUMBER


def _called(step: Step, position: int, call: Call, checked: Checked) -> CheckedCall:
    problems = tuple({"kind": p.kind, "path": p.path, "message": p.message} for p in checked.problems)
    faulty = frozenset(p.path.split(".")[0] for p in checked.problems if p.path)
    outcome: Outcome = "bad" if problems else "unchecked" if checked.unchecked else "valid"
    return CheckedCall(step, position, call, outcome, problems, checked.unchecked, faulty)


def _names(value: object) -> set[str]:
    """The texts in a list, or the keys of an object; nothing of anything else."""
    return {item for item in value if isinstance(item, str)} if isinstance(value, (list, dict)) else set()
