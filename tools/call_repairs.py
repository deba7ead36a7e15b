"""Finds the bad calls that the agent put right later.

A result that reads like an error is only a hint that a call failed; whether the repair did what was
wanted is not known here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from typing import Any

from judge_agent.trajectory import Call, Turn
from tools.checked_calls import CheckedCall

MAX_REPAIRS_SOUGHT = 200
MAX_NAMES_COMPARED = 200


def with_repairs(calls: Sequence[CheckedCall]) -> list[CheckedCall]:
    """Mark the bad calls that a later call put right.

    A repair is a valid call of a later step, of the same tool (for an unknown tool: one of nearly that
    name, or with the same arguments), whose result does not read like an error and whose sound arguments
    do not all differ: booking another flight does not repair a booking. Several tries share one repair;
    parallel calls of one step each need their own.
    """
    step_order = {call.step.turn.span_id: index for index, call in enumerate(calls)}
    repairers = _repairers(calls)
    taken: dict[str, set[int]] = {}
    sought = 0
    marked = []
    for bad in calls:
        found = None
        if bad.outcome == "bad" and sought < MAX_REPAIRS_SOUGHT:
            sought += 1
            used = taken.setdefault(bad.step.turn.span_id, set())
            after = step_order[bad.step.turn.span_id]
            found = next(
                (i for i in _possible(bad, repairers, after) if i not in used and _repairs(calls[i], bad)),
                None,
            )
            used.update(() if found is None else (found,))
        marked.append(replace(bad, repaired=found is not None))
    return marked


def _repairers(calls: Sequence[CheckedCall]) -> Mapping[str, list[int]]:
    """The valid calls that seem to have worked, by name."""
    by_name: dict[str, list[int]] = {}
    for index, call in enumerate(calls):
        if call.outcome == "valid" and not reads_like_error(call.result):
            by_name.setdefault(call.call.name, []).append(index)
    return by_name


def _possible(bad: CheckedCall, repairers: Mapping[str, list[int]], after: int) -> list[int]:
    """The first later calls that may repair this one."""
    names: Iterable[str] = (bad.call.name,)
    if bad.problems[0]["kind"] == "unknown_tool":
        names = list(repairers)[:MAX_NAMES_COMPARED]
    later = sorted(index for name in names for index in repairers.get(name, ()) if index > after)
    return later[:MAX_REPAIRS_SOUGHT]


def _repairs(later: CheckedCall, bad: CheckedCall) -> bool:
    if bad.problems[0]["kind"] != "unknown_tool":
        return _same_purpose(later.call, bad)
    same_arguments = bool(bad.call.arguments) and later.call.raw_arguments == bad.call.raw_arguments
    return same_arguments or _nearly(later.call.name, bad.call.name)


def _nearly(first: str, second: str) -> bool:
    return SequenceMatcher(None, first.lower()[:128], second.lower()[:128]).ratio() >= 0.75


def _same_purpose(later: Call, bad: CheckedCall) -> bool:
    """Whether at least one sound argument that both calls give is alike, or none is shared."""
    before, after = bad.call.arguments or {}, later.arguments or {}
    shared = [name for name in before if name in after and name not in bad.faulty]
    return not shared or any(_alike(before[name], after[name]) for name in shared)


def _alike(first: Any, second: Any) -> bool:
    if isinstance(first, str) and isinstance(second, str):
        return first == second or bool(_words(first) & _words(second))
    return bool(first == second)


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w{3,}", text.lower()[:4000]))


_ERROR_START = re.compile(
    r"\s*(?:\W{0,3}\s*)?(?:tool |function )?(?:error|exception|traceback|invalid|unknown)\b", re.I
)


def reads_like_error(result: Turn | None) -> bool:
    """Whether a tool's result reads like a failure: an `error` key, or a text that starts with the word."""
    if result is None:
        return False
    text = result.text
    if text.lstrip().startswith("{") and len(text) < 100_000:
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            data = None
        if isinstance(data, dict):
            return bool(data.get("error") or data.get("is_error") or data.get("isError"))
    return _ERROR_START.match(text) is not None
