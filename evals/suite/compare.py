"""`python -m evals compare A B`: whether two runs over the same items differ, and in which.

A and B are folders that `run` or `all` kept, or their `items.jsonl`. Where one holds several recipes, or runs with and
without tools, `--a` and `--b` say which is meant: `RECIPE` or `RECIPE/no-tools`. Items are paired: what is told is the
difference of the accuracies (B less A) with a paired bootstrap interval of 95% (Wilson's where all pairs are alike),
and how probable so uneven a split of the items that one alone has right is by chance (McNemar, exact). Runs over
different items are refused unless `--common` asks for those that both have; items of one id whose request or label is
another one, always. Of a file that holds results of several judges or settings the last ones count. What crashed or got
stuck is not right, and is told. Ends with 2 where there is nothing to compare.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from evals.options import whole
from evals.suite.results import Result, read
from evals.suite.statistics import mcnemar, of_difference
from judge_agent.errors import InvalidRequest

NO_TOOLS = "/no-tools"
Place = tuple[str, str]


class Difference(NamedTuple):
    """Two runs over the same items. `low` and `high` bound `difference`, the accuracy of B less that of A."""

    set: str
    items: int
    a_right: int
    b_right: int
    a_only: int
    b_only: int
    difference: float
    low: float
    high: float
    p_value: float


def add_parser(names: Any) -> None:
    parser = names.add_parser("compare", help="two runs over the same items: paired statistics")
    parser.add_argument("first", type=Path, metavar="A", help="folder of a run")
    parser.add_argument("second", type=Path, metavar="B", help="folder of the other one")
    parser.add_argument("--a", help="which of A's: RECIPE or RECIPE/no-tools")
    parser.add_argument("--b", help="which of B's")
    parser.add_argument("--common", action="store_true", help="only the items that both have")
    parser.add_argument("--seed", type=whole(0), default=0, help="of the resampling (0)")
    parser.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    try:
        first, second = (
            _chosen(path, which)
            for path, which in zip(
                (arguments.first, arguments.second), (arguments.a, arguments.b), strict=True
            )
        )
        places = _same(first, second, common=arguments.common)
    except InvalidRequest as error:
        print(error, file=sys.stderr)
        return 2
    sets = list(dict.fromkeys(name for name, _ in places))
    told = [
        _difference(name, [p for p in places if p[0] == name], first, second, arguments.seed) for name in sets
    ]
    if len(sets) > 1:
        told.append(_difference("all", places, first, second, arguments.seed))
    print(_text(told))
    for name, results in (("A", first), ("B", second)):
        if lost := Counter(results[place].outcome for place in places if results[place].outcome != "judged"):
            print(
                f"{name}, counted as not right: {', '.join(f'{n} {what}' for what, n in sorted(lost.items()))}"
            )
    differing = [place for place in places if first[place].verdict != second[place].verdict]
    for place in differing:
        print(f"{place[0]} {place[1]}: {first[place].verdict} -> {second[place].verdict}")
    if arguments.json:
        listed = [
            {"set": name, "item": item, "a": first[name, item].verdict, "b": second[name, item].verdict}
            for name, item in differing
        ]
        print(json.dumps({"differences": [one._asdict() for one in told], "items": listed}))
    return 0


def _chosen(path: Path, which: str | None) -> Mapping[Place, Result]:
    """The last result of each item, of the one way of judging that is meant."""
    file = path / "items.jsonl" if path.is_dir() else path
    found = [result for result in read(file) if which is None or _way(result) == which]
    ways = sorted({_way(result) for result in found})
    if not found:
        raise InvalidRequest(str(file), f"holds no results{f' of {which!r}' if which else ''}")
    if len(ways) > 1:
        raise InvalidRequest(
            str(file), f"holds several ways of judging; say with --a or --b which of {', '.join(ways)}"
        )
    last = [result for result in found if result.way_sha256 in (found[-1].way_sha256, None)]
    if len(last) < len(found):
        print(
            f"{file}: {len(found) - len(last)} results of other settings or another judge are not compared",
            file=sys.stderr,
        )
    return {(result.set, result.item): result for result in last}


def _way(result: Result) -> str:
    return result.recipe + ("" if result.with_tools else NO_TOOLS)


def _same(first: Mapping[Place, Result], second: Mapping[Place, Result], *, common: bool) -> list[Place]:
    shared = sorted(first.keys() & second.keys())
    if not shared:
        raise InvalidRequest("A, B", "have no item in common")
    if other := [place for place in shared if _are_other(first[place], second[place])]:
        raise InvalidRequest(
            "A, B",
            f"were run on other data: {len(other)} items of one id are not the same, such as {' '.join(other[0])}",
        )
    apart = sorted(first.keys() ^ second.keys())
    if apart and not common:
        raise InvalidRequest(
            "A, B",
            f"are over different items: {len(apart)} stand in one only, such as {' '.join(apart[0])}; "
            f"--common compares the {len(shared)} that both have",
        )
    return shared


def _are_other(one: Result, other: Result) -> bool:
    known = one.item_sha256 is not None and other.item_sha256 is not None
    return known and one.item_sha256 != other.item_sha256


def _difference(
    name: str,
    places: Sequence[Place],
    first: Mapping[Place, Result],
    second: Mapping[Place, Result],
    seed: int,
) -> Difference:
    pairs = [(first[place].verdict == "right", second[place].verdict == "right") for place in places]
    a_only, b_only = pairs.count((True, False)), pairs.count((False, True))
    interval = of_difference(a_only, b_only, len(pairs), seed)
    assert interval is not None
    return Difference(
        set=name,
        items=len(pairs),
        a_right=sum(a for a, _ in pairs),
        b_right=sum(b for _, b in pairs),
        a_only=a_only,
        b_only=b_only,
        difference=round((b_only - a_only) / len(pairs), 4),
        low=interval.low,
        high=interval.high,
        p_value=round(mcnemar(a_only, b_only), 6),
    )


def _text(told: Sequence[Difference]) -> str:
    head = f"{'set':20} {'items':>6} {'A right':>8} {'B right':>8} {'B - A':>8} {'95%':>18} {'p':>8}"
    lines = [
        f"{one.set:20} {one.items:>6} {one.a_right:>8} {one.b_right:>8} {one.difference:>+8.1%} "
        f"{f'{one.low:+.1%} to {one.high:+.1%}':>18} {one.p_value:>8.4f}"
        for one in told
    ]
    return "\n".join([head, *lines])
