"""What one call of the candidate is worth beside one expected call: its name, its argument keys, their values.

The counts are those of ToolRL (arXiv 2504.13958, section 3.3): the share of keys that both have, and how many of the
expected arguments have the right value; a call's credit is what it earns of 2 + the number of expected arguments (one
for the name, one for the keys, one for each value). BFCL's syntax-tree check (Gorilla, function calling leaderboard)
is where several values may be accepted and arguments be optional; a pair that it would let through is `complete`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from judge_agent.schema import CallRules, ExpectedCall
from tools.calls.equality import Equality, present

EVERY_TOOL = "*"


@dataclass(frozen=True)
class Credit:
    """`keys` and `values` are in [0, 1]; `earned` of `possible` are counts. `wrong` names what is not right."""

    earned: float
    possible: int
    keys: float
    right_values: int
    wrong: Mapping[str, str]

    @property
    def complete(self) -> bool:
        return not self.wrong

    @property
    def share(self) -> float:
        return self.earned / self.possible


class Crediting:
    """Compares calls of one tool by the rules."""

    def __init__(self, tool: str, rules: CallRules, equality: Equality) -> None:
        self._ignored = named(rules.ignored_arguments, tool)
        self._unordered = named(rules.unordered_arguments, tool)
        self._defaults = rules.defaults.get(tool, {})
        self._equality = equality

    def counted(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of a call that count, with the tool's defaults."""
        there = present(arguments, self._defaults)
        return {key: value for key, value in there.items() if key not in self._ignored}

    def credit(self, given: Mapping[str, Any], wanted: Mapping[str, Any], expected: ExpectedCall) -> Credit:
        """What one call is worth beside an expected one. `given` and `wanted` are arguments that count."""
        left_out = [key for key in expected.optional if key in wanted and key not in given]
        if left_out:
            wanted = {key: value for key, value in wanted.items() if key not in left_out}
        wrong: dict[str, str] = {key: "not expected" for key in given if key not in wanted}
        right = 0
        for key, value in wanted.items():
            if key not in given:
                wrong[key] = "missing"
            elif self._is_right(key, given[key], value, expected):
                right += 1
            else:
                wrong[key] = "another value"
        every = given.keys() | wanted.keys()
        keys = len(given.keys() & wanted.keys()) / len(every) if every else 1.0
        return Credit(1 + keys + right, 2 + len(wanted), keys, right, wrong)

    def _is_right(self, key: str, given: Any, value: Any, expected: ExpectedCall) -> bool:
        unordered = key in self._unordered
        return any(
            self._equality.same(given, one, unordered=unordered)
            for one in (value, *expected.accept.get(key, ()))
        )


def named(by_tool: Mapping[str, tuple[str, ...]], tool: str) -> frozenset[str]:
    """The arguments that are named for this tool, or for every one."""
    return frozenset((*by_tool.get(tool, ()), *by_tool.get(EVERY_TOOL, ())))
