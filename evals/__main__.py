"""`python -m evals NAME`: runs one of the evaluations."""

from __future__ import annotations

import argparse
import signal
import sys

from evals import acceptance, bench, demo, kill, pairs

RUNS = (demo, acceptance, kill, bench, pairs)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m evals", description=__doc__)
    names = parser.add_subparsers(metavar="NAME", required=True)
    for run in RUNS:
        run.add_parser(names)
    arguments = parser.parse_args()
    # A stopped run stops the service that it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    return int(arguments.run(arguments))


if __name__ == "__main__":
    sys.exit(main())
