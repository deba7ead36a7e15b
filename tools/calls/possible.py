"""What calls in a text that is not read can be at best: whether the expected ones may be among them.

A call that no tool answers, in a form that is not read, is what an honest agent writes whose form is not known, and
what another writes behind a wrong answer so that nothing is said of it. What stands there tells them apart: the call
can be the expected one only if the text names the tool and holds a value that is accepted for each argument. An agent
that wrote the right call is not refuted, in whatever form. One that leaves its verdict open so has written down the
right call, and would have gained more by making it.

Reads no form: a text may hold all that and still be another call. Values that code works out are not seen.
"""

from __future__ import annotations

import html
import json
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from judge_agent.call_marks import may_call
from judge_agent.schema import CallRules, ExpectedCall
from tools.calls.credit import Crediting
from tools.calls.equality import Equality

_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|[nrt])")


class CallLikeTexts:
    """Texts, each from where a call seems to begin. Its methods raise TimeoutError past `deadline`."""

    def __init__(self, texts: Sequence[str], rules: CallRules, *, deadline: float) -> None:
        self._texts = [_Written(text) for text in texts]
        self._rules = rules
        self._deadline = deadline

    def may_match(self, wanted: Sequence[Sequence[ExpectedCall]]) -> bool:
        """Whether one of the lists may have been called: all of it, where part of it earns no credit."""
        enough = any if self._rules.score == "credit" else all
        return any(not expected or enough(map(self._may_be, expected)) for expected in wanted)

    def _may_be(self, expected: ExpectedCall) -> bool:
        equality = Equality(self._rules, deadline=self._deadline)
        asked = Crediting(expected.name, self._rules, equality).asked(expected)
        needed = [one.values for one in asked.values() if one.when_absent == "missing"]
        return any(self._holds(text, expected.name, needed) for text in self._texts)

    def _holds(self, text: _Written, name: str, needed: Sequence[Sequence[Any]]) -> bool:
        if time.monotonic() > self._deadline:
            raise TimeoutError("comparing the calls took too long")
        within = self._rules.number_tolerance
        return may_call(text.text, [name]) and all(
            any(text.holds(value, within) for value in values) for values in needed
        )


class _Written:
    """A text in which values are looked up, however they are quoted or escaped there."""

    def __init__(self, text: str) -> None:
        self.text = text
        plain = _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else " ", html.unescape(text))
        self._letters = (_letters(text), _letters(plain))
        self._numbers = {float(number) for number in _NUMBER.findall(text)}

    def holds(self, value: Any, within: float) -> bool:
        return all(self._holds_leaf(leaf, within) for leaf in _leaves(value))

    def _holds_leaf(self, leaf: Any, within: float) -> bool:
        if isinstance(leaf, str):
            return any(_letters(leaf) in letters for letters in self._letters)
        if isinstance(leaf, bool) or not isinstance(leaf, (int, float)):
            return True  # words for it differ by form
        try:
            number = abs(float(leaf))
        except OverflowError:
            return str(abs(leaf)) in self._letters[0]
        return number in self._numbers or any(abs(number - one) <= within * 1.001 for one in self._numbers)


def _leaves(value: Any) -> Iterator[Any]:
    """What a value holds at its ends. JSON text of an object or a list is that object or list."""
    if isinstance(value, str) and value.lstrip().startswith(("{", "[")):
        with suppress(ValueError, RecursionError):
            value = json.loads(value)
    if isinstance(value, (dict, list, tuple)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _leaves(inner)
    else:
        yield value


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text)).casefold()
