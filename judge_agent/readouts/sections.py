"""Readout `sections`: parts of an answer that a method asks for beside its verdict, such as `<rubric>`.

A method that solves first, or writes a rubric first, is another one without that part: an answer that leaves it
out is no answer of the method. What a part says is not checked, only that it says something. Themis (2310.01045)
writes its rationale behind a word instead of between tags: `Work:`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from judge_agent.readouts.answer import after_reasoning, unparseable


def read_sections(text: str | None, patterns: Mapping[str, str]) -> dict[str, str]:
    """Return what stands in each `<name>...</name>`, by name; in several of one name, one below the other.

    `patterns` maps each name to what its content must hold somewhere; the empty pattern asks for any words.
    Raises ModelError('model_unparseable') for a part that is missing, not closed, blank, or without its pattern.
    """
    answer = after_reasoning(text)
    found = {name: _content(answer, name) for name in patterns}
    for name, pattern in patterns.items():
        if not re.search(pattern, found[name]):
            raise unparseable(f"<{name}> holds nothing of the form {pattern!r}")
    return found


def read_rationale(text: str | None, label: str, *, before: str) -> str:
    """Return what stands behind `label` and before the first `before`: the reason that comes before a verdict.

    The label may be bold, a heading, or in capitals. Raises ModelError('model_unparseable') for no label before the
    verdict, and for one behind which no word stands.
    """
    head = after_reasoning(text).partition(before)[0]
    written = r"[*_# ]*".join(re.escape(part) for part in re.split(r"(?=:)", label))
    found = re.search(rf"(?<!\w){written}", head, re.IGNORECASE)
    if found is None or not re.search(r"[^\W_]", head[found.end() :]):
        raise unparseable(f"the answer gives no reason behind {label!r} before {before}")
    return head[found.end() :].strip()


def _content(answer: str, name: str) -> str:
    begin, end = f"<{name}>", f"</{name}>"
    parts: list[str] = []
    at = answer.find(begin)
    while at >= 0:
        close = answer.find(end, at)
        if close < 0:
            raise unparseable(f"{begin} is not closed")
        parts.append(answer[at + len(begin) : close].strip())
        at = answer.find(begin, close)
    content = "\n".join(part for part in parts if part)
    if not content:
        raise unparseable(f"the answer has no {begin}...{end} that says something")
    return content
