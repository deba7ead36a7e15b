"""`python -m evals NAME`: runs one of the evaluations."""

from __future__ import annotations

import argparse
import sys

from evals import acceptance, demo, kill

RUNS = (demo, acceptance, kill)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m evals", description=__doc__)
    names = parser.add_subparsers(metavar="NAME", required=True)
    for run in RUNS:
        run.add_parser(names)
    arguments = parser.parse_args()
    return int(arguments.run(arguments))


if __name__ == "__main__":
    sys.exit(main())
