"""The figures of a run: one summary for each set, recipe, and with or without tools; each over a fixed denominator."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from typing import Any

from pydantic import Field

from evals.loaders.item import DecidedBy, FirstError, Item, Suite
from evals.suite.results import Result
from evals.suite.statistics import calibration_error, harmonic, of_share
from judge_agent.schema import Envelope


class Figures(Envelope):
    """Verdicts over a fixed number of items: what is tied or unscored is not right."""

    items: int
    right: int
    wrong: int
    tie: int
    none: int
    accuracy: float | None = Field(description="Right ones of all items.")
    low: float | None = Field(
        description="The lower end of its interval of 95%: bootstrap, and Wilson's where all or none are right."
    )
    high: float | None
    accuracy_of_decided: float | None = Field(description="Right ones of those that are right or wrong.")


class Evidence(Envelope):
    """What tools alone said of the items: how many they told apart, and how rightly."""

    decided: int
    right: int
    precision: float | None
    coverage: float | None


class LengthBias(Envelope):
    """Over pairs of different length of which one was preferred; `bias` is the difference of the two shares."""

    pairs: int
    better_is_longer: float
    prefers_longer: float
    bias: float


class Summary(Envelope):
    """One set by one recipe. Seconds are wall clock unless the name says otherwise; `each` is per judgment."""

    set: str
    recipe: str
    with_tools: bool
    decided_by: DecidedBy
    is_given: bool = Field(description="Whether the requests hold what decides the label.")
    asked: int = Field(
        description="Items that the run was to judge; more than were judged when it was stopped."
    )
    total: Figures
    categories: dict[str, Figures]
    f1_of_first_errors: float | None = Field(
        description="Of sets of steps: harmonic mean of the accuracies with and without an error."
    )
    by_evidence: Evidence
    order_consistency: float | None = Field(description="Null where nothing was judged in both orders.")
    length_bias: LengthBias | None
    calibration_error: float | None
    unscored_share: float | None = Field(description="Candidates without a reward, of all.")
    evidence_share: float | None = Field(description="Of principles and steps that anything decided.")
    candidates: dict[str, int]
    candidate_failures: dict[str, int]
    decided: dict[str, int]
    principle_failures: dict[str, int]
    calls_each: float | None
    useless_calls: int
    prompt_tokens_each: float | None
    completion_tokens_each: float | None
    judge_seconds_each: float | None
    wall_seconds: float
    crashed: int
    stuck: int


def summary(
    suite: Suite, recipe: str, with_tools: bool, items: Sequence[Item], results: Sequence[Result], seed: int
) -> Summary:
    """Count the results of one set and recipe, of which the run was to have one for each of `items`."""
    usage = [result.usage for result in results]
    statuses = Counter(str(one.status) for result in results for one in result.candidates)
    decided = Counter[str]()
    for result in results:
        decided.update(result.decided_by)
    by_category = sorted({result.category for result in results})
    return Summary(
        set=suite.name,
        recipe=recipe,
        with_tools=with_tools,
        decided_by=suite.decided_by,
        is_given=suite.is_given,
        asked=len(items),
        total=figures(results, seed),
        categories={
            name: figures([one for one in results if one.category == name], seed) for name in by_category
        },
        f1_of_first_errors=_f1(items, results),
        by_evidence=_evidence(results),
        order_consistency=_mean([r.order_consistency for r in results if r.order_consistency is not None]),
        length_bias=_length_bias(results),
        calibration_error=calibration_error(
            [
                (one.confidence, one.verdict == "right")
                for one in results
                if one.confidence is not None and one.verdict in ("right", "wrong")
            ]
        ),
        unscored_share=_share(
            sum(one.reward is None for result in results for one in result.candidates), statuses.total()
        ),
        evidence_share=_share(decided["evidence"] + decided["screen"], decided.total()),
        candidates=dict(statuses),
        candidate_failures=dict(
            Counter(one.failure_kind for result in results for one in result.candidates if one.failure_kind)
        ),
        decided=dict(decided),
        principle_failures=_sum([result.principle_failures for result in results]),
        calls_each=_mean([one.model_calls for one in usage]),
        useless_calls=sum(one.useless_calls for one in usage),
        prompt_tokens_each=_mean([one.prompt_tokens for one in usage]),
        completion_tokens_each=_mean([one.completion_tokens for one in usage]),
        judge_seconds_each=_mean([r.seconds for r in results if r.seconds is not None]),
        wall_seconds=round(_wall_seconds(results), 1),
        crashed=sum(result.outcome == "crashed" for result in results),
        stuck=sum(result.outcome == "stuck" for result in results),
    )


def figures(results: Sequence[Result], seed: int) -> Figures:
    """Verdicts of results, with the seeded interval of their accuracy."""
    verdicts = Counter(result.verdict for result in results)
    interval = of_share(verdicts["right"], len(results), seed)
    return Figures(
        items=len(results),
        right=verdicts["right"],
        wrong=verdicts["wrong"],
        tie=verdicts["tie"],
        none=verdicts["none"],
        accuracy=_share(verdicts["right"], len(results)),
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        accuracy_of_decided=_share(verdicts["right"], verdicts["right"] + verdicts["wrong"]),
    )


def _evidence(results: Sequence[Result]) -> Evidence:
    said = [result.by_evidence for result in results if result.by_evidence is not None]
    right = said.count("right")
    return Evidence(
        decided=len(said),
        right=right,
        precision=_share(right, len(said)),
        coverage=_share(len(said), len(results)),
    )


def _length_bias(results: Sequence[Result]) -> LengthBias | None:
    told = [one for one in results if one.prefers_longer is not None]
    if not told:
        return None
    better = statistics.fmean(bool(one.better_is_longer) for one in told)
    preferred = statistics.fmean(bool(one.prefers_longer) for one in told)
    return LengthBias(
        pairs=len(told),
        better_is_longer=round(better, 4),
        prefers_longer=round(preferred, 4),
        bias=round(preferred - better, 4),
    )


def _f1(items: Sequence[Item], results: Sequence[Result]) -> float | None:
    """None for sets without steps, and where one of the two kinds is missing."""
    has_error = {one.id: one.label.step is not None for one in items if isinstance(one.label, FirstError)}
    shares = []
    for kind in (True, False):
        found = [one.verdict == "right" for one in results if has_error.get(one.item) is kind]
        if not found:
            return None
        shares.append(statistics.fmean(found))
    return round(harmonic(*shares), 4)


def _wall_seconds(results: Sequence[Result]) -> float:
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
    *("set", "recipe", "tools", "items", "right", "wrong", "tie", "none", "accuracy", "95%", "orders agree"),
    *("by evidence", "unscored", "calls", "tokens in+out", "s each", "crashed", "stuck"),
)


def table(summaries: Sequence[Summary]) -> str:
    """The summaries as a Markdown table, and under it why candidates and principles were not scored."""
    rows = [_COLUMNS, *(_cells(one) for one in summaries)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(_COLUMNS))]
    lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in rows]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:], *_failures(summaries)])


def _cells(one: Summary) -> tuple[str, ...]:
    total = one.total
    values: tuple[Any, ...] = (
        one.set,
        one.recipe,
        "yes" if one.with_tools else "no",
        total.items if total.items == one.asked else f"{total.items} of {one.asked}",
        *(total.right, total.wrong, total.tie, total.none),
        percent(total.accuracy),
        interval_of(total),
        percent(one.order_consistency),
        percent(one.evidence_share),
        percent(one.unscored_share),
        number(one.calls_each),
        f"{number(one.prompt_tokens_each)}+{number(one.completion_tokens_each)}",
        number(one.judge_seconds_each),
        *(one.crashed, one.stuck),
    )
    return tuple(map(str, values))


def _failures(summaries: Sequence[Summary]) -> list[str]:
    """One line for each row that has something unscored."""
    lines = []
    for one in summaries:
        said = [
            f"{what} not scored: " + ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
            for what, kinds in (
                ("candidates", one.candidate_failures),
                ("principles", one.principle_failures),
            )
            if kinds
        ]
        if said:
            tools = "" if one.with_tools else " without tools"
            lines.append(f"{one.set} by {one.recipe}{tools}: {'; '.join(said)}")
    return lines


def percent(share: float | None) -> str:
    return "n/a" if share is None else f"{share:.1%}"


def number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.1f}"


def interval_of(found: Figures) -> str:
    """The interval in whole per cents, rounded outwards: none is narrower than it is."""
    if found.low is None or found.high is None:
        return "n/a"
    return f"{math.floor(round(100 * found.low, 6))}% to {math.ceil(round(100 * found.high, 6))}%"
