"""Looks into the records for the model: what lies at a JSON pointer (RFC 6901), before the agent's calls or after."""

from __future__ import annotations

import json
from typing import Any, Literal, NamedTuple

from judge_agent.schema import Environment
from judge_agent.trajectory import Transcript
from tools.states.judging import Load, judged
from tools.states.work import Work

MAX_KEYS = 100


class Look(NamedTuple):
    """What to look at."""

    pointer: str
    when: Literal["start", "end"]


def look(
    wanted: Look, transcript: Transcript, environment: Environment, load: Load, work: Work, most: int
) -> dict[str, Any]:
    """What lies there, as JSON: the value, or the keys of one that is too large, or why neither can be said.

    `most`: characters of a value that are shown.
    """
    state = load()
    if wanted.when == "end":
        report = judged(transcript, environment, None, state, load, work)
        if report.undecided is not None:
            return {"problem": f"what the calls did cannot be told: {report.undecided}"[:500]}
    value: Any = state
    for part in wanted.pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdecimal() and len(key) < 10 and int(key) < len(value):
            value = value[int(key)]
        else:
            return {"problem": f"there is no {key[:80]!r} there"}
    return _shown(value, most)


def _shown(value: Any, most: int) -> dict[str, Any]:
    text = json.dumps(value, ensure_ascii=False)
    if len(text) <= most:
        return {"value": value}
    if isinstance(value, dict):
        keys = [key[:100] for key in list(value)[:MAX_KEYS]]
        return {"keys": keys, "count": len(value), "problem": "too large to show: look deeper"}
    if isinstance(value, list):
        return {"count": len(value), "problem": "too large to show: look at single items"}
    return {"value": text[:most], "problem": "cut"}
