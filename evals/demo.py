"""`python -m evals demo`: starts the service, posts the example requests, prints what decided what, stops it."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from evals.service import running
from judge_agent.cli.judge import account
from judge_agent.client import JudgeClient
from judge_agent.schema import Judgment

EXAMPLES = Path(__file__).parent / "examples"
POLL_SECONDS = 0.5
PROGRESS_SECONDS = 5.0


def add_parser(names: Any) -> None:
    parser = names.add_parser("demo", help="judge the example requests with a service of its own")
    parser.add_argument(
        "--data-dir", type=Path, default=Path(".judge/demo"), help="where database and log lie"
    )
    parser.add_argument("--model", default="embedded", help="embedded, none, or the URL of a model server")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Judge every example; the exit code is 1 when one of them ended without a score."""
    print(
        "starting the service (the first start converts the model's weights, about half a minute)", flush=True
    )
    with running(arguments.data_dir, model=arguments.model) as url:
        print(f"service at {url}", flush=True)
        with JudgeClient(url) as client:
            judgments = [_judge(client, path) for path in sorted(EXAMPLES.glob("*.json"))]
    print(f"\nlog: {arguments.data_dir / 'log'}")
    for judgment in judgments:
        print(f"  .venv/bin/judge-agent audit show {judgment.id} --data-dir {arguments.data_dir}")
    print(f"  .venv/bin/judge-agent audit verify --data-dir {arguments.data_dir}")
    unscored = [c.id for judgment in judgments for c in judgment.candidates if c.status == "unscored"]
    return 1 if unscored else 0


def _judge(client: JudgeClient, path: Path) -> Judgment:
    request = json.loads(path.read_text("utf-8"))
    started = time.monotonic()
    judgment = client.submit(request)
    print(f"\n=== {path.name}: accepted as {judgment.id}", flush=True)
    told = started
    while judgment.state in ("queued", "running"):
        time.sleep(POLL_SECONDS)
        judgment = client.get(judgment.id)
        if time.monotonic() - told > PROGRESS_SECONDS:
            told = time.monotonic()
            print(f"    {judgment.state}, {told - started:.0f} s", flush=True)
    print(account(judgment), flush=True)
    return judgment
