"""Carries plain Python values as JSON: what JSON cannot say is tagged `{"$": tag, "v": ...}`.

Exact kinds: None, bool, int (any size), float (inf, nan, -0.0 too), str, list, tuple, dict (any plain keys), set,
frozenset, bytes, bytearray, complex, Decimal, Fraction, range, deque, numpy scalars and arrays. A subclass is carried
as its base, read with the base's own methods, so that no `__eq__` or `__iter__` of the sender's crosses. Everything
else is NotPlain. Runs on the host and inside boxes: only the standard library at import. Does not carry identity:
one object that appears twice arrives as two.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections import deque
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

MAX_DEPTH = 100
MAX_NODES = 2_000_000
MAX_COLLISIONS = 100
_PLAIN_INT = 2**1024
_TAGS = frozenset(
    [
        "tuple",
        "set",
        "frozenset",
        "dict",
        "bytes",
        "bytearray",
        "int",
        "float",
        "complex",
        "decimal",
        "fraction",
        "range",
        "deque",
        "ndarray",
    ]
)
_DTYPE = re.compile(r"(bool|u?int(8|16|32|64)|float(16|32|64)|complex(64|128))")


class NotPlain(Exception):
    """A value that is no plain data. The message names its type."""


def dumps(value: object) -> bytes:
    """Encode a value as one line of JSON. Raises NotPlain."""
    return json.dumps(encode(value), separators=(",", ":")).encode()


def loads(line: bytes | str) -> Any:
    """Decode one line. Raises ValueError for anything that `dumps` could not have written."""
    return decode(parse(line))


def parse(line: bytes | str) -> Any:
    """Parse JSON that an untrusted box wrote. Raises ValueError (never RecursionError)."""
    try:
        return json.loads(line, parse_constant=_no_constant)
    except RecursionError as error:
        raise ValueError("the JSON is nested too deeply") from error


def encode(value: object) -> Any:
    """Return the JSON form of a value. Raises NotPlain."""
    return _Encoder().encode(value, 0)


def decode(data: object) -> Any:
    """Return the value of a JSON form. Raises ValueError."""
    return _decode(data, 0)


class _Encoder:
    def __init__(self) -> None:
        self._nodes = 0

    def encode(self, value: object, depth: int) -> Any:
        self._nodes += 1
        if depth > MAX_DEPTH or self._nodes > MAX_NODES:
            raise NotPlain(
                f"{type(value).__name__}: nested deeper than {MAX_DEPTH} or more than {MAX_NODES} values"
            )
        if value is None or value is True or value is False:
            return value
        kind = type(value)
        if kind.__module__.partition(".")[0] == "numpy":
            return self._numpy(value, depth)
        for base, write in _WRITERS:
            if issubclass(kind, base):
                return write(self, value, depth + 1)
        raise NotPlain(kind.__name__)

    def items(self, values: Any, depth: int) -> list[Any]:
        return [self.encode(value, depth) for value in values]

    def _numpy(self, value: Any, depth: int) -> Any:
        numpy = sys.modules["numpy"]
        if isinstance(value, numpy.ndarray):
            dtype = str(value.dtype)
            if not _DTYPE.fullmatch(dtype):
                raise NotPlain(f"ndarray of {dtype}")
            return {"$": "ndarray", "v": [dtype, self.encode(value.tolist(), depth + 1)]}
        if isinstance(value, numpy.generic) and _DTYPE.fullmatch(str(value.dtype)):
            return self.encode(value.item(), depth)
        raise NotPlain(type(value).__name__)


def _write_int(_: _Encoder, value: Any, __: int) -> Any:
    number = int.__int__(value)
    return number if abs(number) < _PLAIN_INT else {"$": "int", "v": hex(number)}


def _write_float(_: _Encoder, value: Any, __: int) -> Any:
    number = float.__float__(value)
    return number if math.isfinite(number) else {"$": "float", "v": repr(number)}


def _write_list(encoder: _Encoder, value: Any, depth: int) -> Any:
    return encoder.items(list.__iter__(value), depth)


def _write_dict(encoder: _Encoder, value: Any, depth: int) -> Any:
    items = list(dict.items(value))
    if all(type(key) is str and key != "$" for key, _ in items):
        return {key: encoder.encode(item, depth) for key, item in items}
    return {
        "$": "dict",
        "v": [[encoder.encode(key, depth), encoder.encode(item, depth)] for key, item in items],
    }


def _tagged(tag: str, read: Callable[[Any], Any]) -> Callable[[_Encoder, Any, int], Any]:
    def write(encoder: _Encoder, value: Any, depth: int) -> Any:
        inner = read(value)
        return {"$": tag, "v": inner if isinstance(inner, str) else encoder.items(inner, depth)}

    return write


_WRITERS: tuple[tuple[type, Callable[[_Encoder, Any, int], Any]], ...] = (
    (int, _write_int),
    (float, _write_float),
    (str, lambda _, value, __: str.__str__(value)),
    (list, _write_list),
    (tuple, _tagged("tuple", tuple.__iter__)),
    (dict, _write_dict),
    (set, _tagged("set", set.__iter__)),
    (frozenset, _tagged("frozenset", frozenset.__iter__)),
    (deque, _tagged("deque", deque.__iter__)),
    (bytes, _tagged("bytes", lambda value: bytes.hex(value))),
    (bytearray, _tagged("bytearray", lambda value: bytearray.hex(value))),
    (complex, _tagged("complex", lambda value: [complex.real.__get__(value), complex.imag.__get__(value)])),
    (Decimal, _tagged("decimal", Decimal.__str__)),
    (Fraction, _tagged("fraction", lambda value: [value.numerator, value.denominator])),
    (range, _tagged("range", lambda value: [value.start, value.stop, value.step])),
)


def _decode(data: object, depth: int) -> Any:
    if depth > 2 * MAX_DEPTH + 10:
        raise ValueError(f"nested deeper than {MAX_DEPTH}")
    if isinstance(data, list):
        return [_decode(item, depth + 1) for item in data]
    if not isinstance(data, dict):
        return data
    if data.keys() == {"$", "v"} and isinstance(data["$"], str) and data["$"] in _TAGS:
        return _decode_tagged(data["$"], data["v"], depth + 1)
    return {key: _decode(item, depth + 1) for key, item in data.items()}


def _decode_tagged(tag: str, inner: Any, depth: int) -> Any:
    try:
        if tag in _TEXT_READERS:
            if type(inner) is not str:
                raise ValueError(f"{tag} wants text")
            return _TEXT_READERS[tag](inner)
        values = _decode(inner, depth)
        if type(values) is not list:
            raise ValueError(f"{tag} wants a list")
        return _LIST_READERS[tag](values)
    except (TypeError, InvalidOperation, ZeroDivisionError, OverflowError) as error:
        raise ValueError(f"no {tag}: {error}") from error


def _array(values: list[Any]) -> Any:
    """A numpy array where numpy is loaded or may be (in a box), else its nested lists (on the host)."""
    dtype, content = values
    if not _DTYPE.fullmatch(dtype):
        raise ValueError(f"no array of {dtype!r}")
    return array_reader(content, dtype)


def _nested_lists(content: Any, _: str) -> Any:
    return content


array_reader: Callable[[Any, str], Any] = _nested_lists


def carry_arrays() -> None:
    """Decode arrays to numpy arrays from now on (for a box; the host compares nested lists)."""
    global array_reader

    def read(content: Any, dtype: str) -> Any:
        import numpy

        return numpy.array(content, dtype=dtype)

    array_reader = read


def _pairs(values: list[Any]) -> dict[Any, Any]:
    _spread([key for key, _ in values])
    return dict(values)


def _spread(values: list[Any]) -> list[Any]:
    """Refuse members chosen to share one hash: a set of them takes quadratic time. Raises ValueError."""
    hashes = sorted(map(hash, values))
    if any(one == other for one, other in zip(hashes, hashes[MAX_COLLISIONS:], strict=False)):
        raise ValueError(f"more than {MAX_COLLISIONS} members share one hash")
    return values


_TEXT_READERS: dict[str, Callable[[str], Any]] = {
    "int": lambda text: int(text, 16),
    "float": float,
    "decimal": Decimal,
    "bytes": bytes.fromhex,
    "bytearray": bytearray.fromhex,
}
_LIST_READERS: dict[str, Callable[[list[Any]], Any]] = {
    "tuple": tuple,
    "set": lambda values: set(_spread(values)),
    "frozenset": lambda values: frozenset(_spread(values)),
    "deque": deque,
    "dict": _pairs,
    "complex": lambda values: complex(*values),
    "fraction": lambda values: Fraction(*values),
    "range": lambda values: range(*values),
    "ndarray": _array,
}


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
