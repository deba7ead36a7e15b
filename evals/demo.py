"""`python -m evals demo`: starts the service, posts the example requests, prints what decided what, stops it."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evals.service import running
from judge_agent.cli.judge import account
from judge_agent.client import JudgeClient
from judge_agent.schema import Judgment

EXAMPLES = Path(__file__).parent / "examples"
POLL_SECONDS = 0.5
PROGRESS_SECONDS = 5.0
WEAK = (
    "What evidence decided stands. What says `by model` comes from a model of 135M parameters and is near chance: "
    "it shows how the machine runs. Give it a real one with MODEL=http://host:port/v1."
)
RUNNING = ("queued", "running")


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
            judgments = _judge(client, sorted(EXAMPLES.glob("*.json")))
    if arguments.model == "embedded":
        print(f"\n{WEAK}")
    print(f"\nlog: {arguments.data_dir / 'log'}")
    for judgment in judgments:
        print(f"  .venv/bin/judge-agent audit show {judgment.id} --data-dir {arguments.data_dir}")
    print(f"  .venv/bin/judge-agent audit verify --data-dir {arguments.data_dir}")
    unscored = [c.id for judgment in judgments for c in judgment.candidates if c.status == "unscored"]
    return 1 if unscored else 0


def _example(path: Path) -> dict[str, Any]:
    """An example's request, judged anew each time that the demo is shown."""
    return {**json.loads(path.read_text("utf-8")), "cache": "no"}


def _judge(client: JudgeClient, paths: Sequence[Path]) -> list[Judgment]:
    """Post every example, then tell how far they are until the last one is done, each as soon as it is."""
    started = told = time.monotonic()
    judgments = {path.name: client.submit(_example(path)) for path in paths}
    for name, judgment in judgments.items():
        print(f"{name}: accepted as {judgment.id}", flush=True)
    while waiting := [name for name, judgment in judgments.items() if judgment.state in RUNNING]:
        time.sleep(POLL_SECONDS)
        for name in waiting:
            judgments[name] = client.get(judgments[name].id)
            if judgments[name].state not in RUNNING:
                print(f"\n=== {name}\n{account(judgments[name])}", flush=True)
        if time.monotonic() - told > PROGRESS_SECONDS:
            told = time.monotonic()
            states = ", ".join(f"{name} {judgment.state}" for name, judgment in judgments.items())
            print(f"    {told - started:.0f} s: {states}", flush=True)
    return list(judgments.values())
