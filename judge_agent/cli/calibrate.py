"""`judge-agent calibrate FILE`: what confidences by a recipe and a model have come to, kept for later judgments.

FILE holds one object a line: a judgment with its labels, or a request that a running service (JUDGE_URL, or --url)
judges first.

    {"judgment": {...}, "labels": {"a": true, "b": false}}   which candidates are good
    {"judgment": {...}, "winner": "a"}                       who is better, for recipes that compare
    {"request": {...}, "labels": {...}}                      the same, judged first
    {"request": {...}}                                       a request with a task.reference: recipe verify labels the
                                                             candidates by it, and the recipe judges without it

For each recipe and model there, isotonic regression (scikit-learn) maps the raw confidence to the share of right
verdicts, and calibration error (ECE), Brier score and risk against coverage are printed, raw and calibrated by the
other folds of a cross-validation. The calibration is written into --out; the service applies it where recipe and model
are exactly these (JUDGE_CALIBRATIONS_DIR). It needs 50 verdicts, and 5 right and 5 wrong ones among them.
Exit code 0 when a calibration was written for all, 1 when some had too few verdicts, 3 when there is none, or for a
file or service that cannot be used.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from judge_agent.calibration.files import write_calibration
from judge_agent.calibration.fitting import FOLDS, check_installed, check_many, cross_validated, fitted
from judge_agent.calibration.items import Item, Judge, items_of, judge_of
from judge_agent.calibration.measures import risk_coverage
from judge_agent.calibration.reading import Line, read_lines
from judge_agent.calibration.risk import DELTA
from judge_agent.calibration.table import Calibration
from judge_agent.cli.asked_again import AskedAgain
from judge_agent.errors import InvalidRequest, JudgeClientError, JudgeError, told_alone
from judge_agent.schema import Judgment

COVERAGES = (0.2, 0.4, 0.6, 0.8, 1.0)
RISKS = (0.01, 0.02, 0.05, 0.1, 0.2)


def add_parser(verbs: Any) -> None:
    parser = verbs.add_parser(
        "calibrate",
        help="make confidences of a recipe and a model mean what they say, from labelled judgments",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="one labelled judgment or request a line")
    parser.add_argument("--out", type=Path, default=Path("calibrations"), help="folder (calibrations)")
    parser.add_argument("--recipe", help="judge requests by this recipe, instead of theirs")
    parser.add_argument("--url", help="the service that judges requests (JUDGE_URL, http://127.0.0.1:8800)")
    parser.add_argument("--at-once", type=int, default=8, help="judgments in flight (8)")
    parser.add_argument("--dry-run", action="store_true", help="print, write nothing")
    parser.add_argument("--json", action="store_true", help="print one line of JSON a calibration")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Fit, print and keep. Raises JudgeError for a file or a service that cannot be used, and for too few verdicts."""
    if arguments.at_once < 1:
        raise InvalidRequest("--at-once", f"{arguments.at_once} must be at least 1")
    lines, sha256 = read_lines(arguments.file, arguments.recipe)
    if any(line.judgment is None for line in lines):  # what would be in vain is told before it costs anything
        check_installed()
        check_many(len({line.group for line in lines}))
    judged = asyncio.run(_judged(lines, arguments.url, arguments.at_once))
    written, refused = 0, list[JudgeError]()
    for judge, own in _by_judge(judged).items():
        items = [item for found in own for item in found]
        try:
            made = fitted(
                judge, items, file_sha256=sha256, judgments=len(own), left_out=sum(not one for one in own)
            )
        except InvalidRequest as error:
            refused.append(JudgeError(f"{_name(judge)}: {error}"))
            continue
        kept = None if arguments.dry_run else write_calibration(arguments.out, made)
        path, made = kept if kept else (None, made)
        print(_as_json(made, path) if arguments.json else _account(made, items, path))
        written += 1
    for problem in refused:
        print(f"judge-agent calibrate: {problem}", file=sys.stderr)
    if not written:
        raise (
            refused[0] if refused else JudgeError("no line gave a verdict that its label can be held against")
        )
    return 1 if refused else 0


def _by_judge(
    judged: Sequence[tuple[Line, Judgment, dict[str, bool]]],
) -> dict[Judge, list[list[Item]]]:
    """Items of each judgment, by what judged."""
    found: dict[Judge, list[list[Item]]] = {}
    for line, judgment, labels in judged:
        try:
            own = items_of(judgment, labels, line.winner, line.group)
            found.setdefault(judge_of(judgment), []).append(own)
        except InvalidRequest as error:
            raise JudgeError(f"line {line.number}: {error}") from error
    return found


async def _judged(
    lines: Sequence[Line], url: str | None, at_once: int
) -> list[tuple[Line, Judgment, dict[str, bool]]]:
    """Each line with its judgment and its labels; those without are judged by a service."""
    known = [(line, line.judgment, dict(line.labels)) for line in lines if line.judgment is not None]
    waiting = [line for line in lines if line.judgment is None]
    return known + (await _at_service(waiting, url, at_once) if waiting else [])


async def _at_service(
    lines: Sequence[Line], url: str | None, at_once: int
) -> list[tuple[Line, Judgment, dict[str, bool]]]:
    from judge_agent.client import AsyncJudgeClient

    places = asyncio.Semaphore(at_once)
    async with AsyncJudgeClient(url, on_retry=AskedAgain("calibrate")) as client:

        async def judge(line: Line) -> tuple[Line, Judgment, dict[str, bool]]:
            async with places:
                try:
                    labels = dict(line.labels)
                    if not labels and line.winner is None:
                        labels = _labels(await client.judge(line.with_reference))
                    return line, await client.judge(line.to_judge), labels
                except JudgeClientError as error:
                    raise JudgeError(f"line {line.number}: {error}") from error

        with told_alone():
            async with asyncio.TaskGroup() as tasks:
                begun = [tasks.create_task(judge(line)) for line in lines]
    return [task.result() for task in begun]


def _labels(judgment: Judgment) -> dict[str, bool]:
    """What evidence says of each candidate; nothing of those that it does not decide."""
    return {one.id: one.passed for one in judgment.candidates if one.passed is not None}


def _account(made: Calibration, items: Sequence[Item], path: Path | None) -> str:
    source, told = made.source, made.measured
    judge = Judge(made.recipe, made.recipe_sha256, made.model)
    lines = [
        f"{_name(judge)}: {source.items} verdicts of {source.judgments} judgments, {source.right} right"
        f" ({source.left_out} judgments without a verdict)",
        f"                       raw   calibrated (by the other {FOLDS - 1} of {FOLDS} folds)",
        f"  ECE             {told.ece_before:8.4f}     {told.ece_after:8.4f}",
        f"  Brier           {told.brier_before:8.4f}     {told.brier_after:8.4f}",
        f"  AURC            {told.aurc_before:8.4f}     {told.aurc_after:8.4f}",
    ]
    before = risk_coverage([one.rated for one in items])
    after = risk_coverage(cross_validated(items))
    for share in COVERAGES:
        place = max(1, round(share * len(items))) - 1
        lines.append(f"  risk at {share:4.0%}    {before[place]:8.4f}     {after[place]:8.4f}")
    lines.append(f"thresholds for max_risk ({1 - DELTA:.0%} sure, Clopper-Pearson):")
    lines += [f"  {_threshold(made, risk)}" for risk in RISKS]
    if told.ece_after >= told.ece_before:
        lines.append("PROBLEM the calibration error is no lower on verdicts that were not seen")
    lines.append(f"written to {path}" if path else "nothing was written")
    return "\n".join(lines)


def _threshold(made: Calibration, risk: float) -> str:
    found = made.threshold(risk)
    judged = sum(one.judged for one in made.counts)
    if found is None:
        return f"{risk:4.0%}  cannot be shown from {judged} independent verdicts"
    return (
        f"{risk:4.0%}  raw confidence from {found.raw:.4f} on: {found.judged / judged:.0%} answered, "
        f"{found.wrong} of {found.judged} wrong, at most {found.bound:.4f}"
    )


def _as_json(made: Calibration, path: Path | None) -> str:
    told = made.model_dump(mode="json", exclude={"knots", "counts"})
    return json.dumps({**told, "path": str(path) if path else None})


def _name(judge: Judge) -> str:
    model = f"model {judge.model.id}, revision {judge.model.revision}" if judge.model else "no model"
    return f"recipe {judge.recipe} ({judge.recipe_sha256[:8]}), {model}"
