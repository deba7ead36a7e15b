"""States are the same, or differ at the places that a case says; large ones cost the same whether right or wrong."""

from __future__ import annotations

import itertools
import json
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.check_state.shop import Check, messages
from tools.states.comparing import Comparison
from tools.states.work import Work

CASES = tomllib.loads((Path(__file__).parent / "comparisons.toml").read_text())["case"]
FLAT = {"id": 0, "name": "n", "a": 1, "b": 2, "c": 3, "d": 4, "at": 0}
TOUCH = {"touch": [{"set": "state.rows[args.i].a", "to": "args.v"}]}
RIGHT = 'touch {"i":5,"v":7}'
WRONG = {
    "nothing is done": [],
    "another row": ['touch {"i":39999,"v":7}'],
    "another value": ['touch {"i":5,"v":8}'],
    "one call too many": [RIGHT, 'touch {"i":6,"v":8}'],
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_states_differ_where_the_case_says(check: Check, case: dict[str, Any]) -> None:
    environment = {"state": json.loads(case["found"]), "effects": {}}
    result = check(messages([]), environment, json.loads(case["end"]))
    pointers = [one["reference_only"]["pointer"] for one in result.output["differences"]]
    assert pointers == case.get("differs", [])
    assert result.findings[0].bearing == ("refutes" if pointers else "confirms")


def _rows(count: int) -> dict[str, Any]:
    return {"state": {"rows": [{**FLAT, "id": index} for index in range(count)]}, "effects": TOUCH}


@pytest.mark.parametrize("unordered", [[], ["/rows"]], ids=["in order", "without one"])
@pytest.mark.parametrize("calls", WRONG.values(), ids=WRONG)
def test_a_large_state_that_is_wrong_is_refuted(check: Check, calls: list[str], unordered: list[str]) -> None:
    end = {"calls": [{"name": "touch", "arguments": {"i": 5, "v": 7}}], "unordered": unordered}
    result = check(messages(calls), _rows(40_000), end)
    assert (result.findings[0].bearing, result.findings[0].strength) == ("refutes", "decisive")


def test_a_large_state_of_many_small_parts_is_compared(check: Check) -> None:
    environment = {"state": {"rows": [[] for _ in range(1_100_000)], "n": 0}, "effects": {}}
    assert check(messages([]), environment, {"calls": []}).findings[0].bearing == "confirms"


def _ledger(count: int, cent: float) -> list[dict[str, Any]]:
    return [{"at": index, "amount": index % 97 + cent} for index in range(count)]


@pytest.mark.parametrize(("cent", "bearing"), [(0.1 + 0.2, "confirms"), (0.31, "refutes")])
def test_a_large_list_without_an_order_is_compared_with_the_tolerance_of_its_items(
    check: Check, cent: float, bearing: str
) -> None:
    environment = {"state": {"log": _ledger(5000, cent)}, "effects": {}}
    wanted = {"log": _ledger(5000, 0.3)[::-1]}
    for end in ({"state": wanted, "ignore": ["/log/*/at"]}, {"state": wanted}, {"contains": wanted}):
        started = time.process_time()
        result = check(messages([]), environment, {**end, "unordered": ["/log"]})
        assert result.findings[0].bearing == bearing
        assert time.process_time() - started < 20


def test_a_reference_is_replayed_whatever_the_candidate_spent(check: Check) -> None:
    effects = {
        "count": [{"let": "n", "be": "len([1 for i in range(args.n)])"}],
        "do": [{"set": "state.x", "to": "1"}],
    }
    end = {"calls": [{"name": "count", "arguments": {"n": 9000}}] * 30 + [{"name": "do"}]}
    for calls, bearing in (
        (['count {"n":9000}'] * 30, "refutes"),
        (['count {"n":9000}'] * 30 + ["do {}"], "confirms"),
    ):
        result = check(messages(calls), {"state": {"x": 0}, "effects": effects}, end)
        assert result.findings[0].bearing == bearing


ITEMS = st.fixed_dictionaries(
    {"a": st.sampled_from([1, 2, 0.3, 0.1 + 0.2])},
    optional={"b": st.sampled_from([1, 2]), "at": st.integers(0, 3)},
)
LISTS = st.lists(ITEMS, max_size=4)


@settings(max_examples=300, deadline=None)
@given(LISTS, LISTS, st.booleans())
def test_lists_without_an_order_are_the_same_where_some_order_makes_them_so(
    found: list[Any], wanted: list[Any], partly: bool
) -> None:
    work = Work(deadline=time.monotonic() + 30)

    def differs(one: list[Any], **rules: Any) -> bool:
        ignore = ("/l/*/at",)
        return bool(
            Comparison(work, ignore=ignore, partly=partly, **rules).differences({"l": one}, {"l": wanted})
        )

    by_hand = all(differs(list(order)) for order in itertools.permutations(found))
    assert differs(found, unordered=("/l",)) == by_hand
