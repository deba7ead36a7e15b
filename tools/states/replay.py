"""Replays calls on a copy of JSON records: those that the agent made, or those of a reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from judge_agent.effects import Operation, read_operations
from judge_agent.schema import Environment, ExpectedCall
from judge_agent.trajectory import Call
from tools.states.sightings import Observed, Replayed, Sighting, Sightings, Undecided, as_json, observation
from tools.states.work import EffectError
from tools.states.world import AnotherWorld, CallFailed, Outcome, World


class Replay:
    """A world, and the declared effects that change it."""

    def __init__(self, environment: Environment, world: World) -> None:
        self._environment = environment
        self._world = world
        self._sightings = Sightings(environment, world.work)
        self._effects: dict[str, tuple[Operation, ...]] = {
            tool: read_operations(effect)
            for tool, effect in environment.effects.items()
            if isinstance(effect, tuple)
        }

    def made(self, call: Call, results: Sequence[Observed], step_id: str) -> Replayed | None:
        """Replay a call that the agent made, and saw these results of; None for one that only reads.

        Raises Undecided; TooMuchWork, TimeoutError.
        """
        sighting = self._sightings.of(call, results, step_id)
        return self._replayed(sighting) if isinstance(sighting, Sighting) else sighting

    def expected(self, call: ExpectedCall) -> None:
        """Replay a call of a reference. Raises Undecided where it fails or its effect is not declared."""
        if call.name in self._environment.reads:
            return
        if call.name not in self._effects:
            raise Undecided(f"the effect of the reference's call of {call.name!r} is not declared")
        try:
            self._apply(call.name, call.arguments, None, "reference")
        except (CallFailed, EffectError) as error:
            raise Undecided(f"the reference's call of {call.name!r} fails: {error}") from error

    def _replayed(self, sighting: Sighting) -> Replayed:
        arguments = sighting.call.arguments or {}
        try:
            outcome = self._apply(sighting.call.name, arguments, sighting.observed, sighting.step_id)
        except CallFailed as failure:
            return self._sightings.settle(sighting, "failed", str(failure))
        except EffectError as error:
            return self._sightings.settle(sighting, "unclear", str(error))
        except AnotherWorld as error:
            raise Undecided(f"{sighting.where}: the agent saw other records: {error}") from error
        agrees = self._agrees(outcome, sighting.observed)
        told = outcome.has_result and sighting.observed is not None and agrees
        replayed = self._sightings.settle(sighting, "done", "", agrees=told)
        if not agrees:
            raise Undecided(f"{sighting.where}: it gave another result than its declared effect gives")
        return replayed

    def _apply(self, name: str, arguments: Mapping[str, Any], observed: str | None, by: str) -> Outcome:
        scope: dict[str, Any] = {"args": self._world.work.copied(dict(arguments))}
        if observed is not None:
            scope |= observation(observed)
        return self._world.apply(self._effects[name], scope, by)

    def _agrees(self, outcome: Outcome, observed: str | None) -> bool:
        if not outcome.has_result or observed is None:
            return True
        return self._world.work.same(outcome.result, as_json(observed)) or outcome.result == observed
