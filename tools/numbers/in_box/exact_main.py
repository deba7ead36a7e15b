"""The program of the box that needs the standard library alone: one question on standard input, one answer printed."""

from __future__ import annotations

import json
import sys

from tools.numbers.in_box.arithmetic import NoValue, value_of
from tools.numbers.in_box.equations import equations_in
from tools.numbers.in_box.following import follows
from tools.numbers.in_box.readings import compared, mentioned
from tools.numbers.in_box.tokens import plain, tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def main() -> None:
    """Answer `{"op": "equations" | "value" | "compare" | "mentions" | "follows", ...}`."""
    asked = json.loads(sys.stdin.buffer.read())
    sys.stdout.write(json.dumps(_ANSWERS[asked["op"]](asked)) + "\n")


def _equations(asked: dict[str, Any]) -> dict[str, Any]:
    left, told, cut = int(asked["most"]), [], False
    for index, text in enumerate(asked["texts"]):
        found, more = equations_in(text, left, task=asked.get("task", ""))
        left -= len(found)
        cut = cut or more
        told += [
            [index, one.left, one.right, _number(one.value), one.verdict, one.why]
            for one in found
        ]  # fmt: skip
    return {"equations": told, "cut": cut}


def _value(asked: dict[str, Any]) -> dict[str, Any]:
    try:
        value = value_of(tokens(plain(asked["expression"]))).exact
    except NoValue as error:
        return {"none": str(error)}
    return {"exact": _number(value)}


def _compare(asked: dict[str, Any]) -> dict[str, Any]:
    verdict, why = compared(asked["reference"], asked["answer"])
    return {"verdict": verdict, "why": why}


def _number(value: Any) -> str:
    """A fraction as text, as a decimal where that is exact and short."""
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if value.denominator == 1 or rest != 1 or value.denominator > 10**12:
        text = str(value) if max(abs(value.numerator), value.denominator).bit_length() < 12_000 else "(long)"
        return text if len(text) <= 400 else f"{text[:200]}... ({len(text)} characters)"
    places = 0
    while (value * 10**places).denominator != 1:
        places += 1
    digits = str(abs(int(value * 10**places))).rjust(places + 1, "0")
    return f"{'-' if value < 0 else ''}{digits[:-places]}.{digits[-places:]}"


def _mentions(asked: dict[str, Any]) -> dict[str, Any]:
    return {"mentions": mentioned(asked["reference"], asked["text"])}


def _follows(asked: dict[str, Any]) -> dict[str, Any]:
    verdict, why = follows(asked["texts"], asked["answer"], int(asked["most"]))
    return {"verdict": verdict, "why": why}


_ANSWERS = {
    "follows": _follows,
    "mentions": _mentions,
    "equations": _equations,
    "value": _value,
    "compare": _compare,
}
