"""The table of `evals all`: a row for each set, with and without tools side by side, what decides labels told apart."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from evals.suite.report import Report
from evals.suite.summary import Figures, Summary, interval_of, number, percent
from judge_agent.errors import InvalidRequest

MARKS = ("<!-- evals all: begin -->", "<!-- evals all: end -->")
_HEAD = (
    "| set | label by | items | with tools | 95% | without | 95% "
    "| tools alone: precision, coverage | unscored | s each |",
    "|---|---|---|---|---|---|---|---|---|---|",
)


def readme_table(report: Report) -> str:
    """The table in two parts: sets whose requests hold what decides the label, and reference-free ones."""
    given = [one for one in report.summaries if one.is_given]
    free = [one for one in report.summaries if not one.is_given]
    parts = [
        ("Requests that hold the tests, the reference, the query or the end state", given),
        ("Reference-free", free),
    ]
    tables = [
        f"{title}:\n\n" + "\n".join([*_HEAD, *_rows(found), _sum(found)]) for title, found in parts if found
    ]
    recipes = ", ".join(sorted({f"`{one.recipe}`" for one in report.summaries}))
    said = (
        f"`python -m evals all`, recipe {recipes}, model {report.model.get('model')} "
        f"({json.dumps(report.model.get('revision'))}), seed {report.seed}; {report.machine}."
    )
    return "\n\n".join([*tables, said])


def _rows(summaries: Sequence[Summary]) -> list[str]:
    lines = []
    for name in dict.fromkeys(one.set for one in summaries):
        by_tools = {one.with_tools: one for one in summaries if one.set == name}
        lines.append(_row(by_tools[True], by_tools[False]))
    return lines


def _sum(summaries: Sequence[Summary]) -> str:
    """All sets together: right ones, and of what tools alone tell the precision and the coverage."""
    tools, bare = ([one for one in summaries if one.with_tools is which] for which in (True, False))
    said, right = (sum(getattr(one.by_evidence, name) for one in tools) for name in ("decided", "right"))
    items = sum(one.total.items for one in tools)
    alone = f"{percent(right / said)}, {percent(said / items)}" if said else "none"
    return f"| all | | {items} | {_together(tools)} | | {_together(bare)} | | {alone} | | |"


def _together(summaries: Sequence[Summary]) -> str:
    right, items = (sum(getattr(one.total, name) for one in summaries) for name in ("right", "items"))
    return f"{right} of {items} ({percent(right / items if items else None)})"


def _row(tools: Summary, bare: Summary) -> str:
    evidence = tools.by_evidence
    alone = "none" if not evidence.decided else f"{percent(evidence.precision)}, {percent(evidence.coverage)}"
    cells = (
        tools.set,
        tools.decided_by,
        _items(tools, bare),
        _right(tools.total),
        interval_of(tools.total),
        _right(bare.total),
        interval_of(bare.total),
        alone,
        f"{percent(tools.unscored_share)} / {percent(bare.unscored_share)}",
        f"{number(tools.judge_seconds_each)} / {number(bare.judge_seconds_each)}",
    )
    return f"| {' | '.join(cells)} |"


def _items(tools: Summary, bare: Summary) -> str:
    """How many were judged; both numbers, and what was wanted, where a run was stopped."""
    counts = {tools.total.items, bare.total.items, tools.asked}
    return (
        str(tools.asked) if len(counts) == 1 else f"{tools.total.items} / {bare.total.items} of {tools.asked}"
    )


def _right(found: Figures) -> str:
    return f"{found.right} of {found.items} ({percent(found.accuracy)})"


def written_between(path: Path, text: str | None) -> None:
    """Put a text between the marks of a file; None only looks for them. Raises InvalidRequest where none are."""
    try:
        content = path.read_text("utf-8")
    except OSError as error:
        raise InvalidRequest(str(path), f"cannot be read: {error.strerror}") from error
    before, begin, rest = content.partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    if not begin or not end:
        raise InvalidRequest(str(path), f"has no lines {MARKS[0]} and {MARKS[1]}")
    if text is not None:
        path.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", "utf-8")
