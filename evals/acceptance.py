"""`python -m evals acceptance FOLDER`: real inputs through the running service; prints what became of each.

The folder holds `evalplus`, `defog_sql`, `plan_rewardbench` and `tau_bench` as published. Ends with 1 when a claim
of the README does not hold: evalplus and defog are right throughout, and nine in ten model-judged principles that fit
the window end in a valid choice that meets the citation policy.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any

from evals import defog, evalplus
from evals.bench.machine import commit
from evals.loaders.rows import rows_of
from evals.options import whole
from evals.service import running
from judge_agent.client import JudgeClient
from judge_agent.importers import request_from
from judge_agent.schema import CandidateResult, Judgment, PrincipleResult

SECONDS = 900.0
MIN_VALID_SHARE = 0.9
SETS = ("evalplus-verify", "defog", "evalplus-default", "plan_rewardbench", "tau_bench")
Request = dict[str, Any]


def add_parser(names: Any) -> None:
    parser = names.add_parser("acceptance", help="real benchmark data through the running service")
    parser.add_argument("data", type=Path, help="folder of the benchmark data")
    parser.add_argument("--only", choices=SETS, action="append", help="run these sets only")
    parser.add_argument(
        "--count", type=whole(), help="items per set (40 problems, 20 questions, 20 pairs, 20 trajectories)"
    )
    parser.add_argument("--at-once", type=whole(1, 4096), default=2, help="judgments in flight")
    parser.add_argument("--model", default="embedded", help="embedded, none, or the URL of a model server")
    parser.add_argument("--data-dir", type=Path, default=Path(".judge/acceptance"))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    wanted = arguments.only or SETS
    try:
        requests = {name: list(_requests(name, arguments.data, arguments.count)) for name in wanted}
    except (OSError, KeyError, ValueError) as error:
        print(f"{arguments.data}: no benchmark data: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    holds = []
    with (
        running(arguments.data_dir, model=arguments.model, settings=_settings(arguments.data)) as url,
        JudgeClient(url, timeout_seconds=SECONDS) as client,
    ):
        for name, items in requests.items():
            started = time.monotonic()
            with ThreadPoolExecutor(arguments.at_once) as pool:
                judgments = list(pool.map(partial(_judge, client), items))
            tally = Tally(name, judgments, time.monotonic() - started)
            print(tally.text(), flush=True)
            holds.append(_claim(name)(tally))
        provenance = judgments[-1].provenance
    print(f"model {json.dumps(provenance.model)}, commit {commit()}, judge-agent {provenance.judge_agent}")
    return 0 if all(holds) else 1


def _settings(data: Path) -> dict[str, str]:
    """Defog's databases are named by the requests, not sent."""
    databases = data / "defog_sql" / "sqlite"
    return {"JUDGE_RESOURCES_ROOT": str(databases.resolve())} if databases.is_dir() else {}


def _requests(name: str, data: Path, count: int | None) -> Iterable[Request]:
    if name.startswith("evalplus"):
        problems = evalplus.load(data / "evalplus", count or 40)
        return [problem.request(name.removeprefix("evalplus-"), SECONDS) for problem in problems]
    if name == "defog":
        return [
            question.request("verify", SECONDS) for question in defog.load(data / "defog_sql", count or 20)
        ]
    if name == "plan_rewardbench":
        rows = _spread(sorted((data / name).glob("*.jsonl")), count or 20)
        return [_with_budget(request_from("plan_rewardbench", row).request) for row in rows]
    rows = json.loads((data / name / "gpt-4o-airline.json").read_text("utf-8"))
    return [_with_budget(request_from("tau_bench", row).request) for row in rows[: count or 20]]


def _spread(files: list[Path], count: int) -> list[Any]:
    """Rows from every file in turn."""
    turns = zip_longest(*map(rows_of, files))
    return [row.data for turn in turns for row in turn if row is not None][:count]


def _with_budget(request: Request) -> Request:
    return {**request, "budget": {"seconds": SECONDS, "model_tokens": 10_000_000}}


def _judge(client: JudgeClient, request: Request) -> Judgment:
    judgment = client.judge({**request, "cache": "no"})  # what is measured is judged now
    print(".", end="", flush=True)
    return judgment


class Tally:
    """What became of the judgments of one set."""

    def __init__(self, name: str, judgments: list[Judgment], seconds: float) -> None:
        self.name = name
        self.judgments = judgments
        self.seconds = seconds
        self.candidates = [c for judgment in judgments for c in judgment.candidates]
        self.principles = [p for candidate in self.candidates for p in candidate.principles]

    @property
    def model_judged(self) -> list[PrincipleResult]:
        """Principles that were put to the model and fit its window."""
        return [
            p
            for p in self.principles
            if p.decided_by == "model" or (p.samples and p.failure_kind != "input_too_large")
        ]

    @property
    def valid(self) -> list[PrincipleResult]:
        return [p for p in self.model_judged if p.valid and _meets_policy(p)]

    def right(self) -> list[bool]:
        """Evalplus and Defog: for each candidate, whether `passed` is what it must be."""
        return [
            candidate.passed is (candidate.id in _ids(judgment.metadata["right"]))
            for judgment in self.judgments
            for candidate in judgment.candidates
        ]

    def text(self) -> str:
        status = Counter(candidate.status for candidate in self.candidates)
        failed = Counter(p.failure_kind for p in self.principles if p.failure_kind)
        decided = Counter(p.decided_by for p in self.principles if p.decided_by)
        fallback = sum("fallback_principles" in judgment.flags for judgment in self.judgments)
        usage = [judgment.usage for judgment in self.judgments]
        shared = sum(
            "isolation" in json.dumps(c.flags) and "shared" in json.dumps(c.flags) for c in self.candidates
        )
        lines = [
            f"\n{self.name}: {len(self.judgments)} judgments, {len(self.candidates)} candidates, {self.seconds:.0f} s",
            f"  candidates: {dict(status)}",
            f"  principles decided by: {dict(decided)}; not scored: {dict(failed)}",
            f"  steps: {dict(Counter(step.label for c in self.candidates for step in c.steps))}",
            f"  judgments with fallback principles: {fallback}; candidates tested in one shared box: {shared}",
            f"  model calls {sum(u.model_calls for u in usage)} ({sum(u.useless_calls for u in usage)} useless), "
            f"tokens {sum(u.prompt_tokens for u in usage)}+{sum(u.completion_tokens for u in usage)} "
            f"({sum(u.cached_tokens for u in usage)} cached), tool calls {sum(u.tool_calls for u in usage)}",
        ]
        if self.model_judged:
            lines.append(
                f"  valid choices that meet the citation policy: {len(self.valid)} of {len(self.model_judged)}"
            )
        if _is_verifiable(self.name):
            lines.append(f"  `passed` is right: {sum(self.right())} of {len(self.candidates)}")
        return "\n".join(lines)


def _meets_policy(principle: PrincipleResult) -> bool:
    """The policy of `default`: a hard pass quotes a tool result or an observation."""
    passes = principle.kind == "hard" and principle.score is not None and principle.score >= 0.5
    return not passes or any(c.resolved and c.source in ("tool", "observation") for c in principle.citations)


def _claim(name: str) -> Callable[[Tally], bool]:
    return _passed_is_right if _is_verifiable(name) else _choices_are_valid


def _is_verifiable(name: str) -> bool:
    return name == "defog" or name.startswith("evalplus")


def _ids(right: str | list[str]) -> list[str]:
    return [right] if isinstance(right, str) else right


def _passed_is_right(tally: Tally) -> bool:
    return all(tally.right()) and not any(_unscored(candidate) for candidate in tally.candidates)


def _unscored(candidate: CandidateResult) -> bool:
    return candidate.status == "unscored"


def _choices_are_valid(tally: Tally) -> bool:
    return len(tally.valid) >= MIN_VALID_SHARE * len(tally.model_judged)
