"""`python -m evals NAME`: runs one of the evaluations."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence

from evals import acceptance, bench, demo, kill, pairs

RUNS = (demo, acceptance, kill, bench, pairs)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments name (those of the process unless they are given); return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m evals", description=__doc__)
    names = parser.add_subparsers(metavar="NAME", required=True)
    for run in RUNS:
        run.add_parser(names)
    parsed = parser.parse_args(arguments)
    # A stopped run stops the service that it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    return int(parsed.run(parsed))


if __name__ == "__main__":
    sys.exit(main())
