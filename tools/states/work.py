"""How much one replay may do: steps, time, and the size of what it makes."""

from __future__ import annotations

import json
import math
import time
from typing import Any

from judge_agent.schema.expected_calls import is_deeper
from tools.states.values import same_leaf

MAX_STEPS = 1_000_000
MAX_STATE_DEPTH = 60
MAX_COPIED_BITS = 14_000  # of integers: more digits than these could not be written out
STEPS_BETWEEN_CLOCKS = 4096


class EffectError(Exception):
    """A declared effect says nothing of this call: a key that is not there, a sum of texts. Not a failed call."""


class TooMuchWork(Exception):
    """The replay was stopped: it did more than it may. The message names the limit."""


class Work:
    """Counts the steps of one replay. Raises TooMuchWork at the limit, TimeoutError past the deadline."""

    def __init__(self, *, deadline: float, steps: int = MAX_STEPS) -> None:
        self._deadline = deadline
        self._limit = steps
        self._left = steps
        self._until_clock = STEPS_BETWEEN_CLOCKS

    def spend(self, steps: int = 1) -> None:
        self._left -= steps
        if self._left < 0:
            raise TooMuchWork(f"the replay takes more than {self._limit} steps")
        self.tick(steps)

    def tick(self, steps: int = 1) -> None:
        """Steps of work that is bounded by the size of what was read: they are held to the deadline only."""
        self._until_clock -= steps
        if self._until_clock < 0:
            self._until_clock = STEPS_BETWEEN_CLOCKS
            if time.monotonic() > self._deadline:
                raise TimeoutError("the replay took too long")

    def allow(self, steps: int) -> None:
        """Raise the limit, where what is to be done grows with what was given."""
        self._limit += steps
        self._left += steps

    def another(self) -> Work:
        """A count of its own under the same deadline, so that one part of the work takes nothing from the next."""
        return Work(deadline=self._deadline)

    def same(self, one: Any, other: Any) -> bool:
        """Whether two JSON values are the same, with a step for each part: values may share parts many times over."""
        self.spend()
        if isinstance(one, dict) and isinstance(other, dict):
            return one.keys() == other.keys() and all(self.same(one[key], other[key]) for key in one)
        if isinstance(one, list) and isinstance(other, list):
            return len(one) == len(other) and all(self.same(a, b) for a, b in zip(one, other, strict=True))
        if isinstance(one, str):
            self.spend(len(one) // 64)
        return same_leaf(one, other)

    def walk(self, value: Any) -> None:
        """Spend a step for each part of a value that is to be written out."""
        self.spend()
        if isinstance(value, str):
            self.spend(len(value) // 4)
        elif isinstance(value, dict):
            for key, item in value.items():
                self.spend(len(key) // 4)
                self.walk(item)
        elif isinstance(value, list):
            for item in value:
                self.walk(item)

    def copied(self, value: Any, depth: int = 0) -> Any:
        """A copy that shares nothing with the value. Raises EffectError past the depth of a state, and for numbers
        that JSON does not have.
        """
        self.spend()
        if isinstance(value, str):
            self.spend(len(value) // 64)
            return value
        if isinstance(value, float) and not math.isfinite(value):
            raise EffectError(f"{value} is no number of JSON")
        if isinstance(value, int) and value.bit_length() > MAX_COPIED_BITS:
            raise EffectError(f"a number has more than {MAX_COPIED_BITS} bits")
        if not isinstance(value, (dict, list)):
            return value
        if depth >= MAX_STATE_DEPTH:
            raise EffectError(f"a value is nested deeper than {MAX_STATE_DEPTH} levels")
        if isinstance(value, dict):
            return {key: self.copied(item, depth + 1) for key, item in value.items()}
        return [self.copied(item, depth + 1) for item in value]


def read_state(text: str | bytes, *, again: bool = False) -> dict[str, Any]:
    """Read a JSON object of bounded depth; one that is read `again` was found to be so. Raises ValueError."""
    try:
        state = read_json(text)
    except RecursionError as error:
        raise ValueError(f"is nested deeper than {MAX_STATE_DEPTH} levels") from error
    if not isinstance(state, dict):
        raise ValueError(f"must be a JSON object, not {type(state).__name__}")
    if not again and is_deeper(state, MAX_STATE_DEPTH):
        raise ValueError(f"is nested deeper than {MAX_STATE_DEPTH} levels")
    return state


def read_json(text: str | bytes) -> Any:
    """Read JSON as the RFC has it: without NaN and infinities. Raises ValueError, RecursionError."""
    return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON value")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is too large a number")
    return value
