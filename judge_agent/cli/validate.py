"""`judge-agent validate FILE`: is a set of requests fit to reward with, before a run?

FILE holds one judgment request a line, each with a reference: task.reference.solution, .sql, .tool_calls or .answer,
or a candidate called "reference". A running service (JUDGE_URL, or --url) judges the reference, twice, the second
time with another seed; an empty and an idle answer; and the reference cut, altered, and exchanged with another's.
Exit code 0 when references score full, idle answers do not, and broken references fall (but for one in ten, which may
happen to be right). 1 when not, or when more than one in ten of the requests have no reference, or of the idle
answers, of the broken references or of the references judged again are unscored, for then nothing says that the set
is fit; 3 for a file or a service that cannot be used.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from pydantic import ValidationError

from judge_agent.cli.asked_again import AskedAgain
from judge_agent.cli.counting import counted
from judge_agent.errors import InvalidRequest, JudgeClientError, JudgeError, told_alone
from judge_agent.probes import KINDS, Kind, Probe, probes
from judge_agent.schema import Judgment, JudgmentRequest
from judge_agent.schema.refusals import message_of
from judge_agent.text_files import text_of
from judge_agent.validation import Report, report

MAX_TOLD = 20
MAX_TOLD_CHARS = 100
_STAND_IN = {"id": "any", "trajectory": {"text": ""}}


def add_parser(verbs: Any) -> None:
    parser = verbs.add_parser(
        "validate",
        help="try a file of requests before a run: references, empty and broken answers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="one judgment request in JSON a line")
    parser.add_argument("--url", help="the service (JUDGE_URL, http://127.0.0.1:8800)")
    parser.add_argument("--recipe", help="the recipe, instead of the requests'")
    parser.add_argument("--count", type=int, help="the first so many requests (all)")
    parser.add_argument("--at-once", type=int, default=8, help="judgments in flight (8)")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Judge every probe and print what does not hold. Raises JudgeError for a file or service that cannot be used."""
    for name in ("count", "at_once"):
        value = getattr(arguments, name)
        if value is not None and value < 1:
            raise InvalidRequest(f"--{name.replace('_', '-')}", f"{value} must be at least 1")
    requests = _read(arguments.file, arguments.recipe)[: arguments.count]
    started = time.monotonic()
    judged = asyncio.run(_judged(list(probes(requests)), arguments.url, arguments.at_once))
    seconds = time.monotonic() - started
    found = report(requests, judged)
    print(_account(found, len(judged), seconds))
    if arguments.json:
        print(json.dumps(_numbers(found, len(judged), seconds)))
    return 1 if found.problems else 0


def _read(path: Path, recipe: str | None) -> list[dict[str, Any]]:
    found = []
    for number, line in enumerate(text_of(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            data = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise JudgeError(f"{path}, line {number}: no JSON: {error}") from error
        if not isinstance(data, dict) or not isinstance(data.get("task"), dict):
            raise JudgeError(f"{path}, line {number}: a judgment request is an object with a task")
        request = data | ({"recipe": recipe} if recipe else {})
        try:
            # Probes bring candidates of their own, so a request needs none.
            JudgmentRequest.model_validate({"candidates": [_STAND_IN]} | request)
        except ValidationError as error:
            raise JudgeError(f"{path}, line {number}: {_told(error)}") from error
        found.append(request)
    if not found:
        raise JudgeError(f"{str(path)!r} holds no request")
    return found


def _told(error: ValidationError) -> str:
    """The first thing that is wrong: field, message, value."""
    first = error.errors(include_url=False)[0]
    field = ".".join(map(str, first["loc"])) or "the request"
    return f"{field}: {message_of(first)}; it is {str(first['input'])[:MAX_TOLD_CHARS]!r}"


async def _judged(wanted: Sequence[Probe], url: str | None, at_once: int) -> dict[tuple[int, Kind], Judgment]:
    from judge_agent.client import AsyncJudgeClient

    places, found = asyncio.Semaphore(at_once), dict[tuple[int, Kind], Judgment]()
    async with AsyncJudgeClient(url, on_retry=AskedAgain("validate")) as client:

        async def judge(probe: Probe) -> None:
            async with places:
                try:
                    found[probe.index, probe.kind] = await client.judge(probe.request)
                except JudgeClientError as error:
                    raise JudgeError(f"request {probe.index} ({probe.kind}): {error}") from error
                _progress(len(found), len(wanted))

        with told_alone():
            async with asyncio.TaskGroup() as tasks:
                for probe in wanted:
                    tasks.create_task(judge(probe))
    return found


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        end = "\n" if done == total else ""
        sys.stderr.write(f"\r{done} of {total} judgments{end}")


def _account(found: Report, judgments: int, seconds: float) -> str:
    requests = counted(found.requests, "request")
    lines = [f"{requests}, {found.without_reference} of them without a reference"]
    lines += [
        f"  {kind:10} {found.judged[kind]:5} judged  {found.full[kind]:5} full  {found.unscored[kind]:5} unscored"
        for kind in KINDS
        if kind in found.judged
    ]
    noise = found.noise
    if noise["mean"] is not None:
        mean, largest = noise["mean"], noise["largest"]
        lines.append(
            f"noise of a reward, judged again with another seed: mean {mean:.4f}, largest {largest:.4f}"
        )
    if judgments:
        tokens = fmean(found.model_tokens)
        lines.append(f"{judgments / seconds:.1f} judgments a second, {tokens:.0f} model tokens a judgment")
    lines += [f"look at {line}" for line in found.standing[:MAX_TOLD]]
    lines += [f"PROBLEM {problem}" for problem in found.problems[:MAX_TOLD]]
    if len(found.problems) > MAX_TOLD:
        lines.append(f"and {len(found.problems) - MAX_TOLD} more")
    lines.append(counted(len(found.problems), "problem") if found.problems else "fit to reward with")
    return "\n".join(lines)


def _numbers(found: Report, judgments: int, seconds: float) -> dict[str, Any]:
    return {
        "requests": found.requests,
        "without_reference": found.without_reference,
        "judged": found.judged,
        "full": found.full,
        "unscored": found.unscored,
        "noise": found.noise,
        "judgments_per_second": round(judgments / seconds, 3) if seconds else None,
        "model_tokens_per_judgment": round(fmean(found.model_tokens), 1) if found.model_tokens else None,
        "standing": found.standing,
        "problems": found.problems,
    }
