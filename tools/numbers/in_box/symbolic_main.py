"""The program of the box that has sympy and math-verify: one question on standard input, one answer printed."""

from __future__ import annotations

import json
import sys

from tools.numbers.in_box.plain_math import NotRead
from tools.numbers.in_box.symbolic import compared, evaluated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def main() -> None:
    """Answer `{"op": "value" | "compare", ...}`."""
    asked = json.loads(sys.stdin.buffer.read())
    sys.stdout.write(json.dumps(_value(asked) if asked["op"] == "value" else _compare(asked)) + "\n")


def _value(asked: dict[str, Any]) -> dict[str, Any]:
    try:
        return dict(evaluated(asked["expression"]))
    except NotRead as error:
        return {"none": str(error)}


def _compare(asked: dict[str, Any]) -> dict[str, Any]:
    verdict, why = compared(asked["reference"], asked["answer"])
    return {"verdict": verdict, "why": why}
