"""The table of a run of pairs: one row for each set and recipe."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from typing import Any

from pydantic import Field

from evals.pair_results import PairResult
from judge_agent.schema import Envelope


class Tally(Envelope):
    """What became of the pairs of one set by one recipe. Seconds are wall clock unless the name says otherwise."""

    set: str
    recipe: str
    pairs: int
    asked: int = Field(description="Pairs that the run was to judge; more than `pairs` when it was stopped.")
    right: int
    wrong: int
    tie: int
    none: int
    accuracy_of_decided: float | None
    accuracy_of_all: float | None
    order_consistency: float | None = Field(description="Null where no pair was judged in both orders.")
    candidates: dict[str, int]
    candidate_failures: dict[str, int]
    principles: dict[str, int]
    principle_failures: dict[str, int]
    model_calls: int
    useless_calls: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    wall_seconds: float
    judge_seconds_each: float | None
    crashed: int
    stuck: int


def tally(set_name: str, recipe: str, results: Sequence[PairResult], asked: int) -> Tally:
    """Count the results of one set and recipe, of which the run was to have `asked`."""
    verdicts = Counter(result.verdict for result in results)
    decided = verdicts["right"] + verdicts["wrong"]
    usage = [result.usage for result in results]
    return Tally(
        set=set_name,
        recipe=recipe,
        pairs=len(results),
        asked=asked,
        right=verdicts["right"],
        wrong=verdicts["wrong"],
        tie=verdicts["tie"],
        none=verdicts["none"],
        accuracy_of_decided=_share(verdicts["right"], decided),
        accuracy_of_all=_share(verdicts["right"], len(results)),
        order_consistency=_mean([r.order_consistency for r in results if r.order_consistency is not None]),
        candidates=dict(Counter(c.status for result in results for c in result.candidates)),
        candidate_failures=dict(
            Counter(c.failure_kind for result in results for c in result.candidates if c.failure_kind)
        ),
        principles=_sum([result.decided_by for result in results]),
        principle_failures=_sum([result.principle_failures for result in results]),
        model_calls=sum(one.model_calls for one in usage),
        useless_calls=sum(one.useless_calls for one in usage),
        prompt_tokens=sum(one.prompt_tokens for one in usage),
        cached_tokens=sum(one.cached_tokens for one in usage),
        completion_tokens=sum(one.completion_tokens for one in usage),
        wall_seconds=round(_wall_seconds(results), 1),
        judge_seconds_each=_mean([r.seconds for r in results if r.seconds is not None]),
        crashed=sum(result.outcome == "crashed" for result in results),
        stuck=sum(result.outcome == "stuck" for result in results),
    )


def _wall_seconds(results: Sequence[PairResult]) -> float:
    """The time in which at least one of them ran: pauses between a run and its continuation are not in it."""
    total, end = 0.0, float("-inf")
    for result in sorted(results, key=lambda one: one.started):
        total += max(0.0, result.ended - max(result.started, end))
        end = max(end, result.ended)
    return total


def _sum(counts: Sequence[dict[str, int]]) -> dict[str, int]:
    return dict(sum(map(Counter, counts), Counter[str]()))


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _mean(values: Sequence[float]) -> float | None:
    return round(statistics.fmean(values), 4) if values else None


_COLUMNS = (
    *("set", "recipe", "pairs", "right", "wrong", "tie", "none", "of decided", "of all", "orders agree"),
    *("scored/partial/unscored", "by evidence/model", "calls", "useless", "tokens in+out", "wall s"),
    *("s each", "crashed", "stuck"),
)


def table(tallies: Sequence[Tally]) -> str:
    """The tallies as a Markdown table, and under it why candidates and principles were not scored."""
    rows = [_COLUMNS, *(_cells(one) for one in tallies)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(_COLUMNS))]
    lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in rows]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:], *_failures(tallies)])


def _cells(one: Tally) -> tuple[str, ...]:
    status, by = one.candidates, one.principles
    evidence = by.get("evidence", 0) + by.get("screen", 0)
    values: tuple[Any, ...] = (
        one.set,
        one.recipe,
        one.pairs if one.pairs == one.asked else f"{one.pairs} of {one.asked}",
        *(one.right, one.wrong, one.tie, one.none),
        _percent(one.accuracy_of_decided),
        _percent(one.accuracy_of_all),
        _percent(one.order_consistency),
        "/".join(str(status.get(name, 0)) for name in ("scored", "partial", "unscored")),
        f"{evidence}/{by.get('model', 0)}",
        *(one.model_calls, one.useless_calls),
        f"{one.prompt_tokens}+{one.completion_tokens}",
        f"{one.wall_seconds:.0f}",
        "n/a" if one.judge_seconds_each is None else f"{one.judge_seconds_each:.1f}",
        *(one.crashed, one.stuck),
    )
    return tuple(map(str, values))


def _failures(tallies: Sequence[Tally]) -> list[str]:
    """One line for each row that has something unscored."""
    lines = []
    for one in tallies:
        said = [
            f"{what} not scored: " + ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
            for what, kinds in (
                ("candidates", one.candidate_failures),
                ("principles", one.principle_failures),
            )
            if kinds
        ]
        if said:
            lines.append(f"{one.set} by {one.recipe}: {'; '.join(said)}")
    return lines


def _percent(share: float | None) -> str:
    return "n/a" if share is None else f"{share:.1%}"
