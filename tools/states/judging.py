"""Judges one trajectory by the records: replays its calls, compares the end state, looks up claims. Pure, and bounded.

What comes out is a report; which finding it makes is `check_state`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from judge_agent.schema import EndForm, EndState, Environment, ExpectedCall
from judge_agent.trajectory import Step, Transcript
from tools.states.claiming import Claims
from tools.states.comparing import Comparison, Difference
from tools.states.replay import Replay
from tools.states.report import BadReference, Report, has_ended, observed_results, said_by
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
    claims = Claims(environment.claims)
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
        ends = [_differences(world, environment, end, form, load) for form in end.forms]
        report.differences = min(ends, key=len, default=None)
    return report


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
    world: World, environment: Environment, end: EndState, form: EndForm, load: Load
) -> tuple[Difference, ...]:
    if form.calls is not None:
        wanted = _led_to(environment, form.calls, load, world.work)
    else:
        wanted = form.state if form.state is not None else form.contains or {}
    comparison = Comparison(
        world.work,
        ignore=end.ignore,
        unordered=end.unordered,
        partly=form.contains is not None,
        writers=world.writers,
    )
    try:
        return comparison.differences(world.state, wanted)
    except (TooMuchWork, RecursionError) as error:
        raise BadReference(str(error)) from error


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
