"""The codec: what goes in comes out, equal and of one type; what no codec wrote is refused."""

import contextlib
import enum
import json
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.testing.codec import MAX_DEPTH, NotPlain, decode, encode, encode_noting, parse

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=2**1000, max_value=2**9000)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.complex_numbers(allow_nan=False)
    | st.decimals(allow_nan=False)
    | st.fractions()
)
keys = scalars | st.tuples(scalars, scalars) | st.frozensets(scalars, max_size=3)
values = st.recursive(
    scalars | st.sets(scalars, max_size=4) | st.binary().map(bytearray),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.lists(inner, max_size=4).map(deque)
        | st.dictionaries(keys, inner, max_size=4)
    ),
    max_leaves=20,
)


def sent_line(value):
    return json.dumps(encode(value), separators=(",", ":")).encode()


def shape(value):
    """A value with its types spelled out, so that 1, 1.0 and True differ."""
    if isinstance(value, (list, tuple, deque)):
        return type(value), [shape(item) for item in value]
    if isinstance(value, dict):
        return dict, [(shape(key), shape(item)) for key, item in value.items()]
    if isinstance(value, (set, frozenset)):
        return type(value), sorted(map(repr, value))
    return type(value), repr(value) if not isinstance(value, int) else value


@settings(max_examples=300, deadline=None)
@given(values)
def test_every_plain_value_comes_back_equal_and_of_its_type(value):
    line = sent_line(value)
    assert b"\n" not in line
    assert shape(decode(parse(line))) == shape(value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.sampled_from("$v"), inner, max_size=4)
    ),
    max_leaves=15,
)
TAGS = (
    *("tuple", "set", "frozenset", "dict", "bytes", "int", "float"),
    *("complex", "decimal", "fraction", "range", "ndarray", "x"),
)
tags = st.sampled_from(TAGS)


@settings(max_examples=300, deadline=None)
@given(st.builds(lambda tag, inner: {"$": tag, "v": inner}, tags, json_values))
def test_nonsense_is_decoded_or_refused_with_a_value_error(data):
    with contextlib.suppress(ValueError):
        encode(decode(data))


@pytest.mark.parametrize(
    "line", [b"", b"{", b"NaN", b"Infinity", b"[" * 100_000, b'{"$": "int", "v": "zz"}', b"9" * 5000, b"\xff"]
)
def test_lines_that_are_no_json_are_value_errors(line):
    with pytest.raises(ValueError):
        decode(parse(line))


class AlwaysEqual(list):
    def __eq__(self, other):
        return True

    def __iter__(self):
        return iter(["forged"])

    __hash__ = None


Point = namedtuple("Point", "x y")


@pytest.mark.parametrize(
    ("sent", "arrives"),
    [
        (AlwaysEqual([1]), [1]),
        (Point(1, 2), (1, 2)),
        (defaultdict(lambda: 0, a=1), {"a": 1}),
        (enum.IntEnum("Colour", "RED").RED, 1),
        ({"$": "tuple", "v": [1]}, {"$": "tuple", "v": [1]}),
        (-0.0, -0.0),
        (Decimal("NaN"), None),
        (Fraction(1, 3), Fraction(1, 3)),
    ],
)
def test_other_subclasses_arrive_as_their_base(sent, arrives):
    received = decode(parse(sent_line(sent)))
    if arrives is not None:
        assert received == arrives
        assert type(received) is type(arrives)


@pytest.mark.parametrize(
    "value", [Counter("aab"), OrderedDict(b=1, a=2), defaultdict(int, a=1), defaultdict(list, {1: [2]})]
)
def test_dicts_of_the_standard_library_arrive_as_such(value):
    received = decode(parse(sent_line(value)))
    assert received == value
    assert type(received) is type(value)
    assert getattr(received, "default_factory", None) is getattr(value, "default_factory", None)


def test_what_is_no_plain_data_is_named():
    deep = []
    for _ in range(MAX_DEPTH + 5):
        deep = [deep]
    for value in (object(), lambda: 1, iter([]), deep, type, {1: object()}):
        with pytest.raises(NotPlain):
            encode(value)


class Level(enum.IntEnum):
    LOW = 1


TWICE = [1]


@pytest.mark.parametrize(
    ("values", "loss"),
    [
        ([1, "x", [2.5], {"a": (1, 2)}, {3}], None),
        ([Counter("aa"), OrderedDict(a=1), defaultdict(int), namedtuple("Point", "x y")(1, 2)], None),
        ([[1], [1]], None),
        ([TWICE, TWICE], "one list arrives as two"),
        ([{"a": TWICE, "b": TWICE}], "one list arrives as two"),
        ([Level.LOW], "a Level arrives as int"),
        ([[type("Name", (str,), {})("x")]], "a Name arrives as str"),
        ([defaultdict(list)], None),
    ],
)
def test_what_arrives_as_something_else_is_told(values, loss):
    encoded, told = encode_noting(values)
    assert (told.reason if told else None) == loss
    assert len(encoded) == len(values)


def test_a_numpy_scalar_is_told_to_arrive_as_a_plain_one():
    numpy = pytest.importorskip("numpy")
    encoded, loss = encode_noting([numpy.float64(1)])
    assert encoded == [1.0]
    assert loss.reason == "a numpy float64 arrives as a plain one"
    assert encode_noting([numpy.array([1.0])])[1] is None
