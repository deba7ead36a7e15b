"""What holds for any two results: order of rows and columns is free, a changed cell never passes."""

from __future__ import annotations

import math
import random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tools.sql.comparison import compare, expected
from tools.sql.engine_box import QueryResult
from tools.sql.ordering import OrderPlan

CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.sampled_from(["", "x", "2", "2024-01-01", "2024-01-01 00:00:00", "02"]),
    st.sampled_from([{"f": "nan"}, {"f": "-inf"}, {"n": "2.50"}, {"t": "2024-01-01"}, {"b": "00"}]),
    st.sampled_from([{"l": [1, None]}, {"l": [1.5, "a"]}, {"m": [["k", 1]]}, {"i": "86400.0"}]),
)
TABLES = st.integers(1, 5).flatmap(
    lambda width: st.lists(
        st.lists(CELLS, min_size=width, max_size=width).map(tuple), min_size=1, max_size=12
    )
)

# On one double, two of them exact, and a double that is not far from either.
PAST_DOUBLES = [(None, number, None, None) for number in (2**70, 2**70 + 1, 9007199254740992.0)]


def table(rows, prefix="c") -> QueryResult:
    return QueryResult(tuple(f"{prefix}{at}" for at in range(len(rows[0]))), tuple(rows))


@settings(deadline=None, max_examples=200)
@given(TABLES, st.randoms(use_true_random=False))
@example(PAST_DOUBLES, random.Random(6))
@example(PAST_DOUBLES, random.Random(8))
def test_rows_and_columns_in_another_order_are_the_same_result(rows, chance: random.Random) -> None:
    order = list(range(len(rows[0])))
    chance.shuffle(order)
    moved = [tuple(row[at] for at in order) for row in rows]
    chance.shuffle(moved)
    assert compare(table(moved, "other"), expected(table(rows), None, OrderPlan())).matches


def test_many_rows_of_numbers_that_differ_in_their_last_bits_are_the_same_result() -> None:
    near, chance = (0.3, 0.1 + 0.2), random.Random(1)
    values = [chance.random() for _ in range(200)]
    one = [(near[at % 2], value) for at, value in enumerate(values)]
    other = [(near[1 - at % 2], value) for at, value in enumerate(values)]
    assert compare(table(other), expected(table(one), None, OrderPlan())).matches
    other[7] = (0.3, other[7][1] + 0.01)
    assert not compare(table(other), expected(table(one), None, OrderPlan())).matches


@settings(deadline=None, max_examples=200)
@given(TABLES, st.data())
def test_a_result_with_one_strange_cell_is_another_result(rows, data: st.DataObject) -> None:
    row, column = (
        data.draw(st.integers(0, len(rows) - 1)),
        data.draw(st.integers(0, len(rows[0]) - 1)),
    )
    changed = [list(one) for one in rows]
    changed[row][column] = "a text that is nowhere else"
    found = compare(table(changed), expected(table(rows), None, OrderPlan()))
    assert (found.matches, found.certain) == (False, True)


@settings(deadline=None, max_examples=200)
@given(TABLES)
def test_in_an_order_a_result_equals_itself_and_keeps_its_ties(rows) -> None:
    plan = OrderPlan(keys=(0,))
    assert compare(table(rows), expected(table(rows), None, plan)).matches
    assert not compare(table([*rows, rows[0]]), expected(table(rows), None, plan)).matches


def test_a_whole_number_beside_a_double_of_its_size_keeps_its_own_partner() -> None:
    near, whole = math.nextafter(2.0**70, math.inf), 2**70
    one, other = [(whole, "a"), (whole + 1, "b")], [("b", whole + 1), ("a", near)]
    assert compare(table(other, "other"), expected(table(one), None, OrderPlan())).matches
    other[0] = ("b", whole + 2)
    assert not compare(table(other, "other"), expected(table(one), None, OrderPlan())).matches
