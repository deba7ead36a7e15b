"""Readout `react`: one step of Thought, Action and Action Input, as Themis (2310.01045) writes it.

The caller runs the tool and shows what it found. An observation that the model wrote itself is made up, and
a step that holds one is not read.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

from judge_agent.readouts.answer import after_reasoning, unparseable

FINISH = "Finish"
_ACTION = re.compile(r"^[ \t]*Action[ \t]*:[ \t]*", re.MULTILINE)
_INPUT = re.compile(r"(?:^|[ \t])[ \t]{0,8}Action Input[ \t]*:", re.MULTILINE)
_THOUGHT = re.compile(r"^[ \t]*Thought[ \t]*:[ \t]*", re.MULTILINE)
_OBSERVATION = re.compile(r"^[ \t]*Observation\b", re.MULTILINE | re.IGNORECASE)
_SCORE = re.compile(r"-?(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,6})?")


class ToolStep(NamedTuple):
    """`tool` is to be called with the text `argument`."""

    thought: str
    tool: str
    argument: str


class FinishStep(NamedTuple):
    """The model needs no further tool and gives `score`."""

    thought: str
    score: float


def read_step(text: str | None, tools: Collection[str], low: float, high: float) -> ToolStep | FinishStep:
    """Return what the model does next: a call of one of `tools`, or `Finish` with a score in [low, high].

    Raises ModelError('model_unparseable') for no action or two, an unknown tool, no input, an observation of
    the model's own, and a final score that is no number or out of range.
    """
    answer = after_reasoning(text)
    if _OBSERVATION.search(answer):
        raise unparseable("the answer makes up an observation")
    thought, tool, argument = _parts(answer)
    if tool == FINISH:
        return FinishStep(thought, _score(argument, low, high))
    if tool not in tools:
        raise unparseable(f"{tool[:60]!r} is not one of the tools {sorted(tools)}")
    if not argument:
        raise unparseable(f"the call of {tool!r} has no input")
    return ToolStep(thought, tool, argument)


def _parts(answer: str) -> tuple[str, str, str]:
    action = _only(_ACTION, answer, "Action:")
    given = _only(_INPUT, answer, "Action Input:")
    if given.start() < action.end():
        raise unparseable("'Action Input:' stands before 'Action:'")
    thought = answer[: action.start()]
    begin = _only(_THOUGHT, thought, "Thought:")
    tool = answer[action.end() : given.start()].strip()
    return thought[begin.end() :].strip(), tool, answer[given.end() :].strip()


def _only(label: re.Pattern[str], text: str, name: str) -> re.Match[str]:
    matches = list(label.finditer(text))
    if len(matches) != 1:
        raise unparseable(f"the answer has {name!r} {len(matches)} times, once is due")
    return matches[0]


def _score(written: str, low: float, high: float) -> float:
    if not _SCORE.fullmatch(written):
        raise unparseable(f"the final score is {written[:40]!r}, not a plain number")
    if not low <= float(written) <= high:
        raise unparseable(f"the final score {written} is outside {low:g} to {high:g}")
    return float(written)
