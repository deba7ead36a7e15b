"""Findings on a final answer: what a comparison says of it, and how strongly.

A comparison with the reference decides. A comparison with what the model asked for is strong at most: the tool cannot
know that it was the right question.
"""

from __future__ import annotations

import re
from fractions import Fraction

from judge_agent.prompting.material import without_thought
from judge_agent.schema import Trajectory
from judge_agent.seams.tool import Finding
from judge_agent.trajectory import final_answer

_SEARCHED_CHARS = 20_000
_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
_NUMBER = re.compile(r"(?<![\w.,])[-\u2212]?(?:\d{1,3}(?:,\d{3})+|\d{1,40})(?:\.\d{1,40})?(?![\w]*\d)")


def answer_finding(verdict: str, why: str, *, decides: bool) -> Finding:
    """What a comparison with the reference says: `verdict` is equal, different or unsure."""
    if verdict == "equal":
        return Finding("confirms", "decisive" if decides else "strong", 1.0 if decides else None, why)
    if verdict == "different":
        return Finding("refutes", "decisive" if decides else "strong", 0.0 if decides else None, why)
    return Finding("none", "hint", None, why)


def bears_on_answer(verdict: str | None, what: str) -> Finding:
    """What a comparison with something that the model asked for says of the final answer."""
    if verdict == "equal":
        return Finding("confirms", "strong", None, f"the final answer is {what}")
    if verdict == "different":
        return Finding("refutes", "strong", None, f"the final answer is not {what}")
    return Finding("none", "hint", None, f"whether the final answer is {what} cannot be told")


def answer_text(trajectory: Trajectory) -> str:
    """The end of the final answer, as far as it is searched, without hidden reasoning."""
    return without_thought(final_answer(trajectory))[0][-_SEARCHED_CHARS:]


def numbers_in(text: str) -> frozenset[Fraction]:
    """The numbers of a text, those in dates left out."""
    found = _NUMBER.findall(_DATE.sub(" ", text))
    return frozenset(Fraction(one.replace(",", "").replace("\u2212", "-")) for one in found)


def says(text: str, phrase: str) -> bool:
    """Whether a text holds a phrase as whole words, whatever their case."""
    words = " ".join(text.casefold().split())
    wanted = " ".join(phrase.casefold().split())
    return bool(wanted) and re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", words) is not None
