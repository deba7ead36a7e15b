"""What one call of the candidate is worth beside one expected call: its name, its argument keys, their values.

The counts are those of ToolRL (arXiv 2504.13958, section 3.3): the share of keys that both have, and how many of the
expected arguments have the right value; a call's credit is what it earns of 2 + the number of expected arguments (one
for the name, one for the keys, one for each value). BFCL's syntax-tree check (Gorilla, function calling leaderboard)
is where several values may be accepted and arguments be optional; a pair that it would let through is `complete`.

To leave an argument out, to give null and to give the tool's default are three ways to say the same: where one of them
is accepted, all are. Arguments that are rightly left out are not asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from judge_agent.schema import CallRules, ExpectedCall
from tools.calls.equality import Equality

EVERY_TOOL = "*"


@dataclass(frozen=True)
class Credit:
    """`earned` of `possible` are counts; `keys` is in [0, 1], `excused` counts arguments that are rightly left out.

    `wrong` names arguments of the call that are not right, `missing` expected ones that it lacks: those names are the
    reference's.
    """

    earned: float
    possible: int
    keys: float
    right_values: int
    excused: int
    wrong: Mapping[str, str]
    missing: tuple[str, ...]

    @property
    def complete(self) -> bool:
        return not self.wrong and not self.missing

    @property
    def share(self) -> float:
        return self.earned / self.possible


@dataclass(frozen=True)
class Asked:
    """What is accepted of one argument. `named`: the reference names it with a value, so that it counts.

    `when_absent`: what leaving it out is, the default being the right value, or nothing that was asked for.
    """

    values: tuple[Any, ...]
    named: bool
    when_absent: Literal["right", "excused", "missing"]


class Crediting:
    """Compares calls of one tool by the rules."""

    def __init__(self, tool: str, rules: CallRules, equality: Equality) -> None:
        self._ignored = named(rules.ignored_arguments, tool)
        self._unordered = named(rules.unordered_arguments, tool)
        self._defaults = _there(rules.defaults.get(tool, {}))
        self._equality = equality

    def counted(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of a call that count: those that are not ignored, and not null."""
        return {key: value for key, value in _there(arguments).items() if key not in self._ignored}

    def asked(self, expected: ExpectedCall) -> dict[str, Asked]:
        """What an expected call asks of each argument that counts."""
        keys = dict.fromkeys((*expected.arguments, *self._defaults))
        asked = {key: self._asked(key, expected) for key in keys if key not in self._ignored}
        return {key: one for key, one in asked.items() if one.values}

    def _asked(self, key: str, expected: ExpectedCall) -> Asked:
        default = self._defaults.get(key)
        if key not in expected.arguments:
            return Asked((default,), False, "excused")
        every = (expected.arguments[key], *expected.accept.get(key, ()))
        values = tuple(value for value in every if value is not None)
        if default is not None and self._is_one_of(key, default, values):
            return Asked(values, True, "right")
        if key not in expected.optional and len(values) == len(every):
            return Asked(values, True, "missing")
        return Asked((*values, *(() if default is None else (default,))), bool(values), "excused")

    def credit(self, given: Mapping[str, Any], asked: Mapping[str, Asked]) -> Credit:
        """What one call is worth beside an expected one, by the call's arguments that count."""
        wrong = {key: "not expected" for key in given if key not in asked}
        missing, right, common, every = [], 0, 0, len(wrong)
        for key, one in asked.items():
            if key in given:
                same = self._is_one_of(key, given[key], one.values)
                right += one.named and same
                common += one.named
                every += one.named or not same
                if not same:
                    wrong[key] = "another value"
            elif one.when_absent != "excused":
                every += 1
                common, right = common + (one.when_absent == "right"), right + (one.when_absent == "right")
                missing += [key] if one.when_absent == "missing" else []
        excused = sum(
            one.named and one.when_absent == "excused" for key, one in asked.items() if key not in given
        )
        keys = common / every if every else 1.0
        possible = 2 + values_asked(asked) - excused
        return Credit(1 + keys + right, possible, keys, right, excused, wrong, tuple(missing))

    def _is_one_of(self, key: str, given: Any, values: Sequence[Any]) -> bool:
        unordered = key in self._unordered
        return any(self._equality.same(given, one, unordered=unordered) for one in values)


def values_asked(asked: Mapping[str, Asked]) -> int:
    """How many arguments of an expected call count."""
    return sum(one.named for one in asked.values())


def named(by_tool: Mapping[str, tuple[str, ...]], tool: str) -> frozenset[str]:
    """The arguments that are named for this tool, or for every one."""
    return frozenset((*by_tool.get(tool, ()), *by_tool.get(EVERY_TOOL, ())))


def _there(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in arguments.items() if value is not None}
