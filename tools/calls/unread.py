"""Finds calls that a trajectory holds in a form that is not read: as parts of a message, as odd fields, in its text.

Agents make such calls, and no comparison sees them: where there are some, nothing can be said of calls that are
missing. A mark counts in text only where a call begins behind it, for to name a tag is no call; and only where no call
of the trajectory is read: what stands in a text beside calls of another form was not carried out. Who ran the agent
writes parts and fields, the agent writes its text.

Where no call is read at all, a call in a text may be all that an agent did whose form is not known, or a line behind a
wrong answer that is to leave it open. Where a tool's result follows, it was carried out, and nothing is said of it.
Where none does (`is_answered`), it may be only what it can be: `possible.py`.

Does not read them, and knows the marks of common chat templates only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from judge_agent.call_marks import UNREAD_IN_TEXT, from_call, is_answered, loose_calls
from judge_agent.schema import Message, Trajectory
from judge_agent.trajectory import read, text_of

_PARTS = frozenset(("tooluse", "servertooluse", "toolcall", "functioncall"))
TEXT = "text"
_FIELDS = frozenset(("functioncall", "functioncalls", "toolcall", "toolcalls", "tooluse"))


def unread_calls(trajectory: Trajectory, names: Sequence[str] = ()) -> Mapping[str, int]:
    """How many calls of the agent are not read, by their form; empty where all are, as in most trajectories.

    `names` are tools that are expected to be called.
    """
    found: Counter[str] = Counter()
    transcript = read(trajectory)
    for message in trajectory.messages:
        forms = _forms(message) if message.role == "assistant" else Counter[str]()
        if transcript.calls:
            del forms[TEXT]
        # The same calls may stand in a message twice, read and as its text.
        if forms and forms.total() > _read(trajectory, message):
            found += forms
    if transcript.calls:
        return found or _count(transcript.unread_calls)
    found = found or _in_text(trajectory.final_answer or "")
    if not found:
        loose = (loose_calls(told, names) for told in _told(trajectory))
        found = _count(max(transcript.unread_calls, *loose))
    return found


def unanswered_calls(trajectory: Trajectory, names: Sequence[str]) -> tuple[str, ...] | None:
    """The texts of the agent from where each seems to make a call; None where one of them was answered by a tool."""
    begun = []
    for told in _told(trajectory):
        for at, (role, text) in enumerate(told):
            found = role == "assistant" and from_call(text, names)
            if role == "assistant" and is_answered(told, at) and loose_calls(told[at : at + 2], names):
                return None
            begun += [found] if found else []
    return tuple(begun)


def _told(trajectory: Trajectory) -> tuple[list[tuple[str, str]], ...]:
    """The role and text of each message; and the declared answer, which nothing follows."""
    told: list[tuple[str, str]] = [(turn.role, turn.text) for turn in read(trajectory).turns]
    return told, [("assistant", trajectory.final_answer or "")]


def _forms(message: Message) -> Counter[str]:
    parts = message.content if isinstance(message.content, tuple) else ()
    found = Counter(f"part {part.type[:40]}" for part in parts if _letters(part.type) in _PARTS)
    for field, value in (message.model_extra or {}).items():
        if value and _letters(field) in _FIELDS:
            found[f"field {field[:40]}"] += len(value) if isinstance(value, list) else 1
    return found or _in_text(text_of(message))


def _in_text(text: str) -> Counter[str]:
    marks = sum(1 for _ in UNREAD_IN_TEXT.finditer(text))
    return _count(marks)


def _count(marks: int) -> Counter[str]:
    return Counter({TEXT: marks}) if marks else Counter()


def _read(trajectory: Trajectory, message: Message) -> int:
    return len(read(trajectory.model_copy(update={"messages": (message,)})).calls)


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name)).lower()
