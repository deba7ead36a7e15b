"""A problem of the benchmark as tests of the product: what its right solution gives in plain Python, in two ways.

Tests of kind `call` hold what JSON can tell; one of kind `check` tells types apart and looks at the arguments too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SEEN_TESTS = 3
_CHECK = """
from collections import Counter, OrderedDict, defaultdict, deque
from decimal import Decimal
from fractions import Fraction
inf, nan = float("inf"), float("nan")
CASES = [
{cases}
]

def near(one, other):
    return one == other or (one != one and other != other) or abs(one - other) <= {atol!r}

def same(one, other):
    if type(one).__name__ != type(other).__name__ or isinstance(one, type):
        return False
    if isinstance(one, float):
        return near(one, other)
    if isinstance(one, (list, tuple, deque)):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other))
    if isinstance(one, dict):
        return len(one) == len(other) and all(
            any(same(key, own) and same(one[key], other[own]) for own in ([key] if key in other else []))
            for key in one
        )
    if isinstance(one, (set, frozenset)):
        return one == other and sorted(map(typed, one)) == sorted(map(typed, other))
    return bool(one == other)

def typed(value):
    return type(value).__name__ + repr(value)

def check(candidate):
    import copy
    for arguments, expected, afterwards in CASES:
        given = copy.deepcopy(arguments)
        found = candidate(*given)
        assert same(expected, found), f"gave {{found!r:.80}}, not {{expected!r:.80}}"
        assert same(afterwards, given), "changed its arguments otherwise"
"""


@dataclass(frozen=True)
class Problem:
    """`tests` are what `plain` made of the inputs: the place of each, its encoded result, the texts of its parts."""

    task_id: str
    prompt: str
    entry_point: str
    right: str
    atol: float
    inputs: tuple[Any, ...]
    tests: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def of(cls, row: Mapping[str, Any], most_inputs: int) -> Problem:
        """A row of EvalPlus: HumanEval's solutions are bodies for their prompts, those of MBPP whole programs."""
        whole = row["task_id"].startswith("HumanEval")
        right = row["prompt"] + row["canonical_solution"] if whole else row["canonical_solution"]
        inputs = [*row["base_input"], *(row["plus_input"] or [])][:most_inputs]
        return cls(
            row["task_id"], row["prompt"], row["entry_point"], right, float(row["atol"]), tuple(inputs)
        )

    @property
    def seen(self) -> list[tuple[str, str]]:
        """Arguments and result of the tests that an agent may have seen, as Python expressions."""
        return [(test["texts"][0], test["texts"][1]) for test in self.tests[:SEEN_TESTS]]

    @property
    def arguments(self) -> list[Any]:
        """The inputs that make tests."""
        return [self.inputs[test["index"]] for test in self.tests]

    def request(self, kind: str, candidates: Mapping[str, str]) -> dict[str, Any]:
        """Judge these sources (by id) by all of the tests, in one of both ways."""
        return {
            "task": {"prompt": self.prompt, "reference": {"tests": self._tests(kind)}},
            "candidates": [
                {"id": name, "trajectory": {"text": f"```python\n{source}\n```"}}
                for name, source in candidates.items()
            ],
            "recipe": "verify",
            "granularity": ["outcome"],
            "budget": {"seconds": 3600, "tool_calls": 4 * len(candidates)},
        }

    def _tests(self, kind: str) -> dict[str, Any]:
        hidden: Sequence[Any]
        if kind == "call":
            hidden = [
                {"args": self.inputs[test["index"]], "expected": test["expected"]} for test in self.tests
            ]
        else:
            cases = ",\n".join(f"({', '.join(test['texts'])})" for test in self.tests)
            hidden = [_CHECK.format(cases=cases, atol=self.atol)]
        tests = {"kind": kind, "entry_point": self.entry_point, "hidden": hidden}
        return {**tests, "atol": self.atol} if self.atol and kind == "call" else tests
