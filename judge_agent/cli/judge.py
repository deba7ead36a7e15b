"""`judge-agent judge FILE|-`: judge one request, here or at a running service.

Exit codes: 0 every candidate passed, 1 one did not pass, 2 one needs review, 3 bad input or usage,
4 the judge failed (a candidate is unscored). With several candidates the highest of 4, 2, 1, 0 wins.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
import uuid
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from judge_agent.cli.asked_again import AskedAgain
from judge_agent.cli.checkout import load
from judge_agent.errors import InvalidRequest, JudgeError
from judge_agent.schema import CandidateResult, Judgment, JudgmentRequest
from judge_agent.schema.refusals import message_of
from judge_agent.text_files import text_of

PASSED, NOT_PASSED, NEEDS_REVIEW, BAD_INPUT, JUDGE_FAILED = 0, 1, 2, 3, 4
LOCAL_TENANT = "local"


def add_parser(verbs: Any) -> None:
    parser = verbs.add_parser(
        "judge",
        help="judge one request from a file or standard input",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="FILE|-", help="a judgment request in JSON; - reads standard input")
    parser.add_argument(
        "--url", default=os.environ.get("JUDGE_URL"), help="judge at this service instead of here"
    )
    parser.add_argument("--recipe", help="the recipe, instead of the request's")
    parser.add_argument(
        "--model",
        choices=("embedded", "openai", "vllm", "none"),
        help="where the model runs, when judging here",
    )
    parser.add_argument("--json", action="store_true", help="print the whole judgment as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    request = _request(arguments)
    judge = _at_service(request, arguments.url) if arguments.url else _here(request, arguments.model)
    judgment = asyncio.run(judge)
    print(judgment.model_dump_json(indent=2) if arguments.json else account(judgment))
    return exit_code(judgment)


def exit_code(judgment: Judgment) -> int:
    """The highest of the candidates' codes, in the order 4, 2, 1, 0."""
    return max((_code(candidate) for candidate in judgment.candidates), default=JUDGE_FAILED)


def _code(candidate: CandidateResult) -> int:
    if candidate.status == "unscored":
        return JUDGE_FAILED
    if candidate.needs_review or candidate.passed is None:
        return NEEDS_REVIEW
    return PASSED if candidate.passed else NOT_PASSED


def account(judgment: Judgment) -> str:
    """A judgment for a person to read: per candidate the reward, the vector, the steps, and what decided each."""
    lines = [f"judgment {judgment.id}: {judgment.state} in {judgment.seconds:.1f} s"]
    for candidate in judgment.candidates:
        lines += ["", *_candidate_lines(candidate)]
    usage = judgment.usage
    lines += [
        "",
        f"{usage.model_calls} model calls, {usage.prompt_tokens}+{usage.completion_tokens} tokens, "
        f"{usage.tool_calls} tool calls",
    ]
    if judgment.ranking:
        lines.append("ranking: " + " > ".join(" = ".join(tied) for tied in judgment.ranking))
    return "\n".join(lines)


def _candidate_lines(candidate: CandidateResult) -> list[str]:
    verdict = {True: "passed", False: "did not pass", None: "undecided"}[candidate.passed]
    low, high = candidate.reward_bounds
    reward = "null" if candidate.reward is None else f"{candidate.reward:.3f}"
    lines = [
        f"candidate {candidate.id}: {candidate.status}, {verdict}, reward {reward} (bounds {low:.3f}..{high:.3f})"
    ]
    if candidate.failure_kind:
        lines.append(f"  failure: {candidate.failure_kind}: {candidate.failure_reason}")
    vector = ", ".join(
        f"{name} {'null' if v is None else f'{v:.2f}'}" for name, v in candidate.vector.items()
    )
    lines.append(f"  vector: {vector}")
    for principle in candidate.principles:
        score = "null" if principle.score is None else f"{principle.score:.2f}"
        by = f"by {principle.decided_by}" if principle.valid else f"unscored, {principle.failure_kind}"
        why = principle.reason if principle.valid else principle.failure_reason or ""
        lines.append(f"  {principle.name} [{principle.kind}] {score} {by}: {_short(why)}")
    for step in candidate.steps:
        score = "null" if step.score is None else f"{step.score:.2f}"
        first = " (first error)" if step.first_error else ""
        by = f" by {step.decided_by}: {_short(step.reason)}" if step.decided_by else f" {_short(step.reason)}"
        lines.append(f"  step {step.step_id} {score} {step.label}{first}{by}".rstrip())
    if candidate.needs_review:
        lines.append("  needs review")
    if candidate.flags:
        lines.append(f"  flags: {_short(json.dumps(candidate.flags, ensure_ascii=False), 300)}")
    return lines


def _short(text: str, limit: int = 140) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 3] + "..."


def _request(arguments: argparse.Namespace) -> JudgmentRequest:
    """Read and check the request. Raises InvalidRequest that names the field."""
    try:
        text = sys.stdin.read() if arguments.file == "-" else text_of(Path(arguments.file))
    except UnicodeDecodeError as error:
        raise JudgeError(f"what comes in is no UTF-8: {error.reason}") from error
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise JudgeError(f"{arguments.file!r} is no JSON: {error}") from error
    if isinstance(data, dict) and arguments.recipe:
        data["recipe"] = arguments.recipe
    try:
        return JudgmentRequest.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "request"
        raise InvalidRequest(field, message_of(first)) from error


async def _at_service(request: JudgmentRequest, url: str) -> Judgment:
    from judge_agent.client import AsyncJudgeClient

    async with AsyncJudgeClient(url, on_retry=AskedAgain("judge")) as client:
        return await client.judge(request)


async def _here(request: JudgmentRequest, model: str | None) -> Judgment:
    """Judge in this process, with the service's own parts and log."""
    wiring = load("api.wiring", "judge")
    settings = load("api.settings", "judge").from_environment(model=model)
    async with wiring.local_judge(settings) as judge:
        judge.check(request)
        judgment: Judgment = await judge.judge(
            request, judgment_id=f"jdg_{uuid.uuid4().hex}", tenant=LOCAL_TENANT, created=time.time()
        )
        return judgment
