"""The requests of the benchmark of the service, each unlike all others unless the same number is asked for twice."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

TRAJECTORY_CHARS = 20_000
TESTS = 10
MODEL_CALLS = 1
# What the model answers to every critique: a choice of the menu of soft principles.
ANSWER = json.dumps(
    {"reason": "The answer names the order that was asked for.", "citations": [], "choice": "4"}
)


def by_model(number: int) -> dict[str, Any]:
    """One candidate of 20 kB, one principle: the model is asked `MODEL_CALLS` times, one call after the other."""
    line = f"Step {number}: the agent looked up the order, asked for the number, and said what it found. "
    text = (line * (TRAJECTORY_CHARS // len(line) + 1))[:TRAJECTORY_CHARS]
    return {
        "task": {"prompt": f"Find order {number}."},
        "candidates": [{"id": "a", "trajectory": {"text": text}}],
        "principles": [{"description": "The answer names the order.", "name": "names_it", "kind": "soft"}],
        "granularity": ["outcome"],
        "budget": {"seconds": 150},
    }


def by_tests(number: int) -> dict[str, Any]:
    """A function and ten unit tests of it, decided by `verify`, which asks no model."""
    tests = [{"args": [index, number], "expected": index * index + number} for index in range(TESTS)]
    code = f"def f(x, y):\n    # variant {number}\n    return x * x + y\n"
    return {
        "recipe": "verify",
        "task": {
            "prompt": f"Write f(x, y) that adds y to the square of x. Variant {number}.",
            "reference": {"tests": {"kind": "call", "entry_point": "f", "hidden": tests}},
        },
        "candidates": [{"id": "a", "trajectory": {"text": f"```python\n{code}```"}}],
        "budget": {"seconds": 150},
    }


def numbered(make: Callable[[int], dict[str, Any]], first: int = 0) -> Iterator[bytes]:
    """The bodies of one request after another, from number `first` on."""
    return (json.dumps(make(number)).encode() for number in itertools.count(first))
