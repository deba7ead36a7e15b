"""`python -m evals NAME`: runs one of the evaluations."""

from __future__ import annotations

import argparse
import inspect
import signal
import sys
from collections.abc import Sequence

from evals import (
    acceptance,
    attack,
    bench,
    demo,
    gsm8k,
    kill,
    long,
    mutants,
    pictures,
    sites,
    soak,
    sql,
    tara,
    tau,
)
from evals.service import ServiceNotStarted
from evals.suite import all_sets, compare, run

RUNS = (
    demo,
    acceptance,
    kill,
    bench,
    run,
    all_sets,
    compare,
    attack,
    long,
    pictures,
    mutants,
    tau,
    sql,
    sites,
    soak,
    tara,
    gsm8k,
)


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(prog="python -m evals", description=__doc__)
    names = found.add_subparsers(metavar="NAME", required=True)
    for one in RUNS:
        one.add_parser(names)
        own = list(names.choices.values())[-1]
        # What stands at the head of its module was written for whoever runs it.
        own.description = inspect.getdoc(one)
        own.formatter_class = argparse.RawDescriptionHelpFormatter
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments name (those of the process unless they are given); return its exit code.

    Wrong arguments end with 2 and a line that says what is wrong, those too that only the service can tell.
    """
    parsed = parser().parse_args(arguments)
    # A stopped run stops the service that it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return int(parsed.run(parsed))
    except ServiceNotStarted as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
