"""The program of a box of pictures: reads a job from its input, does it, prints the answer as a line of JSON."""

from __future__ import annotations

import importlib
import json
import sys

from tools.images.in_box.pictures import Refused

_PLACES = {
    "measure": "measuring",
    "compare": "comparing",
    "read": "reading",
    "read_lines": "rapid_reading",
    "draw": "drawing",
}


def main() -> None:
    """Print `{"done": ...}`, `{"refused": why}`, or `{"missing": package}`."""
    job = json.loads(sys.stdin.read())
    try:
        module = importlib.import_module(f"tools.images.in_box.{_PLACES[job['task']]}")
        answer = {"done": getattr(module, job["task"])(job)}
    except Refused as refusal:
        answer = {"refused": str(refusal)}
    except ModuleNotFoundError as error:
        answer = {"missing": error.name or str(error)}
    print(json.dumps(answer))  # noqa: T201 - what the host reads
