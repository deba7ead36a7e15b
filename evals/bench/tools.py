"""What a tool's call costs through its box, beside the bare library, each with a bound that it must hold.

The sides take turns, so that what else the machine does hits both. It ends with 1 where a part is past its bound, and
with 2 where this machine lacks what a part needs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from evals.bench import browse, crop, search
from evals.bench.beside import TOOL, Part, PartLacking, Side, as_json, in_turns
from evals.bench.machine import machine
from evals.options import above_zero

PARTS: tuple[Part, ...] = (browse.PART, crop.PART, search.PART)
SECONDS = 10.0


def add_parser(benches: Any) -> None:
    parser = benches.add_parser("tools", help=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", choices=[part.name for part in PARTS], help="this part; else all of them")
    parser.add_argument(
        "--seconds", type=above_zero(3600), default=SECONDS, help=f"of each part, {SECONDS:g} unless given"
    )
    parser.add_argument("--json", action="store_true", help="end with one JSON object on a line")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, parts: Sequence[Part] = PARTS) -> int:
    """Measure and print. Returns 1 where a bound is not held, 2 where a part could not be measured."""
    told, lacking = dict[str, Any](), False
    print(f"{'':22} {'calls':>7} {'p50 ms':>9} {'p99 ms':>9}   bound of the tool's p50")
    for part in parts:
        if arguments.only not in (None, part.name):
            continue
        try:
            sides = asyncio.run(in_turns(part, arguments.seconds))
        except PartLacking as error:
            lacking = True
            print(f"{part.name} is not measured: {error}", file=sys.stderr)
            continue
        told[part.name] = as_json(part, sides)
        _print(part, sides)
    print(machine())
    if arguments.json:
        print(json.dumps({**told, "machine": machine()}))
    if any(not one["holds"] for one in told.values()):
        return 1
    return 2 if lacking else 0


def _print(part: Part, sides: Mapping[str, Side]) -> None:
    for name, side in sides.items():
        figures = side.told()
        bound = ""
        if name == TOOL:
            held = "held" if side.p50 < part.bound_ms else "NOT HELD"
            bound = f"   under {part.bound_ms:g} ms: {held}"
        print(
            f"{part.name + ' ' + name:22} {figures['calls']:>7} {figures['p50_ms']:>9} {figures['p99_ms']:>9}{bound}"
        )
    print(f"  {part.says}", flush=True)
