"""Judges one trajectory by the records: replays its calls, compares the end state, looks up claims. Pure, and bounded.

What comes out is a report; which finding it makes is `check_state`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from judge_agent.call_forms import spoken
from judge_agent.schema import EndForm, EndState, Environment, ExpectedCall
from judge_agent.trajectory import Transcript
from tools.states.claiming import StateClaims, left_open, told_at
from tools.states.comparing import Comparison, Difference
from tools.states.replay import Replay
from tools.states.report import (
    BadReference,
    Report,
    has_ended,
    last_with_text,
    observed_results,
    own_answer,
    said_by,
)
from tools.states.sightings import Undecided
from tools.states.work import TooMuchWork, Work
from tools.states.world import World

Load = Callable[[], dict[str, Any]]


def judged(
    transcript: Transcript,
    environment: Environment,
    end: EndState | None,
    state: dict[str, Any],
    load: Load,
    work: Work,
) -> Report:
    """Judge a trajectory. `state` is that at the start, and is changed; `load` gives fresh copies of it.

    Raises ToolError for a declaration that is wrong, BadReference, TimeoutError.
    """
    claims = StateClaims(environment.claims)
    report = Report()
    world = World(state, work)
    try:
        report.said = said_by(transcript, end, work)
        report.ended = has_ended(transcript, environment, work)
        _replay(transcript, environment, world, claims, load, report)
    except (Undecided, TooMuchWork) as reason:
        report.undecided = str(reason)
    except RecursionError:
        report.undecided = "the state is nested too deeply"
    if end is not None and report.undecided is None:
        _compare(world, environment, end, load, report)
    return report


def _replay(
    transcript: Transcript,
    environment: Environment,
    world: World,
    claims: StateClaims,
    load: Load,
    report: Report,
) -> None:
    replay = Replay(environment, world)
    results = observed_results(transcript)
    scope: dict[str, Any] = {"state": world.state}
    if claims.need_the_start:
        scope["before"] = load()
    last = last_with_text(transcript)
    for step in transcript.steps:
        # What a message tells was known before the calls that it makes, or tells of these.
        told, last_one = spoken(step.turn.text), step is last
        before = claims.check(told, step.id, scope, world.work, last=last_one)
        first = len(report.claims)
        report.claims += map(left_open, before) if step.turn.calls else before
        for position, call in enumerate(step.turn.calls):
            replayed = replay.made(call, results.get(f"{step.turn.span_id}.{position}", ()), step.id)
            if replayed is not None:
                report.calls.append(replayed)
        if step.turn.calls and any(one.holds is False for one in before):
            after = claims.check(told, step.id, scope, world.work, last=last_one)
            report.claims[first:] = told_at(before, after)
    if answer := own_answer(transcript):
        step_id = transcript.steps[-1].id if transcript.steps else ""
        report.claims += claims.check(answer, step_id, scope, world.work, last=True)


def _compare(world: World, environment: Environment, end: EndState, load: Load, report: Report) -> None:
    """The differences to the nearest of the ends. One that could not be compared leaves open whether it is reached."""
    ends: list[tuple[Difference, ...]] = []
    too_much: str | None = None
    for form in end.forms:
        wanted = _required(environment, form, load, world.work)
        try:
            ends.append(_differences(world, end, form, wanted))
        except TooMuchWork as reason:
            too_much = f"comparing the end state: {reason}"
        except RecursionError:
            too_much = "comparing the end state: it is nested too deeply"
    if too_much is not None and () not in ends:
        report.undecided = too_much
    else:
        report.differences = min(ends, key=len, default=None)


def _differences(
    world: World, end: EndState, form: EndForm, wanted: dict[str, Any]
) -> tuple[Difference, ...]:
    comparison = Comparison(
        world.work,
        ignore=end.ignore,
        unordered=end.unordered,
        partly=form.contains is not None,
        writers=world.writers,
    )
    return comparison.differences(world.state, wanted)


def _required(environment: Environment, form: EndForm, load: Load, work: Work) -> dict[str, Any]:
    """The state that a form of the end asks for. Raises BadReference."""
    if form.calls is not None:
        # What a candidate spent is not taken from the reference: whether that can be replayed is its own matter.
        return _led_to(environment, form.calls, load, work.another())
    return form.state if form.state is not None else form.contains or {}


def _led_to(
    environment: Environment, calls: Sequence[ExpectedCall], load: Load, work: Work
) -> dict[str, Any]:
    """The state that the reference's calls lead to."""
    world = World(load(), work)
    replay = Replay(environment, world)
    try:
        for call in calls:
            replay.expected(call)
    except (Undecided, TooMuchWork, RecursionError) as error:
        raise BadReference(str(error)) from error
    return world.state
