"""Says of every tool call of a trajectory whether it is valid, bad or not checked, and what became of it.

Knows what the trajectory records, not what the agent's tools did.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

from judge_agent.seams.tool import ToolView
from judge_agent.trajectory import Call, Transcript, Turn, read
from tools.call_repairs import with_repairs
from tools.checked_calls import CheckedCall, Checker
from tools.declared_tools import declarations


class StrayResult(NamedTuple):
    """A tool result that answers no open call, and the id of the step that it follows."""

    turn: Turn
    step_id: str | None


@dataclass(frozen=True)
class CheckedCalls:
    """What the whole trajectory comes to.

    `orphans` are results that no call produced, `second_results` further ones of an answered call;
    `unanswered` are calls that the conversation went on without; `open_at_end` are calls of the last
    turn, where it may stop.
    """

    calls: tuple[CheckedCall, ...]
    orphans: tuple[StrayResult, ...] = ()
    second_results: tuple[StrayResult, ...] = ()
    unanswered: tuple[CheckedCall, ...] = ()
    open_at_end: int = 0
    repeated: tuple[CheckedCall, ...] = ()
    nameless_tools: int = 0
    nulls_read_as_omitted: int = 0


def check_calls(view: ToolView, *, deadline: float | None = None) -> CheckedCalls:
    """Check every call of the candidate. Raises TimeoutError past `deadline`, a `time.monotonic()` moment."""
    transcript = read(view.trajectory)
    declared = declarations(view.trajectory.tools)
    checker = Checker(declared, deadline)
    results = {turn.answers: turn for turn in transcript.turns if turn.answers}
    places = [
        (step, position, call) for step in transcript.steps for position, call in enumerate(step.turn.calls)
    ]
    outcomes: dict[int, CheckedCall] = {}
    # Short arguments first: calls that are made costly on purpose cannot use up the work of the others.
    for index in sorted(range(len(places)), key=lambda index: len(places[index][2].raw_arguments)):
        step, position, call = places[index]
        result = results.get(f"{step.turn.span_id}.{position}")
        outcomes[index] = replace(checker.checked(step, position, call), result=result)
    calls = [outcomes[index] for index in range(len(places))]
    calls = with_repairs(calls)
    orphans, second = _orphans(view, transcript)
    unanswered, open_at_end = _unanswered(calls, transcript)
    repeated = tuple(_repeated(calls, transcript))
    return CheckedCalls(
        tuple(calls),
        orphans,
        second,
        unanswered,
        open_at_end,
        repeated,
        declared.nameless,
        checker.nulls_read_as_omitted,
    )


def decidable(view: ToolView) -> bool:
    """Whether at least one call can be checked, or a result has no call. Cheap: applies no schema."""
    transcript = read(view.trajectory)
    declared = declarations(view.trajectory.tools)
    for _, call in transcript.calls if declared.by_name else ():
        fitting = declared.find(call.name)
        if any(tool.schema is not None for tool in fitting) or not (fitting or declared.nameless):
            return True
    return bool(_orphans(view, transcript)[0])


def _orphans(
    view: ToolView, transcript: Transcript
) -> tuple[tuple[StrayResult, ...], tuple[StrayResult, ...]]:
    """Results without a call, and second results of one call. A result before its call is one without.

    The calls of the task's own messages count: a trajectory may begin with their results.
    """
    called: set[str] = set()
    earlier = _open_task_calls(view)
    orphans: list[StrayResult] = []
    second: list[StrayResult] = []
    step_id: str | None = None
    for turn in transcript.turns:
        step_id = turn.step_id or step_id
        called.update(call.id for call in turn.calls if call.id)
        if turn.role != "tool" or turn.answers is not None:
            continue
        if turn.call_id in called:
            second.append(StrayResult(turn, step_id))
        elif not _taken(earlier, turn):
            orphans.append(StrayResult(turn, step_id))
    # Where calls are made in a form that is not read, results may be of these.
    return () if transcript.unread_calls else tuple(orphans), tuple(second)


def _open_task_calls(view: ToolView) -> list[Call]:
    if not view.task.messages:
        return []
    before = read(view.trajectory.model_copy(update={"messages": view.task.messages}))
    return [call for _, call in before.calls if not call.answered]


def _taken(earlier: list[Call], result: Turn) -> bool:
    """Take the open call that this result answers out of `earlier`; False when there is none."""
    for call in earlier:
        same_id = bool(result.call_id) and call.id == result.call_id
        same_name = not (result.call_id and call.id) and (not result.name or call.name == result.name)
        if same_id or same_name:
            earlier.remove(call)
            return True
    return False


def _unanswered(calls: Sequence[CheckedCall], transcript: Transcript) -> tuple[tuple[CheckedCall, ...], int]:
    """Calls that got no result although the conversation went on, and the number left open at the end.

    A trajectory may end with a call: the harness stopped there, or the call itself ends the task.
    """
    ended = bool(transcript.steps) and transcript.turns[-1].role in ("assistant", "tool")
    last = transcript.steps[-1].turn.span_id if ended else None
    left = [call for call in calls if not call.call.answered]
    unanswered = tuple(call for call in left if call.step.turn.span_id != last)
    return unanswered, len(left) - len(unanswered)


def _repeated(calls: Sequence[CheckedCall], transcript: Transcript) -> Iterator[CheckedCall]:
    """Calls equal to the call right before, with nothing new between them and the same result."""
    told: dict[str, int] = {}
    count = 0
    for turn in transcript.turns:
        count += turn.role == "user"
        told[turn.span_id] = count
    for before, after in pairwise(calls):
        same_call = _asked(before) == _asked(after)
        nothing_new = told[before.step.turn.span_id] == told[after.step.turn.span_id]
        if same_call and nothing_new and _text(before.result) == _text(after.result):
            yield after


def _asked(checked: CheckedCall) -> tuple[str, str]:
    """The tool and its arguments; the order of keys makes no other call."""
    arguments = checked.call.arguments
    written = checked.call.raw_arguments if arguments is None else json.dumps(arguments, sort_keys=True)
    return checked.call.name, written


def _text(result: Turn | None) -> str | None:
    return None if result is None else result.text
