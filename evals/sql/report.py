"""The tables of `python -m evals sql`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, NamedTuple

from evals.sql.apart import Apart
from evals.sql.mutants import KINDS, Mutant
from evals.sql.trial import Answer


class Tried(NamedTuple):
    """A mutant, where plain sqlite3 tells it from its original, and what the tool says. None: it was not asked."""

    mutant: Mutant
    apart: Apart
    answer: Answer | None


@dataclass
class Golds:
    """Gold queries against themselves and their alternatives, by the tool's verdict on the given data."""

    itself: Counter[str] = field(default_factory=Counter)
    same_rows: Counter[str] = field(default_factory=Counter)
    other_rows: Counter[str] = field(default_factory=Counter)
    alarms: list[str] = field(default_factory=list)


@dataclass
class Rewrites:
    """Hand-written equals, by engine: how many were tried, and what was said against any of them."""

    tried: Counter[str] = field(default_factory=Counter)
    decided: Counter[str] = field(default_factory=Counter)
    alarms: list[str] = field(default_factory=list)
    weak_alarms: list[str] = field(default_factory=list)


class Rate(NamedTuple):
    """Of `count` mutants that are not held equivalent, how many are told wrong: by the given data, then by copies."""

    total: int
    given: int
    decisive: int
    strong: int
    equivalent: int
    alarms: int

    def shares(self) -> tuple[float, float, float]:
        if not self.total:
            return (0.0, 0.0, 0.0)
        by_copies = self.given + self.decisive
        return self.given / self.total, by_copies / self.total, (by_copies + self.strong) / self.total


def rate(tried: Sequence[Tried]) -> Rate:
    """Count them. A mutant that the given data leaves open is not told wrong."""
    real = [one for one in tried if one.apart in ("given", "copies")]
    equal = [one for one in tried if one.apart == "nowhere"]
    wrong = [one for one in real if one.answer is not None and one.answer.given == "wrong"]
    others = [one.answer.copies for one in real if one.answer is not None and one.answer.given != "wrong"]
    alarms = [one for one in equal if one.answer is not None and _is_alarm(one.answer)]
    return Rate(
        len(real), len(wrong), others.count("decisive"), others.count("strong"), len(equal), len(alarms)
    )


def _is_alarm(answer: Answer) -> bool:
    return answer.given == "wrong" or answer.copies in ("decisive", "strong")


def mutants_table(tried: Sequence[Tried]) -> str:
    head = f"{'kind':18}{'mutants':>8}{'given':>8}{'copies':>8}{'+strong':>8}{'equal':>7}{'alarms':>8}"
    lines = [head]
    for kind in (*KINDS, "all"):
        own = [one for one in tried if kind in (one.mutant.kind, "all")]
        found = rate(own)
        if found.total or found.equivalent:
            given, copies, strong = found.shares()
            lines.append(
                f"{kind:18}{found.total:8}{given:8.1%}{copies:8.1%}{strong:8.1%}{found.equivalent:7}{found.alarms:8}"
            )
    return "\n".join(lines)


def keys_line(tried: Sequence[Tried]) -> str:
    """What copies tell of the mutants that the given data does not, with declared keys and without."""
    told = []
    for keyed in (True, False):
        own = [
            one.answer.copies
            for one in tried
            if one.apart != "nowhere" and one.answer is not None and one.answer.given != "wrong"
            if one.answer.keyed is keyed and one.answer.copies != "untried"
        ]
        kinds = f"{own.count('decisive')} decided, {own.count('strong')} strong, of {len(own)}"
        told.append(f"{'with' if keyed else 'without'} declared keys: {kinds}")
    return f"left by the given data, then on copies: {'; '.join(told)}"


def seconds_line(tried: Sequence[Tried]) -> str:
    """What copies cost: seconds of calls that tried them, beside those of calls that did not."""
    answers = [one.answer for one in tried if one.answer is not None]
    without = [one.seconds for one in answers if one.copies == "untried"]
    with_copies = [one.seconds for one in answers if one.copies == "same"]
    if not without or not with_copies:
        return "seconds of a call: too few calls"
    return (
        f"seconds of a call (median): {median(without):.2f} where the given data decides, "
        f"{median(with_copies):.2f} with all copies"
    )


def as_json(golds: Golds, rewrites: Rewrites, tried: Sequence[Tried]) -> dict[str, Any]:
    found = rate(tried)
    given, copies, strong = found.shares()
    return {
        "gold_itself": dict(golds.itself),
        "gold_alternatives_same_rows": dict(golds.same_rows),
        "gold_alternatives_other_rows": dict(golds.other_rows),
        "gold_alarms": len(golds.alarms),
        "rewrites": dict(rewrites.tried),
        "rewrites_confirmed": dict(rewrites.decided),
        "rewrite_false_alarms": len(rewrites.alarms),
        "rewrite_weak_alarms": len(rewrites.weak_alarms),
        "mutants": found.total,
        "mutants_held_equivalent": found.equivalent,
        "alarms_on_held_equivalent": found.alarms,
        "kill_rate_given": round(given, 4),
        "kill_rate_copies": round(copies, 4),
        "kill_rate_copies_with_strong": round(strong, 4),
    }
