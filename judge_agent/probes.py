"""The answers that a request is tried with: the reference, idle answers, and the reference with one thing wrong. Pure.

After vf-validate and its kin, which try gold and no-op answers before a run.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from pydantic import ValidationError

from judge_agent.schema.expected_calls import CallRules, ExpectedCall

Kind = Literal["reference", "again", "empty", "idle", "cut", "altered", "foreign"]
KINDS: tuple[Kind, ...] = ("reference", "again", "empty", "idle", "cut", "altered", "foreign")
# What must not score full, and what is a mutant: a reference with one thing wrong.
IDLE: tuple[Kind, ...] = ("empty", "idle")
MUTANTS: tuple[Kind, ...] = ("cut", "altered", "foreign")
MAX_SEED = 2**63 - 1
_IDLE_TEXT = "I have completed the task as requested."
_DIGIT = re.compile(r"[0-9]")
_EXACT = 2.0**50


@dataclass(frozen=True)
class Probe:
    """One answer to one request (`index` from 0), as the request to post."""

    index: int
    kind: Kind
    request: Mapping[str, Any]


def probes(requests: Sequence[Mapping[str, Any]]) -> Iterator[Probe]:
    """Every probe of every request; without a reference only answers that do nothing. The schema accepts the requests.

    `again` is the reference once more, with another seed: with the same one a model server says the same again, and
    the noise of a reward would be none by construction.
    """
    references = [reference_of(request) for request in requests]
    for index, (request, reference) in enumerate(zip(requests, references, strict=True)):
        others = references[index + 1 :] + references[:index]
        for kind, trajectory in {**_idle_answers(), **_from(reference, request, others)}.items():
            if trajectory is not None and (kind in ("reference", "again") or trajectory != reference):
                yield Probe(index, kind, _alone(request, kind, trajectory))


def _idle_answers() -> dict[Kind, Mapping[str, Any] | None]:
    return {"empty": {"text": ""}, "idle": {"text": _IDLE_TEXT}}


def _from(
    reference: Mapping[str, Any] | None,
    request: Mapping[str, Any],
    others: Sequence[Mapping[str, Any] | None],
) -> dict[Kind, Mapping[str, Any] | None]:
    """The reference, whole and with one thing wrong; nothing where there is none."""
    if reference is None:
        return {}
    return {
        "reference": reference,
        "again": reference,
        "cut": _cut(reference),
        "altered": _altered(reference, _Uncounted.of(request)),
        "foreign": next((other for other in others if other not in (None, reference)), None),
    }


def _alone(request: Mapping[str, Any], kind: Kind, trajectory: Mapping[str, Any]) -> dict[str, Any]:
    """The request with this one answer. It leaves no point in a run, pins none, and keeps no group waiting."""
    asked = {name: value for name, value in request.items() if name not in ("run", "group")}
    asked |= {"candidates": [{"id": kind, "trajectory": trajectory}], "cache": "no", "shape": []}
    return asked | {"seed": _other(int(request.get("seed") or 0))} if kind == "again" else asked


def reference_of(request: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The trajectory that is known to be right: what `task.reference` tells, else the candidate called `reference`."""
    reference = request["task"].get("reference") or {}
    if reference.get("solution"):
        return {"text": f"```python\n{reference['solution']}\n```"}
    if reference.get("sql"):
        return {"text": f"```sql\n{reference['sql']}\n```"}
    if reference.get("tool_calls"):
        return {
            "messages": [{"role": "assistant", "content": None, "tool_calls": _made(reference["tool_calls"])}]
        }
    if reference.get("answer"):
        return {"text": str(reference["answer"])}
    given = [one for one in request.get("candidates") or () if one["id"] in ("reference", "gold")]
    return given[0]["trajectory"] if given else None


def _other(seed: int) -> int:
    return seed + 1 if seed < MAX_SEED else 0


class _Uncounted(NamedTuple):
    """Which calls may be changed and still be right: tools, and arguments by tool (`*`: of every one)."""

    tools: frozenset[str]
    arguments: Mapping[str, frozenset[str]]
    number_tolerance: float

    @classmethod
    def of(cls, request: Mapping[str, Any]) -> _Uncounted:
        reference = request["task"].get("reference") or {}
        rules = CallRules.model_validate(reference.get("tool_call_rules") or {})
        found = {tool: frozenset(names) for tool, names in rules.ignored_arguments.items()}
        for call in map(ExpectedCall.model_validate, reference.get("tool_calls") or ()):
            found[call.name] = found.get(call.name, frozenset()) | frozenset(call.accept)
        return cls(frozenset(rules.free), found, rules.number_tolerance)


def _made(calls: Sequence[Any]) -> list[dict[str, Any]]:
    """The calls as an agent makes them, whichever form the reference has."""
    return [
        _call(str(at), expected.name, expected.arguments)
        for at, expected in enumerate(ExpectedCall.model_validate(call) for call in calls)
    ]


def _call(id: str, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}


def _cut(trajectory: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The first half of it."""
    if "text" in trajectory:
        text = str(trajectory["text"])
        return {"text": text[: len(text) // 2]} if len(text) > 1 else None
    if calls := _last_calls(trajectory):
        return _with_calls(trajectory, calls[: len(calls) // 2])
    messages = trajectory.get("messages") or ()
    if len(messages) < 2:
        return None
    return {**trajectory, "messages": list(messages[: len(messages) // 2]), "final_answer": None}


def _altered(trajectory: Mapping[str, Any], uncounted: _Uncounted) -> Mapping[str, Any] | None:
    """With another last digit; of tool calls, with one argument of one call changed. None where nothing can be."""
    if "text" in trajectory:
        text = str(trajectory["text"])
        return {"text": _next_digit(text)} if _DIGIT.search(text) else None
    calls = _last_calls(trajectory)
    for at in reversed(range(len(calls))):
        if (changed := _altered_call(calls[at], uncounted)) is not None:
            return _with_calls(trajectory, [*calls[:at], changed, *calls[at + 1 :]])
    return None


def _altered_call(call: Mapping[str, Any], uncounted: _Uncounted) -> Mapping[str, Any] | None:
    """The call with the last of its arguments changed that counts; None where none does, or they cannot be read."""
    try:
        made = ExpectedCall.model_validate(call)
    except ValidationError:
        return None
    skipped = uncounted.arguments.get(made.name, frozenset()) | uncounted.arguments.get("*", frozenset())
    counted = [name for name in made.arguments if name not in skipped]
    if made.name in uncounted.tools or not counted:
        return None
    name = counted[-1]
    arguments = {**made.arguments, name: _changed(made.arguments[name], uncounted.number_tolerance)}
    return _call(str(call.get("id")), made.name, arguments)


def _changed(value: Any, tolerance: float) -> Any:
    """Another value of the same type, further off than numbers may be."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1 + 2 * math.ceil(tolerance)
    if isinstance(value, float):
        # Next to a very large number one more is no other number.
        return value / 2 if abs(value) > _EXACT else value + 1.0 + 2 * tolerance
    if isinstance(value, str):
        return _next_digit(value) if _DIGIT.search(value) else f"{value} altered".strip()
    if isinstance(value, list) and value:
        return [*value[:-1], _changed(value[-1], tolerance)]
    if isinstance(value, dict) and value:
        last = list(value)[-1]
        return {**value, last: _changed(value[last], tolerance)}
    return "altered"


def _next_digit(text: str) -> str:
    """The text with its last digit one higher, 0 after 9: no number is read, however long it is."""
    last = max(text.rfind(digit) for digit in "0123456789")
    return f"{text[:last]}{(int(text[last]) + 1) % 10}{text[last + 1 :]}"


def _last_calls(trajectory: Mapping[str, Any]) -> Sequence[Any]:
    messages = trajectory.get("messages") or ()
    return (messages[-1].get("tool_calls") or ()) if messages else ()


def _with_calls(trajectory: Mapping[str, Any], calls: Sequence[Any]) -> Mapping[str, Any]:
    last = {**trajectory["messages"][-1], "tool_calls": list(calls)}
    if not calls:
        last = {"role": "assistant", "content": _IDLE_TEXT}
    return {**trajectory, "messages": [*trajectory["messages"][:-1], last]}
