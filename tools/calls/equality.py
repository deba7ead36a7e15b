"""When two argument values are the same: JSON equality, and the leniency that everybody expects.

1 is 1.0, but true is not 1. The order of keys says nothing. JSON text of an object or a list is that object or
list. A null argument is one that is left out. Texts are equal character by character unless the rules say otherwise;
'5' is not 5.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from judge_agent.schema import CallRules
from tools.calls.pairing import all_paired

MAX_DEPTH = 120  # what trajectories and references hold is less deep
MAX_JSON_TEXT_CHARS = 200_000
LOOKS_BETWEEN_CLOCKS = 2048
_LISTS = (list, tuple)
_NUMBERS = (int, float)


class Equality:
    """Compares values by the rules until `deadline` (monotonic seconds); then it raises TimeoutError."""

    def __init__(self, rules: CallRules, *, deadline: float) -> None:
        self._rules = rules
        self._deadline = deadline
        self._looks = 0

    def same(self, given: Any, wanted: Any, *, unordered: bool = False, depth: int = 0) -> bool:
        """Whether a value is the wanted one. `unordered`: the items of a list may stand in any order."""
        self._look()
        if depth > MAX_DEPTH:
            return False
        if isinstance(given, str) and isinstance(wanted, (dict, *_LISTS)):
            given = _as_json(given)
        elif isinstance(wanted, str) and isinstance(given, (dict, *_LISTS)):
            wanted = _as_json(wanted)
        if isinstance(given, dict) and isinstance(wanted, dict):
            return given.keys() == wanted.keys() and all(
                self.same(given[key], wanted[key], depth=depth + 1) for key in wanted
            )
        if isinstance(given, _LISTS) and isinstance(wanted, _LISTS):
            return self._same_items(given, wanted, unordered, depth)
        return self._same_leaf(given, wanted)

    def _same_leaf(self, given: Any, wanted: Any) -> bool:
        if isinstance(given, bool) or isinstance(wanted, bool):
            return given is wanted
        if isinstance(given, _NUMBERS) and isinstance(wanted, _NUMBERS):
            return given == wanted or _near(given, wanted, self._rules.number_tolerance)
        if isinstance(given, str) and isinstance(wanted, str):
            loose = self._rules.text == "case_and_space"
            return given == wanted or (loose and _loose(given) == _loose(wanted))
        return given is None and wanted is None

    def _same_items(self, given: Sequence[Any], wanted: Sequence[Any], unordered: bool, depth: int) -> bool:
        if len(given) != len(wanted):
            return False
        if not unordered:
            return all(
                self.same(one, other, depth=depth + 1) for one, other in zip(given, wanted, strict=True)
            )
        return all_paired(
            len(wanted),
            lambda item, one: self.same(given[one], wanted[item], depth=depth + 1),
            deadline=self._deadline,
        )

    def _look(self) -> None:
        self._looks += 1
        if self._looks % LOOKS_BETWEEN_CLOCKS == 0 and time.monotonic() > self._deadline:
            raise TimeoutError("comparing the calls took too long")


def _near(given: float, wanted: float, tolerance: float) -> bool:
    """Whether numbers are as near as that, as floats or as the decimals that were written: 0.4 is 0.1 from 0.3."""
    if tolerance <= 0:
        return False
    try:
        return abs(given - wanted) <= tolerance or _distance(given, wanted) <= _decimal(tolerance)
    except (OverflowError, ValueError):  # an integer beyond every float, or no number
        return False


def _distance(given: float, wanted: float) -> Fraction:
    return abs(_decimal(given) - _decimal(wanted))


def _decimal(number: float) -> Fraction:
    return Fraction(number) if isinstance(number, int) else Fraction(repr(number))


def _loose(text: str) -> str:
    return " ".join(text.casefold().split())


def _as_json(text: str) -> Any:
    """The object or list that a text writes; the text itself where it writes none."""
    if len(text) > MAX_JSON_TEXT_CHARS or not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
