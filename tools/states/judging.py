"""Judges one trajectory by the records: replays its calls, compares the end state, looks up claims. Pure, and bounded.

What comes out is a report; which finding it makes is `check_state`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from judge_agent.effects import read_expression
from judge_agent.schema import EndState, Environment
from judge_agent.schema.environment import ENDED_NAMES
from judge_agent.trajectory import Step, Transcript, Turn
from tools.states.claiming import Checked, Claims
from tools.states.comparing import Comparison, Difference
from tools.states.evaluating import evaluate
from tools.states.replay import Replay
from tools.states.sightings import Replayed, Undecided
from tools.states.telling import Said, Speech
from tools.states.work import EffectError, TooMuchWork, Work
from tools.states.world import World

_NOTHING = {"role": "", "text": "", "name": ""}
Load = Callable[[], dict[str, Any]]


class BadReference(Exception):
    """The reference's own calls cannot be replayed: nothing can be said of any candidate."""


@dataclass
class Report:
    """What was found. `differences` is None where there is no required state, or `undecided` says why not compared."""

    calls: list[Replayed] = field(default_factory=list)
    undecided: str | None = None
    differences: tuple[Difference, ...] | None = None
    said: dict[str, Said] = field(default_factory=dict)
    claims: list[Checked] = field(default_factory=list)
    ended: bool = True


def judged(
    transcript: Transcript,
    environment: Environment,
    end: EndState | None,
    state: dict[str, Any],
    load: Load,
    work: Work,
) -> Report:
    """Judge a trajectory. `state` is that at the start, and is changed; `load` gives fresh copies of it.

    Raises ValueError for a declaration that is wrong, BadReference, TimeoutError.
    """
    claims = Claims(environment.claims)
    report = Report()
    if end is not None:
        report.said = _said(transcript, end)
    world = World(state, work)
    try:
        report.ended = _has_ended(transcript, environment, work)
        _replay(transcript, environment, world, claims, load, report)
    except (Undecided, TooMuchWork) as reason:
        report.undecided = str(reason)
    except RecursionError:
        report.undecided = "the state is nested too deeply"
    if end is not None and report.undecided is None:
        report.differences = _differences(world, environment, end, load, work)
    return report


def _has_ended(transcript: Transcript, environment: Environment, work: Work) -> bool:
    """Whether the trajectory is at its end, as far as the environment says what an end is."""
    if environment.ended is None:
        return True
    last = transcript.turns[-1] if transcript.turns else None
    told = {"role": last.role, "text": last.text, "name": _tool_of(last, transcript)} if last else _NOTHING
    try:
        return bool(evaluate(read_expression(environment.ended, ENDED_NAMES), {"last": told}, work))
    except EffectError as error:
        raise ValueError(f"resources.environment.ended: {error}") from error


def _tool_of(turn: Turn, transcript: Transcript) -> str:
    """The tool whose result a turn is, by its own word or by the call that it answers."""
    if turn.name or turn.answers is None:
        return turn.name or ""
    asker, _, position = turn.answers.partition(".")
    calls = next((other.calls for other in transcript.turns if other.span_id == asker), ())
    return calls[int(position)].name if int(position) < len(calls) else ""


def observed_results(transcript: Transcript) -> dict[str, str]:
    """The text of the result of each call that has one, by `message.position`."""
    return {turn.answers: turn.text for turn in transcript.turns if turn.answers is not None}


def _replay(
    transcript: Transcript,
    environment: Environment,
    world: World,
    claims: Claims,
    load: Load,
    report: Report,
) -> None:
    replay = Replay(environment, world)
    results = observed_results(transcript)
    scope: dict[str, Any] = {"state": world.state}
    if claims.need_the_start:
        scope["before"] = load()
    last = _last_with_text(transcript)
    for step in transcript.steps:
        # What a message tells was known before the calls that it makes.
        report.claims += claims.check(step.turn.text, step.id, scope, world.work, last=step is last)
        for position, call in enumerate(step.turn.calls):
            replayed = replay.made(call, results.get(f"{step.turn.span_id}.{position}"), step.id)
            if replayed is not None:
                report.calls.append(replayed)


def _last_with_text(transcript: Transcript) -> Step | None:
    return next((step for step in reversed(transcript.steps) if step.turn.text.strip()), None)


def _differences(
    world: World, environment: Environment, end: EndState, load: Load, work: Work
) -> tuple[Difference, ...] | None:
    wanted = end.state if end.state is not None else end.contains
    if end.calls is not None:
        wanted = _led_to(environment, end, load, work)
    if wanted is None:
        return None
    comparison = Comparison(
        work,
        ignore=end.ignore,
        unordered=end.unordered,
        partly=end.contains is not None,
        writers=world.writers,
    )
    try:
        return comparison.differences(world.state, wanted)
    except (TooMuchWork, RecursionError) as error:
        raise BadReference(str(error)) from error


def _led_to(environment: Environment, end: EndState, load: Load, work: Work) -> dict[str, Any]:
    """The state that the reference's calls lead to."""
    world = World(load(), work)
    replay = Replay(environment, world)
    try:
        for call in end.calls or ():
            replay.expected(call)
    except (Undecided, TooMuchWork, RecursionError) as error:
        raise BadReference(str(error)) from error
    return world.state


def _said(transcript: Transcript, end: EndState) -> dict[str, Said]:
    speech = Speech(_spoken(transcript.turns))
    return {(one if isinstance(one, str) else " | ".join(one)): speech.says(one) for one in end.said}


def _spoken(turns: Sequence[Turn]) -> list[str]:
    return [turn.text for turn in turns if turn.role == "assistant"]
