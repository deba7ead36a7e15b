"""Lets programs recurse through C code as deep as they can elsewhere.

CPython built for WASI counts calls from Python to C and back to Python down from 500, a number that no program can
change: functions with a cache, comparisons, sort keys and the like end at a depth of some 200, where an ordinary
Python goes on to its limit of 1000 and beyond. The counter lies in the interpreter's memory, beside the limit of
recursion in Python, and is found by that: the first program in a box sets it to MARK for a moment.
Source: CPython 3.12, Include/cpython/pystate.h, `struct _ts`.
"""

from __future__ import annotations

import struct
from typing import Any

from wasmtime import Memory

from sandboxes.wasm.in_child.engine import PAGE, WASM_STACK_PAGES

MARK = 987_654_321
_CALLS = 20_000  # what the engine's stack is enough for
_BUILT_IN = 500
_FIELDS = struct.Struct(
    "<iiii"
)  # py_recursion_remaining, py_recursion_limit, c_recursion_remaining, recursion_headroom


def allow_recursion(memory: Memory, store: Any) -> None:
    """Raise the counter. Raises RuntimeError where it is not found in exactly one place."""
    held = bytes(memory.read(store, 0, memory.data_len(store) - WASM_STACK_PAGES * PAGE))
    mark, places, place = struct.pack("<i", MARK), list[int](), -1
    while (place := held.find(mark, place + 1)) >= 0:
        if place % 4 == 0 and place >= 4 and _is_state(_FIELDS.unpack_from(held, place - 4)):
            places.append(place + 4)
    if len(places) != 1:
        raise RuntimeError(f"Python's count of recursion is in {len(places)} places")
    (left,) = struct.unpack_from("<i", held, places[0])
    memory.write(store, struct.pack("<i", left + _CALLS - _BUILT_IN), places[0])


def _is_state(fields: tuple[int, ...]) -> bool:
    python_left, _, c_left, headroom = fields
    return MARK - 1000 < python_left <= MARK and 0 < c_left <= _BUILT_IN and headroom == 0
