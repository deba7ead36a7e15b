"""`python -m evals bench NAME`: benchmarks. Each prints ratios of one run, and with `--json` ends in one JSON line."""

from __future__ import annotations

from typing import Any

from evals.bench import groups, orchestration, sandbox, service, tools

BENCHES = (groups, orchestration, sandbox, service, tools)


def add_parser(names: Any) -> None:
    parser = names.add_parser("bench", help="how fast, beside something known in the same run")
    benches = parser.add_subparsers(metavar="BENCH", required=True)
    for bench in BENCHES:
        bench.add_parser(benches)
