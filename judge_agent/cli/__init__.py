"""The command line: `judge-agent VERB`. Each verb is a module here with `add_parser` and `run`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import judge_agent
from judge_agent.cli import (
    audit,
    calibrate,
    canaries,
    doctor,
    judge,
    keys,
    mcp_server,
    principles,
    serve,
    show,
    validate,
)
from judge_agent.errors import JudgeError

VERBS = (serve, judge, mcp_server, validate, canaries, calibrate, principles, keys, audit, show, doctor)
USAGE_ERROR = 3


class _Parser(argparse.ArgumentParser):
    """Exits with 3 on wrong usage, so that 1 and 2 stay free for verdicts."""

    def error(self, message: str) -> None:  # type: ignore[override]
        self.print_usage(sys.stderr)
        self.exit(USAGE_ERROR, f"{self.prog}: error: {message}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns its exit code. A JudgeError is a message on stderr and exit code 3."""
    parser = _Parser(
        prog="judge-agent", description="A judge for agent trajectories that checks before it scores."
    )
    parser.add_argument("--version", action="version", version=f"judge-agent {judge_agent.__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=_Parser)
    for verb in VERBS:
        verb.add_parser(verbs)
    arguments = parser.parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except JudgeError as error:
        print(f"judge-agent {arguments.verb}: {error}", file=sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt:
        return 130


def entry() -> None:
    """The console script."""
    try:
        code = main()
    except BrokenPipeError:
        sys.stderr.close()
        code = 0
    sys.exit(code)
