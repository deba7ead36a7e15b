"""The report of a run, as JSON and as one page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import Field

from evals.suite.page import page
from evals.suite.summary import Summary, table
from judge_agent.errors import InvalidRequest
from judge_agent.schema import Envelope

JSON_FILE = "report.json"
PAGE_FILE = "report.html"


class Report(Envelope):
    """What a run found, and with what."""

    summaries: tuple[Summary, ...]
    model: dict[str, Any]
    machine: str
    commits: tuple[str, ...]
    seed: int
    budget_seconds: float
    principle: str | None = Field(description="What whole answers were judged by, where the run gave it.")


def told(report: Report, judged_again: int, *, as_json: bool) -> None:
    """Print the table, and what it was measured with."""
    print(table(report.summaries))
    if judged_again:
        print(f"judged again, for they had crashed or got stuck: {judged_again}")
    if len(report.commits) > 1:
        print(f"judged by commits {', '.join(report.commits)}")
    print(f"model {json.dumps(report.model)}, seed {report.seed}, {report.machine}")
    if as_json:
        print(json.dumps(report.model_dump(mode="json")))


def written(report: Report, folder: Path) -> None:
    """Write both forms into a folder. Raises InvalidRequest where that cannot be done."""
    data = report.model_dump(mode="json")
    try:
        (folder / JSON_FILE).write_text(json.dumps(data, indent=1) + "\n", "utf-8")
        (folder / PAGE_FILE).write_text(page(report.summaries, _facts(report)), "utf-8")
    except OSError as error:
        raise InvalidRequest(str(folder), f"the report cannot be written: {error.strerror}") from error


def _facts(report: Report) -> dict[str, str]:
    return {
        "model": " ".join(str(report.model[name]) for name in report.model if report.model[name]) or "none",
        "machine": report.machine,
        "commits": ", ".join(report.commits),
        "seed": str(report.seed),
        "budget": f"{report.budget_seconds:g} s each",
        **({"principle": report.principle} if report.principle else {}),
    }
