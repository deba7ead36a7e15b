"""What plain Python calls the same: to the type, or as far as JSON can tell."""

from __future__ import annotations

import math
from collections import Counter, OrderedDict

import pytest

from evals.mutation.exactly import as_json, exactly

EXACTLY = [
    (1, 1),
    ([1, (2, "a")], [1, (2, "a")]),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    ({1, 2}, {2, 1}),
    (math.nan, math.nan),
    (0.0, -0.0),
    (10**400, 10**400),
    (Counter("aab"), Counter("aba")),
]
ONLY_AS_JSON = [
    (1, 1.0),
    ([1, 2], (1, 2)),
    ([[1.0]], ([1],)),
    ({1: "a"}, {"1": "a"}),
    ({1, 2}, frozenset({1, 2})),
    ({"a": 1}, OrderedDict(a=1)),
]
NOT_AT_ALL = [
    (1, True),
    (1, "1"),
    (None, False),
    ([1, 2], [2, 1]),
    ([1], [1, 1]),
    ({1, 2}, [1, 2]),
    ({"a": 1}, {"a": 2}),
    ({"a": 1}, {"b": 1}),
    (math.nan, 1.0),
    (math.inf, 1e308),
    (10**400, math.inf),
    ([True], [1]),
]


@pytest.mark.parametrize(("one", "other"), EXACTLY)
def test_these_are_the_same_to_the_type(one, other):
    assert exactly(one, other)
    assert as_json(one, other)


@pytest.mark.parametrize(("one", "other"), ONLY_AS_JSON)
def test_these_are_the_same_as_far_as_json_can_tell(one, other):
    assert not exactly(one, other)
    assert as_json(one, other)


@pytest.mark.parametrize(("one", "other"), NOT_AT_ALL)
def test_these_are_not_the_same(one, other):
    for left, right in ((one, other), (other, one)):
        assert not exactly(left, right)
        assert not as_json(left, right)


def test_keys_and_members_of_other_types_are_told_apart():
    assert not exactly({1: 0}, {True: 0})
    assert not exactly({1, 2}, {True, 2})
    assert not exactly({1.0}, {1})


def test_a_tolerance_is_for_floats():
    assert exactly([1.0], [1.0 + 1e-9], 1e-6)
    assert not exactly([1.0], [1.1], 1e-6)
    assert not exactly(1, 1 + 10**-9, 1e-6)
    assert as_json(1, 1.0000000001, 1e-6)
