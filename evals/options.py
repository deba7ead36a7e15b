"""Numbers on the command line, each within its bounds: a run over nothing must not say that all is well."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable


def whole(least: int = 1, most: int = 1_000_000_000) -> Callable[[str], int]:
    """Read a whole number from `least` to `most`; argparse tells what is none."""

    def number(text: str) -> int:
        try:
            found = int(text)
        except ValueError:
            found = least - 1
        if not least <= found <= most:
            bound = "" if most == 1_000_000_000 else f", at most {most}"
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least {least}{bound}")
        return found

    return number


def above_zero(most: float = 1_000_000.0) -> Callable[[str], float]:
    """Read a number above 0, `most` at most."""

    def number(text: str) -> float:
        try:
            found = float(text)
        except ValueError:
            found = math.nan
        if not 0 < found <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is no number above 0, {most:g} at most")
        return found

    return number
