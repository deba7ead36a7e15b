"""Readout `focus`: the first turn of BR-RM (2510.23596), which names what to look at and what is wrong with it.

There is no default focus: an answer that names none, or one that is not on the list, is no answer.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from judge_agent.readouts.answer import after_reasoning, blocks, unparseable
from judge_agent.readouts.near import folded

ABILITIES: tuple[str, ...] = (
    "Information Accuracy",
    "Computational Precision",
    "Logical Reasoning",
    "Implementation Capability",
    "Safety Awareness",
    "Response Completeness",
    "Instruction Adherence",
    "Communication Clarity",
)
MAX_ABILITIES = 3
_NAME, _ANALYSIS = "Quality Assessment Focus", "Quality Analysis for Response {}"
_BEGIN, _END = f"[{_NAME}]", f"[End of {_NAME}]"
_BULLET = re.compile(r"^(?:[-*\u2022]|[0-9][.)])\s+")
_ISSUES = re.compile(r"(?:[-*]\s{1,8})?\*{0,2}Critical Issues\*{0,2}:\*{0,2}(.*)", re.DOTALL | re.IGNORECASE)
_ANY_MARK = re.compile(
    r"\[\s{0,3}(?:The\s+)?(?:(?:End|Begin(?:ning)?)\s+of\s+)?Quality\s+(?:Assessment\s+Focus|Analysis\s+for)[^\]\n]{0,40}\]?",
    re.IGNORECASE,
)
_ANY_BLOCK = re.compile(r"\[Quality Analysis for Response ([^\]\n]{1,20})\]")


class Focus(NamedTuple):
    """`abilities`: one to three of ABILITIES. `issues`: the critical issues of each response, in order."""

    abilities: tuple[str, ...]
    issues: tuple[str, ...]


def read_focus(text: str | None, responses: int) -> Focus:
    """Return the focus, and the critical issues of responses 1 to `responses`.

    Raises ModelError('model_unparseable') for no list or two, none or more than three abilities, one that
    stands twice or is not on the list, and for a response without its own block of issues.
    """
    answer = after_reasoning(text)
    lists = blocks(answer, _BEGIN, _END)
    if len(lists) != 1:
        raise unparseable(f"the answer has {len(lists)} blocks {_BEGIN!r}, one is due")
    found = Focus(_abilities(lists[0]), _all_issues(answer, responses))
    _refuse_near_marks(answer, responses)
    return found


def _refuse_near_marks(answer: str, responses: int) -> None:
    """Raise ModelError for a mark in nearly the form: what it begins would be passed over."""
    names = [_NAME, *(_ANALYSIS.format(number) for number in range(1, responses + 1))]
    due = {f"[{prefix}{name}]" for name in names for prefix in ("", "End of ")}
    for match in _ANY_MARK.finditer(folded(answer)):
        if match.group() not in due and not _ANY_BLOCK.fullmatch(match.group()):
            raise unparseable(f"{match.group()!r} is nearly a mark, and none")


def _abilities(listed: str) -> tuple[str, ...]:
    names = {name.casefold(): name for name in ABILITIES}
    found: list[str] = []
    for item in re.split(r"[,;\n]", listed):
        said = _BULLET.sub("", item.strip()).strip(" .*")
        if not said:
            continue
        if said.casefold() not in names:
            raise unparseable(f"{said[:60]!r} is not one of the {len(ABILITIES)} abilities")
        found.append(names[said.casefold()])
    if len(set(found)) != len(found):
        raise unparseable(f"the focus names an ability twice: {found}")
    if not 1 <= len(found) <= MAX_ABILITIES:
        raise unparseable(f"the focus names {len(found)} abilities, 1 to {MAX_ABILITIES} are due")
    return tuple(found)


def _all_issues(answer: str, responses: int) -> tuple[str, ...]:
    due = [str(number) for number in range(1, responses + 1)]
    strangers = set(_ANY_BLOCK.findall(answer)) - set(due)
    if strangers:
        raise unparseable(f"the answer analyses responses that there are not: {sorted(strangers)}")
    return tuple(_issues_of(answer, number, last=number == due[-1]) for number in due)


def _issues_of(answer: str, number: str, *, last: bool) -> str:
    begin, end = (
        f"[{_ANALYSIS.format(number)}]",
        f"[End of {_ANALYSIS.format(number)}]",
    )
    # The end of the last block is the stop string of the call, so it may be missing.
    found = blocks(answer, begin, end, may_end_open=last)
    if len(found) != 1:
        raise unparseable(f"the answer has {len(found)} blocks {begin!r}, one is due")
    match = _ISSUES.match(found[0].strip())
    issues = match.group(1).strip() if match else ""
    if not issues:
        raise unparseable(f"{begin!r} lists no 'Critical Issues:'")
    return issues
