"""Finds the answer that a candidate states: in a box, behind a mark, in a sentence that says so, or alone.

`sure` is false where the last number of the last line has to do: what it says may not be the answer.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from judge_agent.schema import Trajectory
from judge_agent.trajectory import final_answer

MAX_ANSWER_CHARS = 2000
MAX_ALONE_CHARS = 80
_TAIL_CHARS = 20_000
_MARKED = re.compile(
    r"^[ \t*_#>-]{0,8}(?:(?:the[ \t]+)?(?:final[ \t]+)?answer(?:[ \t]+is)?[ \t*_]{0,4}[:=]|A:|####)"
    r"[ \t*_]{0,4}(\S[^\n]{0,2000})$",
    re.I | re.M,
)
_SAID = re.compile(r"\banswer[ \t]+(?:is|equals|=)[ \t:]{0,3}([^\n]{1,300})", re.I)
_NUMBER = re.compile(r"(?<![\w.])[-\u2212]?[$\u20ac\u00a3]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?%?")
_SENTENCE_END = re.compile(r"\.(?=\s|$)|;")


class Stated(NamedTuple):
    """The text of an answer, without marks; `others` are the other numbers of the line that it stands in."""

    text: str
    sure: bool
    others: int = 0


def stated_answer(trajectory: Trajectory) -> Stated | None:
    """The stated answer, or None where nothing says one."""
    text = final_answer(trajectory).strip()
    text = text[-_TAIL_CHARS:]
    if not text:
        return None
    boxed = _boxed(text)
    if boxed is not None:
        return Stated(boxed[:MAX_ANSWER_CHARS], sure=True)
    if marked := _MARKED.findall(text):
        return Stated(_bare(marked[-1]), sure=True)
    if len(text) <= MAX_ALONE_CHARS and "\n" not in text:
        said = _SAID.findall(text)
        return Stated(_bare(said[-1] if said else text), sure=True)
    if said := _SAID.findall(text):
        return Stated(_bare(_SENTENCE_END.split(said[-1])[0]), sure=True)
    return _last_number(text)


def _boxed(text: str) -> str | None:
    """What stands in the last \\boxed{...}."""
    start = max(text.rfind("\\boxed{"), text.rfind("\\fbox{"))
    if start < 0:
        return None
    begin = text.index("{", start) + 1
    depth = 1
    for place in range(begin, len(text)):
        depth += (text[place] == "{") - (text[place] == "}")
        if not depth:
            return text[begin:place].strip()
    return None


def _bare(text: str) -> str:
    return text.strip().strip("*_`").strip().removesuffix(".").strip()[:MAX_ANSWER_CHARS]


def _last_number(text: str) -> Stated | None:
    line = next((line for line in reversed(text.split("\n")) if line.strip()), "")[-2000:]
    numbers = _NUMBER.findall(line)
    if not numbers:
        return None
    return Stated(numbers[-1], sure=False, others=len(set(numbers)) - 1)
