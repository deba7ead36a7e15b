"""Counts the work of checking a value against a schema, and stops it.

Work is counted in units that do not depend on the machine, so that the same input is checked, or not
checked, everywhere. One unit is about ten microseconds of the walk.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

Keyword = Callable[[Any, Any, Any, Any], Any]

MAX_WORK = 30_000  # of one value
MAX_SCHEMA_WORK = 100_000  # of making one schema ready, which is done once
MAX_SIZE = 1_000_000  # characters and nodes of one schema or one value
MAX_NESTING = 64  # of the value or the schema itself
MAX_DEPTH = 100  # of keywords applied inside each other; a cycle of $refs ends here
CHARS_PER_UNIT = 64


class WorkExceeded(Exception):
    """The check would cost more than a check may; says which limit."""


@dataclass
class Work:
    """What one check has cost so far. `notes` are constraints that were met and could not be decided."""

    deadline: float | None = None
    limit: int = MAX_WORK
    units: int = 0
    depth: int = 0
    sizes: dict[int, int] = field(default_factory=dict)
    schema_sizes: Mapping[int, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    patterns: dict[str, Any] = field(default_factory=dict)

    def spend(self, units: int) -> None:
        if self.units + units > self.limit:
            raise WorkExceeded(f"the check needs more than {self.limit} units of work")
        self.units += units
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise TimeoutError("checking the tool calls ran out of time")

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def size(self, node: Any) -> int:
        """Return the size of a measured container or of an atom, in characters and nodes."""
        if not isinstance(node, (dict, list)):
            return _atom_size(node)
        return self.sizes.get(id(node)) or self.schema_sizes.get(id(node), 1)

    def measure(self, root: Any) -> int:
        """Record the size of every container in `root`. Raises WorkExceeded if it is too big or too deep."""
        total = 0
        # Containers are visited twice: on the way down to count, on the way up to record.
        stack: list[tuple[Any, int, int | None]] = [(root, 0, None)]
        while stack:
            node, depth, before = stack.pop()
            if before is not None:
                self.sizes[id(node)] = total - before
                continue
            if depth > MAX_NESTING:
                raise WorkExceeded(f"it nests deeper than {MAX_NESTING} levels")
            if isinstance(node, (dict, list)):
                stack.append((node, depth, total))
                stack.extend((child, depth + 1, None) for child in _children(node))
            total += 1 if isinstance(node, (dict, list)) else _atom_size(node)
            if total > MAX_SIZE:
                raise WorkExceeded(f"it is larger than {MAX_SIZE} characters")
        return total


def _children(node: dict[Any, Any] | list[Any]) -> list[Any]:
    return node if isinstance(node, list) else [*node.keys(), *node.values()]


def _atom_size(node: Any) -> int:
    if isinstance(node, str):
        return 1 + len(node)
    if isinstance(node, int):
        return 1 + node.bit_length() // 3
    return 1


_CURRENT: ContextVar[Work] = ContextVar("work")


def current() -> Work:
    return _CURRENT.get()


@contextmanager
def counted(work: Work) -> Iterator[Work]:
    """Charge every keyword that is applied inside to `work`."""
    token = _CURRENT.set(work)
    try:
        yield work
    finally:
        _CURRENT.reset(token)


def charged(keyword: Keyword, units: int = 1) -> Keyword:
    """Return the keyword with its cost counted: `units`, and one per 64 characters it may read or quote."""

    def applied(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        work = current()
        work.spend(units + (work.size(value) + work.size(instance)) // CHARS_PER_UNIT)
        work.depth += 1
        try:
            if work.depth > MAX_DEPTH:
                raise WorkExceeded(f"it applies keywords deeper than {MAX_DEPTH} levels (a cycle of $ref?)")
            yield from keyword(validator, value, instance, schema) or ()
        finally:
            work.depth -= 1

    return applied


def is_strict_json(value: Any) -> bool:
    """Return whether no number in `value` is NaN or infinite: Python's parser takes them, JSON has none."""
    stack = [value]
    while stack:
        node = stack.pop()
        if isinstance(node, (dict, list)):
            stack.extend(_children(node))
        elif isinstance(node, float) and not math.isfinite(node):
            return False
    return True
