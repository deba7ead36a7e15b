"""One sign per test, for who compares the members of a group; what a test asks or expects is in none of them.

`+` passed, `?` passed in a way that the code could have forged, `x` failed, `.` says nothing of the code, `!` a module
lacks in the box. By visibility a text with the tests' signs in their order; by the id of a test that is a file
(`hidden.0`) the signs of what it holds, by hash, for a name may hold what is expected. A file that was run in one box
with the code is one test: the code could have made up the names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from tools.testing.report import TestResult

_WORST_FIRST = "!x?+"


def marks(results: Sequence[TestResult]) -> dict[str, Any]:
    """Return the signs of the task's own tests and doctests; those of the judge's assertions are left out."""
    found: dict[str, dict[str, str]] = {}
    shared = {_item(result.name) for result in results if result.isolation == "shared"}
    for result in results:
        if result.visibility == "model":
            continue
        item, part = _item(result.name), result.name.partition("::")[2]
        signs = found.setdefault(item, {})
        key = "" if item in shared else _hashed(part)
        signs[key] = _worse(signs.get(key, "."), _sign(result))
    return _written(found)


def _item(name: str) -> str:
    """`hidden.0` of `hidden.0::test_x`."""
    return name.partition("::")[0]


def _hashed(part: str) -> str:
    return hashlib.sha256(part.encode("utf-8", "surrogatepass")).hexdigest()[:16] if part else ""


def _worse(one: str, other: str) -> str:
    return next((sign for sign in _WORST_FIRST if sign in (one, other)), ".")


def _sign(result: TestResult) -> str:
    """A skipped test that had called the code may have been skipped for what the code answered."""
    if result.status == "pass":
        return "+" if result.certain and result.isolation == "split" else "?"
    if result.status in ("fail", "error", "timeout", "not_run"):
        return "x"
    if result.status == "lacking":
        return "!"
    return "?" if result.isolation == "shared" or result.touched else "."


def _written(found: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    lines: dict[str, dict[int, str]] = {}
    written: dict[str, Any] = {}
    for item, signs in sorted(found.items()):
        visibility, _, index = item.partition(".")
        if set(signs) == {""} and (index.isdecimal() or not index):
            lines.setdefault(visibility, {})[int(index or 0)] = signs[""]
        else:
            written[item] = dict(sorted(signs.items()))
    for visibility, line in lines.items():
        written[visibility] = "".join(line.get(place, ".") for place in range(max(line) + 1))
    return dict(sorted(written.items()))
