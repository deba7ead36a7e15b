"""The program of the box that needs the standard library alone: one question on standard input, one answer printed."""

from __future__ import annotations

import json
import sys

from tools.numbers.in_box.arithmetic import NoValue, value_of
from tools.numbers.in_box.equations import equations_in
from tools.numbers.in_box.following import follows
from tools.numbers.in_box.readings import compared, mentioned
from tools.numbers.in_box.shown import in_words, told
from tools.numbers.in_box.tokens import plain, tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def main() -> None:
    """Answer `{"op": "equations" | "value" | "compare" | "mentions" | "follows", ...}`."""
    asked = json.loads(sys.stdin.buffer.read())
    sys.stdout.write(json.dumps(_ANSWERS[asked["op"]](asked)) + "\n")


def _equations(asked: dict[str, Any]) -> dict[str, Any]:
    left, listed, cut = int(asked["most"]), [], False
    for index, text in enumerate(asked["texts"]):
        found, more = equations_in(text, left, task=asked.get("task", ""))
        left -= len(found)
        cut = cut or more
        listed += [
            [index, one.left, one.right, in_words(one.value), one.verdict, one.why]
            for one in found
        ]  # fmt: skip
    return {"equations": listed, "cut": cut}


def _value(asked: dict[str, Any]) -> dict[str, Any]:
    try:
        value = value_of(tokens(plain(asked["expression"]))).exact
    except NoValue as error:
        return {"none": str(error)}
    return dict(told(value))


def _compare(asked: dict[str, Any]) -> dict[str, Any]:
    verdict, why = compared(asked["reference"], asked["answer"])
    return {"verdict": verdict, "why": why}


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
