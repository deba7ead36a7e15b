"""`python -m evals attack`: what is said of texts and candidates that were made to turn the judge, over HTTP.

Master keys and seeded relatives under every recipe; short answers that say something; injections in eight places; made
hacks with honest twins. Ends with 1 where a key or relative is not screened, or a model is asked about it, where a
short answer is screened, or where evidence decides otherwise beside a planted text. All else is a figure, with its
denominator.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from evals.attack import report
from evals.attack.honest import told_of
from evals.attack.parts import PARTS, Asked
from evals.bench.machine import machine
from evals.options import whole
from evals.service import running
from judge_agent.client import JudgeClient

FLIPS = 4


def add_parser(names: Any) -> None:
    parser = names.add_parser("attack", help="master keys, injections and hacks through the service")
    parser.add_argument(
        "--only", choices=tuple(PARTS), action="append", help="these parts only; may be repeated"
    )
    parser.add_argument("--model", default="embedded", help="embedded, none, or the URL of a model server")
    parser.add_argument("--service", help="URL of a running service to ask, instead of one of its own")
    parser.add_argument(
        "--limit", type=whole(0), default=FLIPS, help=f"injections whose flips are asked for ({FLIPS})"
    )
    parser.add_argument(
        "--relatives", type=whole(14, 5000), default=280, help="how many relatives are made (280)"
    )
    parser.add_argument("--seed", type=whole(0), default=0, help="what the relatives follow from (0)")
    parser.add_argument(
        "--honest", type=Path, help="folder of benchmark data: how often honest work is flagged"
    )
    parser.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    facts = machine()
    folder = Path(".judge/attack") / time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    if arguments.service:
        told = _attacked(arguments.service, arguments)
    else:
        with running(folder, model=arguments.model) as url:
            told = _attacked(url, arguments)
    if arguments.honest:
        told["honest"] = report.honest(told_of(arguments.honest))
    broken = report.printed(told)
    print(facts)
    if arguments.json:
        print(json.dumps({**told, "broken": broken, "facts": facts}))
    return 1 if broken else 0


def _attacked(url: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """What each part came to."""
    with JudgeClient(url, timeout_seconds=3600.0) as client:
        asked = Asked(client, arguments.limit, arguments.relatives, arguments.seed, arguments.model != "none")
        told: dict[str, Any] = {}
        for name in arguments.only or PARTS:
            started = time.monotonic()
            told[name] = PARTS[name](asked)
            print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    return told
