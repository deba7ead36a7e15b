"""Finds calls that a trajectory holds in a form that is not read: as parts of a message, as odd fields, in its text.

Agents make such calls, and no comparison sees them: where there are some, nothing can be said of calls that are
missing. A mark counts in text only where a call begins behind it, for to name a tag is no call.

Does not read them, and knows the marks of common chat templates only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from judge_agent.call_marks import UNREAD_IN_TEXT, loose_calls
from judge_agent.schema import Message, Trajectory
from judge_agent.trajectory import read, text_of

_PARTS = frozenset(("tooluse", "servertooluse", "toolcall", "functioncall"))
_FIELDS = frozenset(("functioncall", "functioncalls", "toolcall", "toolcalls", "tooluse"))


def unread_calls(trajectory: Trajectory, names: Sequence[str] = ()) -> Mapping[str, int]:
    """How many calls of the agent are not read, by their form; empty where all are, as in most trajectories.

    `names` are tools that are expected to be called.
    """
    found: Counter[str] = Counter()
    for message in trajectory.messages:
        forms = _forms(message) if message.role == "assistant" else Counter[str]()
        # The same calls may stand in a message twice, read and as its text.
        if forms and forms.total() > _read(trajectory, message):
            found += forms
    in_answer = _in_text(trajectory.final_answer or "")
    transcript = read(trajectory)
    found = found or (in_answer if in_answer.total() > len(transcript.calls) else Counter())
    if not found and not transcript.calls:
        answer = [("assistant", trajectory.final_answer or "")]
        told = [(turn.role, turn.text) for turn in transcript.turns]
        loose = max(transcript.unread_calls, loose_calls(told, names), loose_calls(answer, names))
        found = Counter({"text": loose}) if loose else found
    return found


def _forms(message: Message) -> Counter[str]:
    parts = message.content if isinstance(message.content, tuple) else ()
    found = Counter(f"part {part.type[:40]}" for part in parts if _letters(part.type) in _PARTS)
    for field, value in (message.model_extra or {}).items():
        if value and _letters(field) in _FIELDS:
            found[f"field {field[:40]}"] += len(value) if isinstance(value, list) else 1
    return found or _in_text(text_of(message))


def _in_text(text: str) -> Counter[str]:
    marks = sum(1 for _ in UNREAD_IN_TEXT.finditer(text))
    return Counter({"text": marks}) if marks else Counter()


def _read(trajectory: Trajectory, message: Message) -> int:
    return len(read(trajectory.model_copy(update={"messages": (message,)})).calls)


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name)).lower()
