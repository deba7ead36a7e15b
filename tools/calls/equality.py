"""When two argument values are the same: JSON equality, and the leniency that everybody expects.

1 is 1.0, but true is not 1. The order of keys says nothing. JSON text of an object or a list is that object or
list. A null argument is one that is left out. Texts are equal character by character unless the rules say otherwise;
'5' is not 5.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from judge_agent.schema import CallRules

MAX_DEPTH = 60
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
        left = list(given)
        for item in wanted:
            found = next((at for at, one in enumerate(left) if self.same(one, item, depth=depth + 1)), None)
            if found is None:
                return False
            left.pop(found)
        return True

    def _look(self) -> None:
        self._looks += 1
        if self._looks % LOOKS_BETWEEN_CLOCKS == 0 and time.monotonic() > self._deadline:
            raise TimeoutError("comparing the calls took too long")


def present(arguments: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that a call has: those that are not null, and the tool's defaults for the rest."""
    given = {key: value for key, value in arguments.items() if value is not None}
    return {**defaults, **given}


def _near(given: float, wanted: float, tolerance: float) -> bool:
    try:
        return tolerance > 0 and abs(given - wanted) <= tolerance
    except OverflowError:  # an integer beyond every float
        return False


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
