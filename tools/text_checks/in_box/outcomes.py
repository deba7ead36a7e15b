"""What a check comes to, and how a count with more than one reading is held to a range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

Verdict = Literal["pass", "fail", "undecided"]
Check = Mapping[str, Any]
MAX_TOLD_CHARS = 200


class Count(NamedTuple):
    """How many there are: at least and at most, for people read texts differently."""

    low: int
    high: int

    def __str__(self) -> str:
        return str(self.low) if self.low == self.high else f"{self.low} to {self.high}"


class Outcome(NamedTuple):
    """`by_reading`: it is undecided because the text can be read in two ways, and not because a limit was met."""

    verdict: Verdict
    told: str
    by_reading: bool = False


def exactly(count: int) -> Count:
    return Count(count, count)


def in_range(count: Count, check: Check) -> Verdict:
    low, high = bounds(check)
    if count.low >= low and (high is None or count.high <= high):
        return "pass"
    if count.high < low or (high is not None and count.low > high):
        return "fail"
    return "undecided"


def bounds(check: Check) -> tuple[int, int | None]:
    if check.get("exactly") is not None:
        return check["exactly"], check["exactly"]
    return check.get("min") or 0, check.get("max")


def of_counts(counts: Sequence[Count], check: Check, unit: str) -> Outcome:
    """Every one of several counts must lie in the range; where there is none, there is nothing to hold to it."""
    if not counts:
        return Outcome("undecided", f"there is no {unit}", True)
    verdicts = [in_range(count, check) for count in counts]
    if "fail" in verdicts:
        worst = verdicts.index("fail")
        return Outcome("fail", f"{unit} {worst + 1} of {len(counts)} has {counts[worst]}")
    spread = Count(min(one.low for one in counts), max(one.high for one in counts))
    verdict: Verdict = "undecided" if "undecided" in verdicts else "pass"
    return Outcome(verdict, f"{len(counts)} of them have {spread}", verdict == "undecided")


def resolved(outcome: Outcome, check: Check) -> Outcome:
    """The outcome as the check wants it: its opposite where it says so, and what ambiguity comes to."""
    verdict = outcome.verdict
    if verdict == "undecided":
        wanted: Verdict = check.get("ambiguous", "undecided")
        return outcome._replace(verdict=wanted) if outcome.by_reading else outcome
    if check.get("negate"):
        verdict = "fail" if verdict == "pass" else "pass"
    return outcome._replace(verdict=verdict)
