"""A dense reward of code: unit tests weighed by how rarely the group passes them.

The marks of a member's tests are in its flags under `tests`, by id and without any test's content: for each of
`hidden`, `visible` and `doctest` a text with one sign per test, in order, and for a test file by its id (`hidden.0`) a
sign per hashed name of what it holds. `+` passed, `?` passed in a way that a cheat could forge, `x` failed, `.` the
test says nothing of the code, `!` the judge's own lack. Code that could not be run at all has no marks.

Does not know whether a rarely passed test is hard or wrong: one that nobody passes moves nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from judge_agent.schema import CandidateResult

Marks = dict[str, str]
_DECIDING = ("hidden", "visible", "doctest")  # as for the verdict: the first of which there are any
_PASS = 0.5


def dense(
    members: Sequence[CandidateResult], values: Sequence[float | None], outcome: float
) -> tuple[list[float | None], dict[str, Any]]:
    """Return `outcome` of each value and the rest from the weights of the tests that the member passes, in [0, 1].

    With N members counted, of which a share p passes a test, the test weighs 1 - p + 1/N: the rarer its passing, the
    more, and never 0, so that who passes all is strictly best. The dense part is the weight passed over all weight.
    After VeRPO (arXiv 2601.03525), which adds a dense reward of tests, weighed by the group's pass rates, to the
    outcome. Only sure passes count, unless the verdict is that the tests are passed: then all are. Who breaks another
    hard principle has no dense part. Null becomes who was not tested whole for a lack of the judge's (time, a module).
    Where no member was tested, the values stay.
    """
    tested = [
        place for place, value in enumerate(values) if value is not None and "tests" in members[place].flags
    ]
    if not tested:
        return list(values), {"unshaped": "no member has results of tests"}
    marks = _comparable({place: _read(members[place].flags["tests"]) for place in tested})
    lost = {place for place in tested if _cut_short(members[place]) or "!" in marks[place].values()}
    counted = [place for place, value in enumerate(values) if value is not None and place not in lost]
    ids = sorted({test for place in counted for test, mark in marks.get(place, {}).items() if mark in "+?x"})
    passes = {place: _passed(members[place], marks.get(place, {}), ids) for place in counted}
    weights = {test: len(counted) + 1 - sum(test in passed for passed in passes.values()) for test in ids}
    rewards: list[float | None] = [None] * len(values)
    for place in counted:
        part = 0.0 if _breaks_another_rule(members[place]) else _share(passes[place], weights)
        rewards[place] = outcome * (values[place] or 0.0) + (1.0 - outcome) * part
    told: dict[str, Any] = {"tests": len(ids)}
    return rewards, told | ({"not_tested_whole": len(lost)} if lost else {})


def _share(passed: set[str], weights: Mapping[str, int]) -> float:
    total = sum(weights.values())
    return float(Fraction(sum(weights[test] for test in passed), total)) if total else 0.0


def _passed(member: CandidateResult, marks: Marks, ids: Sequence[str]) -> set[str]:
    """The tests that count as passed."""
    verdicts = [one for one in member.principles if one.tool == "run_tests"]
    if verdicts and all(one.valid and (one.score or 0.0) >= _PASS for one in verdicts):
        return set(ids)
    return {test for test in ids if marks.get(test) == "+"}


def _breaks_another_rule(member: CandidateResult) -> bool:
    return any(
        one.kind == "hard" and one.tool != "run_tests" and one.valid and (one.score or 0.0) < _PASS
        for one in member.principles
    )


_CUTS = frozenset({"cut_short_by_the_deadline", "cut_short_by_a_failed_box"})


def _cut_short(member: CandidateResult) -> bool:
    return not _CUTS.isdisjoint(member.flags)


def _read(told: Mapping[str, Any]) -> dict[str, Any]:
    """Marks by id of the test as the caller wrote it; those of a file are a mapping of their own."""
    found: dict[str, Any] = {}
    for name, marks in told.items():
        if isinstance(marks, str):
            found |= {
                f"{name}.{index}": mark for index, mark in enumerate(marks) if f"{name}.{index}" not in told
            }
        else:
            found[name] = dict(marks)
    return found


def _comparable(told: Mapping[int, Mapping[str, Any]]) -> dict[int, Marks]:
    """The marks of the deciding tests, flat; a file is one test for all where one member's had to be run as one."""
    kind = next(
        (kind for kind in _DECIDING if any(_is_of(name, kind) for marks in told.values() for name in marks)),
        "",
    )
    whole = {name for marks in told.values() for name, mark in marks.items() if isinstance(mark, str)}
    return {
        place: {
            test: mark
            for name, found in marks.items()
            if _is_of(name, kind)
            for test, mark in _flat(name, found, name in whole).items()
        }
        for place, marks in told.items()
    }


def _is_of(name: str, kind: str) -> bool:
    return name.split(".", 1)[0] == kind


def _flat(name: str, found: Any, whole: bool) -> Marks:
    if isinstance(found, str):
        return {name: found}
    if not whole:
        return {f"{name}/{part}": mark for part, mark in found.items()}
    signs = set(found.values()) - {"."}
    return {name: next((sign for sign in "!x?+" if sign in signs), ".")}
