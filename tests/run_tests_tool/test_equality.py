"""When a returned value is the expected one: the JSON author's meaning, and no confusion of types."""

import tomllib
from collections import deque
from pathlib import Path

import pytest

from tools.testing.equality import same

CASES = tomllib.loads(Path(__file__).with_name("equality.toml").read_text())


def value(expression):
    return eval(expression, {"deque": deque})


@pytest.mark.parametrize(("expected", "actual"), CASES["equal"])
def test_these_are_the_same(expected, actual):
    assert same(value(expected), value(actual))


@pytest.mark.parametrize(("expected", "actual"), CASES["different"])
def test_these_are_not_the_same(expected, actual):
    assert not same(value(expected), value(actual))
    assert not same(value(expected), value(actual), 1e-9)


@pytest.mark.parametrize(("expected", "actual"), CASES["near"])
def test_these_are_the_same_within_a_tolerance(expected, actual):
    assert same(value(expected), value(actual), 1e-5)


@pytest.mark.parametrize(("expected", "actual"), CASES["far"])
def test_a_tolerance_is_for_numbers_only(expected, actual):
    assert not same(value(expected), value(actual), 1e-5)
