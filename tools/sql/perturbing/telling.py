"""What the tool's result says of perturbed copies: the principle that they settle, findings, flags, and the partial
vector of all that was looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from judge_agent.seams.tool import Aside, Finding
from tools.sql.perturbing.copies import COPIES, OnCopies
from tools.sql.trial import Verdict

NAME = "query_on_other_data"
DIMENSION = "robustness"
_DESCRIPTION = (
    "The candidate's final SQL query returns what was asked for on other data of the same schema, too."
)


def of_copies(verdicts: Sequence[Verdict]) -> tuple[Aside | None, list[Finding]]:
    """The principle that the copies settle, if they do, and what they say of the query itself: strong at most."""
    if any(verdict.finding is not None and verdict.finding.bearing == "refutes" for verdict in verdicts):
        return None, []
    tried = [verdict.copies for verdict in verdicts if verdict.copies is not None]
    differing = sorted((one for one in tried if one.differs is not None), key=lambda one: not one.decisive)
    if differing:
        reason = f"on a copy of the database with {differing[0].differs} its result is not the reference's"
        strong = Finding("refutes", "strong", None, reason)
        return (_aside(False, reason) if differing[0].decisive else None), [strong]
    if tried and len(tried) == len(verdicts) and all(one.keyed and one.matches for one in tried):
        count = sum(one.compared for one in tried)
        return _aside(True, f"its result is the reference's on {count} perturbed copies of the database"), []
    return None, []


def _aside(holds: bool, reason: str) -> Aside:
    finding = Finding("confirms" if holds else "refutes", "decisive", float(holds), reason)
    return Aside(NAME, _DESCRIPTION, DIMENSION, finding)


def copies_left_out(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Flags that name the databases of which copies were left out, or of which all copies together say nothing."""
    flags: dict[str, Any] = {}
    left_out = {
        verdict.database: f"{one.compared + one.left_open + one.failed} of {len(COPIES)} copies tried: {one.stopped}"
        for verdict in verdicts
        if (one := verdict.copies) is not None and one.stopped is not None
    }
    undecided = {
        verdict.database: one.undecided
        for verdict in verdicts
        if (one := verdict.copies) is not None and one.undecided is not None
    }
    if left_out:
        flags["perturbed_copies_left_out"] = left_out
    if undecided:
        flags["perturbed_copies_say_nothing"] = undecided
    return flags


def compared_copies(verdicts: Sequence[Verdict]) -> dict[str, int]:
    tried = [verdict.copies for verdict in verdicts if verdict.copies is not None]
    return {"perturbed_copies": sum(one.compared for one in tried)} if tried else {}


def partial_vector(verdicts: Sequence[Verdict]) -> dict[str, float | None]:
    """The parts by themselves, each the lowest of all databases; null where it is not known."""
    return {
        "parses": _lowest([_number(one.facts.get("parses")) for one in verdicts]),
        "executes": _lowest([_number(one.facts.get("executes")) for one in verdicts]),
        "schema_f1": _lowest([_f1(one) for one in verdicts]),
        "result_match": _lowest([_number(one.facts.get("matches")) for one in verdicts]),
        "perturbed_match": _lowest([_number(_on_copies(one.copies)) for one in verdicts]),
    }


def _lowest(values: Sequence[float | None]) -> float | None:
    """A zero counts even where another database could not be looked at; else one unknown part leaves all unknown."""
    known = [value for value in values if value is not None]
    return min(known) if known and (len(known) == len(values) or min(known) == 0) else None


def _number(fact: bool | None) -> float | None:
    return None if fact is None else float(fact)


def _f1(verdict: Verdict) -> float | None:
    return None if verdict.overlap is None else round(verdict.overlap.together, 4)


def _on_copies(copies: OnCopies | None) -> bool | None:
    return None if copies is None else copies.matches
