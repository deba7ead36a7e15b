"""Carries plain Python values as JSON: what JSON cannot say is tagged `{"$": tag, "v": ...}`.

Exact kinds: None, bool, int (any size), float (inf, nan, -0.0 too), str, list, tuple, dict (any plain keys), set,
frozenset, bytes, bytearray, complex, Decimal, Fraction, range, deque, numpy arrays, Counter, OrderedDict, defaultdict
of a builtin type; in boxes named tuples too, by their fields. Any other subclass, and a numpy scalar, is carried as its
base, read with the base's own methods, so that no `__eq__` or `__iter__` of the sender's crosses. Everything else is
NotPlain. Runs on the host and inside boxes: only the standard library at import. What a box wrote may be
forged: every reader takes exactly the types that a writer makes, with sizes that cost no more than reading the line.
Does not carry identity: one object that appears twice arrives as two. `encode_noting` tells of it, and of bases.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any, NamedTuple

MAX_DEPTH = 100
MAX_NODES = 2_000_000
MAX_COLLISIONS = 100
MAX_LINE_BYTES = 8 * 2**20 - 64  # what a box may send in one line
TOO_LARGE = "value larger than one line"
MAX_INT_BITS = 2**22
MAX_FRACTION_BITS = 20_000  # making a Fraction takes a gcd, whose time grows with the square of this
MAX_RANGE = 10**8  # more steps than a test can go through in its time
MAX_FLOAT_CHARACTERS = 400
MAX_FIELDS, MAX_NAMED_TUPLES = 250, 100  # each type of a named tuple is compiled where it arrives
_PLAIN_INT, _KEPT = 2**1024, (Counter, OrderedDict, defaultdict)
_MUTABLE = frozenset((list, dict, set, bytearray, deque))
_FACTORIES: dict[str, type] = {
    kind.__name__: kind for kind in (int, float, bool, str, list, tuple, dict, set, frozenset)
}
_DTYPE = re.compile(r"(bool|u?int(8|16|32|64)|float(16|32|64)|complex(64|128)|str|bytes|object)")
_TEXT_DTYPE = re.compile(r"[<>=|]?([US])\d+")


class Loss(NamedTuple):
    """What of a value does not cross, and its type on this side."""

    reason: str
    kind: type


class NotPlain(Exception):
    """A value that is no plain data. The message names its type."""


def parse(line: bytes | str) -> Any:
    """Parse JSON that an untrusted box wrote. Raises ValueError (never RecursionError)."""
    try:
        return json.loads(line, parse_constant=_no_constant)
    except RecursionError as error:
        raise ValueError("the JSON is nested too deeply") from error


def encode(value: object, *, max_nodes: int = MAX_NODES) -> Any:
    """Return the JSON form of a value. Raises NotPlain."""
    return _Encoder(max_nodes).encode(value, 0)


def encode_noting(values: Iterable[object]) -> tuple[list[Any], Loss | None]:
    """Encode each, and say what of them arrives as something else: a subclass, a numpy scalar, one object twice."""
    encoder = _Encoder(MAX_NODES)
    return encoder.items(values, 0), encoder.loss


def decode(data: object) -> Any:
    """Return the value of a JSON form. Raises ValueError for anything that `encode` could not have made."""
    return _decode(data, 0)


class _Encoder:
    def __init__(self, max_nodes: int) -> None:
        self._nodes = 0
        self._max_nodes = max_nodes
        self._seen = dict[int, object]()
        self.loss: Loss | None = None

    def encode(self, value: object, depth: int) -> Any:
        self._nodes += 1
        if depth > MAX_DEPTH or self._nodes > self._max_nodes:
            raise NotPlain(
                f"{type(value).__name__}: nested deeper than {MAX_DEPTH} or more than {self._max_nodes} values"
            )
        if value is None or value is True or value is False:
            return value
        kind = type(value)
        if kind.__module__.partition(".")[0] == "numpy":
            return self._numpy(value, depth)
        for base, write in _WRITERS:
            if issubclass(kind, base):
                if kind is not base or base in _MUTABLE:
                    self._note(value, kind, base)
                return write(self, value, depth + 1)
        raise NotPlain(kind.__name__)

    def _note(self, value: object, kind: type, base: type) -> None:
        if kind is not base and kind not in _KEPT and not (base is tuple and hasattr(kind, "_fields")):
            self.loss = Loss(f"a {kind.__name__[:60]} arrives as {base.__name__}", kind)
        elif id(value) in self._seen:
            self.loss = Loss(f"one {base.__name__} arrives as two", base)
        self._seen[id(value)] = value  # kept alive: the next list may not take its place

    def items(self, values: Any, depth: int) -> list[Any]:
        return [self.encode(value, depth) for value in values]

    def _numpy(self, value: Any, depth: int) -> Any:
        numpy = sys.modules["numpy"]
        if isinstance(value, numpy.ndarray):
            dtype = _carried_dtype(value)
            return {"$": "ndarray", "v": [dtype, self.encode(value.tolist(), depth + 1)]}
        if isinstance(value, numpy.generic):
            _carried_dtype(value)
            self.loss = Loss(f"a numpy {type(value).__name__} arrives as a plain one", type(value))
            return self.encode(value.item(), depth)
        raise NotPlain(type(value).__name__)


def _carried_dtype(value: Any) -> str:
    """The dtype as it crosses: texts without their width, objects only where all of them are scalars."""
    dtype = str(value.dtype)
    if text := _TEXT_DTYPE.fullmatch(dtype):
        return "str" if text.group(1) == "U" else "bytes"
    if not _DTYPE.fullmatch(dtype) or (dtype == "object" and not all(map(_is_cell, value.flat))):
        raise NotPlain(f"ndarray of {dtype}")
    return dtype


def _is_cell(value: object) -> bool:
    return value is None or isinstance(value, (bool, int, float, complex, str, bytes))


def _write_int(_: _Encoder, value: Any, __: int) -> Any:
    number = int.__int__(value)
    if number.bit_length() > MAX_INT_BITS:
        raise NotPlain(f"int of more than {MAX_INT_BITS} bits")
    return number if abs(number) < _PLAIN_INT else {"$": "int", "v": hex(number)}


def _write_float(_: _Encoder, value: Any, __: int) -> Any:
    number = float.__float__(value)
    return number if math.isfinite(number) else {"$": "float", "v": repr(number)}


def _write_list(encoder: _Encoder, value: Any, depth: int) -> Any:
    return encoder.items(list.__iter__(value), depth)


def _write_dict(encoder: _Encoder, value: Any, depth: int) -> Any:
    items = list(dict.items(value))
    kind = type(value)
    if kind is Counter or kind is OrderedDict:
        return {"$": kind.__name__.lower(), "v": _write_pairs(encoder, items, depth)}
    if kind is defaultdict:
        for name, factory in _FACTORIES.items():
            if value.default_factory is factory:
                return {"$": "defaultdict", "v": [name, _write_pairs(encoder, items, depth)]}
    if all(type(key) is str and key != "$" for key, _ in items):
        return {key: encoder.encode(item, depth) for key, item in items}
    return {"$": "dict", "v": _write_pairs(encoder, items, depth)}


def _write_pairs(encoder: _Encoder, items: list[tuple[Any, Any]], depth: int) -> Any:
    return [[encoder.encode(key, depth), encoder.encode(item, depth)] for key, item in items]


def _write_tuple(encoder: _Encoder, value: Any, depth: int) -> Any:
    kind, members = type(value), encoder.items(tuple.__iter__(value), depth)
    fields = kind.__dict__.get("_fields")
    named = kind.__bases__ == (tuple,) and type(fields) is tuple
    if not named or not MAX_FIELDS >= len(fields or ()) == len(members):
        return {"$": "tuple", "v": members}
    return {"$": "namedtuple", "v": [kind.__name__, encoder.encode(list(fields or ()), depth), members]}


def _write_fraction(encoder: _Encoder, value: Any, depth: int) -> Any:
    parts = [_part(value, "_numerator"), _part(value, "_denominator")]
    if any(type(part) is not int or part.bit_length() > MAX_FRACTION_BITS for part in parts):
        raise NotPlain(f"Fraction of more than {MAX_FRACTION_BITS} bits")
    return {"$": "fraction", "v": encoder.items(parts, depth)}


def _part(value: Any, slot: str) -> Any:
    """Read the slot itself: a subclass may answer `numerator` as it likes."""
    return Fraction.__dict__[slot].__get__(value)


def _write_range(encoder: _Encoder, value: Any, depth: int) -> Any:
    if _steps(value) > MAX_RANGE:
        raise NotPlain(f"range of more than {MAX_RANGE} numbers")
    return {"$": "range", "v": encoder.items([value.start, value.stop, value.step], depth)}


def _steps(value: range) -> int:
    """`len` of any range: `len` itself stops at 2**63."""
    return max(0, -((value.start - value.stop) // value.step))


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
    (tuple, _write_tuple),
    (dict, _write_dict),
    (set, _tagged("set", set.__iter__)),
    (frozenset, _tagged("frozenset", frozenset.__iter__)),
    (deque, _tagged("deque", deque.__iter__)),
    (bytes, _tagged("bytes", lambda value: bytes.hex(value))),
    (bytearray, _tagged("bytearray", lambda value: bytearray.hex(value))),
    (complex, _tagged("complex", lambda value: [complex.real.__get__(value), complex.imag.__get__(value)])),
    (Decimal, _tagged("decimal", Decimal.__str__)),
    (Fraction, _write_fraction),
    (range, _write_range),
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
    if type(dtype) is not str or not _DTYPE.fullmatch(dtype) or not _only_cells(content):
        raise ValueError(f"no array of {str(dtype)[:40]!r}")
    return array_reader(content, dtype)


def _only_cells(content: Any) -> bool:
    """Whether an array's content is nested lists of scalars: numpy would go through a forged range."""
    if type(content) is list:
        return all(map(_only_cells, content))
    return _is_cell(content)


def _nested_lists(content: Any, _: str) -> Any:
    return content


def _plain_tuple(_: str, __: tuple[str, ...], members: list[Any]) -> Any:
    return tuple(members)


named_reader: Callable[[str, tuple[str, ...], list[Any]], Any] = _plain_tuple
array_reader: Callable[[Any, str], Any] = _nested_lists


def carry_arrays() -> None:
    """Decode arrays and named tuples as such from now on (for a box; the host compares lists and tuples)."""
    global array_reader, named_reader
    kinds: dict[tuple[str, tuple[str, ...]], Any] = {}

    def read(content: Any, dtype: str) -> Any:
        import numpy

        return numpy.array(content, dtype=dtype)

    def read_named(name: str, fields: tuple[str, ...], members: list[Any]) -> Any:
        if (name, fields) not in kinds:
            if len(kinds) >= MAX_NAMED_TUPLES:
                raise ValueError(f"more than {MAX_NAMED_TUPLES} types of named tuples")
            kinds[name, fields] = namedtuple(name, fields)
        return kinds[name, fields](*members)

    array_reader, named_reader = read, read_named


def _pairs(values: list[Any]) -> dict[Any, Any]:
    _spread([key for key, _ in values])
    return dict(values)


def _spread(values: list[Any]) -> list[Any]:
    """Refuse members chosen to share one hash: a set of them takes quadratic time. Raises ValueError."""
    hashes = sorted(map(hash, values))
    if any(one == other for one, other in zip(hashes, hashes[MAX_COLLISIONS:], strict=False)):
        raise ValueError(f"more than {MAX_COLLISIONS} members share one hash")
    return values


def _int(text: str) -> int:
    if len(text) > MAX_INT_BITS // 4 + 4:
        raise ValueError(f"more than {MAX_INT_BITS} bits")
    return int(text, 16)


def _float(text: str) -> float:
    if len(text) > MAX_FLOAT_CHARACTERS:
        raise ValueError(f"more than {MAX_FLOAT_CHARACTERS} characters")
    return float(text)


def _complex(values: list[Any]) -> complex:
    if not all(type(value) in (int, float) for value in values):
        raise ValueError("a part is no number")
    return complex(*values)


def _fraction(values: list[Any]) -> Fraction:
    numerator, denominator = _ints(values, 2)
    if max(numerator.bit_length(), denominator.bit_length()) > MAX_FRACTION_BITS:
        raise ValueError(f"more than {MAX_FRACTION_BITS} bits")
    return Fraction(numerator, denominator)


def _range(values: list[Any]) -> range:
    found = range(*_ints(values, 3))
    if _steps(found) > MAX_RANGE:
        raise ValueError(f"more than {MAX_RANGE} numbers")
    return found


def _default_dict(values: list[Any]) -> Any:
    name, pairs = values
    if type(name) is not str or name not in _FACTORIES:
        raise ValueError("no default of that type")
    return defaultdict(_FACTORIES[name], _pairs(pairs))


def _named(values: list[Any]) -> Any:
    name, fields, members = values
    if type(name) is not str or type(fields) is not list or type(members) is not list:
        raise ValueError("no name, fields and members")
    if not all(type(field) is str for field in fields) or not MAX_FIELDS >= len(fields) == len(members):
        raise ValueError("fields and members do not match")
    return named_reader(name, tuple(fields), members)


def _ints(values: list[Any], count: int) -> list[int]:
    if len(values) > count or not all(type(value) is int for value in values):
        raise ValueError(f"no {count} ints")
    return values


_TEXT_READERS: dict[str, Callable[[str], Any]] = {
    "int": _int,
    "float": _float,
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
    "complex": _complex,
    "fraction": _fraction,
    "range": _range,
    "ndarray": _array,
    "counter": lambda values: Counter(_pairs(values)),
    "ordereddict": lambda values: OrderedDict(_pairs(values)),
    "defaultdict": _default_dict,
    "namedtuple": _named,
}


_TAGS = frozenset((*_TEXT_READERS, *_LIST_READERS))


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
