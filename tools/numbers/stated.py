"""Finds the answer that a candidate states: in a box, behind a mark, in a sentence that says so, or alone.

Not in its hidden reasoning: an answer is what its reader gets.
`sure` is false where the last number of the last line has to do: what it says may not be the answer.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from judge_agent.prompting.material import without_thought
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
_BOX = re.compile(r"\\(?:boxed|fbox)\{")
_DENIED_BEFORE = re.compile(r"\b(?:not|than|isn't|isn\u2019t)[\s$:]{1,4}$", re.I)
_DENIED_BEHIND = re.compile(
    r"[$\s,]{0,4}(?:(?:is|was|would be)\s+)?(?:wrong|incorrect|not (?:right|correct|the)|false)\b", re.I
)
_SENTENCE_END = re.compile(r"\.(?=\s|$)|;")


class Stated(NamedTuple):
    """The text of an answer, without marks; `others` are the other numbers of the line that it stands in."""

    text: str
    sure: bool
    others: int = 0


def stated_answer(trajectory: Trajectory) -> Stated | None:
    """The stated answer, or None where nothing says one."""
    text = without_thought(final_answer(trajectory))[0].strip()[-_TAIL_CHARS:]
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
    """What stands in the last \\boxed{...} that is not denied beside it; in the last one, where all are."""
    found = [(text[start:end].strip(), _is_denied(text, match.start(), end + 1)) for match in _BOX.finditer(text)
             if (end := _closing(text, start := match.end())) is not None]  # fmt: skip
    return next((inside for inside, denied in reversed(found) if not denied), found[-1][0] if found else None)


def _closing(text: str, begin: int) -> int | None:
    """Where the brace closes that was opened before `begin`."""
    depth = 1
    for place in range(begin, min(len(text), begin + MAX_ANSWER_CHARS)):
        depth += (text[place] == "{") - (text[place] == "}")
        if not depth:
            return place
    return None


def _is_denied(text: str, start: int, end: int) -> bool:
    return bool(
        _DENIED_BEFORE.search(text[max(0, start - 20) : start]) or _DENIED_BEHIND.match(text[end : end + 40])
    )


def _bare(text: str) -> str:
    return text.strip().strip("*_`").strip().removesuffix(".").strip()[:MAX_ANSWER_CHARS]


def _last_number(text: str) -> Stated | None:
    line = next((line for line in reversed(text.split("\n")) if line.strip()), "")[-2000:]
    numbers = _NUMBER.findall(line)
    if not numbers:
        return None
    return Stated(numbers[-1], sure=False, others=len(set(numbers)) - 1)
