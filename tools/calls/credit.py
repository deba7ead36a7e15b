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


def credit_of(
    arguments: Mapping[str, Any], expected: ExpectedCall, rules: CallRules, equality: Equality
) -> Credit:
    """Compare the arguments of two calls of the same tool."""
    ignored = named(rules.ignored_arguments, expected.name)
    unordered = named(rules.unordered_arguments, expected.name)
    defaults = rules.defaults.get(expected.name, {})
    given = {key: v for key, v in present(arguments, defaults).items() if key not in ignored}
    wanted = {key: v for key, v in present(expected.arguments, defaults).items() if key not in ignored}
    left_out = {key for key in expected.optional if key in wanted and key not in given}
    wanted = {key: value for key, value in wanted.items() if key not in left_out}
    wrong: dict[str, str] = {key: "not expected" for key in given if key not in wanted}
    right = 0
    for key, value in wanted.items():
        if key not in given:
            wrong[key] = "missing"
        elif any(
            equality.same(given[key], one, unordered=key in unordered)
            for one in (value, *expected.accept.get(key, ()))
        ):
            right += 1
        else:
            wrong[key] = "another value"
    every = given.keys() | wanted.keys()
    keys = len(given.keys() & wanted.keys()) / len(every) if every else 1.0
    return Credit(1 + keys + right, 2 + len(wanted), keys, right, wrong)


def named(by_tool: Mapping[str, tuple[str, ...]], tool: str) -> frozenset[str]:
    """The arguments that are named for this tool, or for every one."""
    return frozenset((*by_tool.get(tool, ()), *by_tool.get(EVERY_TOOL, ())))
