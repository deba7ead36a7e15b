"""Replays calls on a copy of the records: those that the agent made, or those of a reference.

Undecided is a result: where the effect of one call is not known for sure, nothing can be said of the state after it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from judge_agent.effects import Operation, read_expression, read_operations
from judge_agent.schema import Environment, ExpectedCall
from judge_agent.schema.environment import OUTCOME_NAMES
from judge_agent.schema.expected_calls import is_deeper
from judge_agent.trajectory import Call
from tools.states.evaluating import evaluate
from tools.states.work import MAX_STATE_DEPTH, EffectError
from tools.states.world import AnotherWorld, CallFailed, Outcome, World

MAX_OBSERVED_CHARS = 200_000
MAX_NAME_CHARS = 80


class Undecided(Exception):
    """What a call did cannot be told; the message names the call and why."""


@dataclass(frozen=True)
class Replayed:
    """How one call went: `done`, or `failed` without an effect."""

    step_id: str
    name: str
    outcome: Literal["done", "failed"]
    message: str = ""


class Replay:
    """A world, and the declared effects that change it."""

    def __init__(self, environment: Environment, world: World) -> None:
        self._environment = environment
        self._world = world
        self._effects: dict[str, tuple[Operation, ...]] = {
            tool: read_operations(effect)
            for tool, effect in environment.effects.items()
            if isinstance(effect, tuple)
        }
        self._failed = (
            read_expression(environment.failed, OUTCOME_NAMES) if environment.failed is not None else None
        )

    def made(self, call: Call, observed: str | None, step_id: str) -> Replayed | None:
        """Replay a call that the agent made, and saw this result of; None for one that only reads.

        Raises Undecided; TooMuchWork, TimeoutError.
        """
        if call.name in self._environment.reads:
            return None
        name = call.name[:MAX_NAME_CHARS]
        failed = self._was_failure(observed, name, step_id)
        if failed and self._environment.trusted == "observed":
            return Replayed(step_id, name, "failed", "as observed")
        problem = self._not_replayable(call)
        if problem:
            if failed:
                return Replayed(step_id, name, "failed", "as observed")
            raise Undecided(f"step {step_id}: {problem}")
        return self._weighed(call, observed, failed, step_id)

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

    def _not_replayable(self, call: Call) -> str | None:
        name = call.name[:MAX_NAME_CHARS]
        if call.name not in self._effects:
            return f"what {name!r} does is not declared (effects, reads)"
        if call.arguments is None:
            return f"the arguments of {name!r} are no JSON object"
        if is_deeper(call.arguments, MAX_STATE_DEPTH):
            return f"the arguments of {name!r} are nested too deeply"
        return None

    def _weighed(self, call: Call, observed: str | None, failed: bool | None, step_id: str) -> Replayed:
        """Apply the effect; where observations count, they and the effect must agree."""
        name = call.name[:MAX_NAME_CHARS]
        where = f"step {step_id}, {name!r}"
        counts = self._environment.trusted != "replayed"
        try:
            outcome = self._apply(call.name, call.arguments or {}, observed, step_id)
        except CallFailed as failure:
            if counts and failed is False:
                raise Undecided(
                    f"{where}: by its declared effect it fails ({failure}), it was seen to succeed"
                ) from failure
            return Replayed(step_id, name, "failed", str(failure))
        except AnotherWorld as error:
            raise Undecided(f"{where}: the agent saw other records: {error}") from error
        except EffectError as error:
            if counts and failed:
                return Replayed(step_id, name, "failed", "as observed")
            raise Undecided(f"{where}: its declared effect says nothing of this call: {error}") from error
        if counts and failed:
            raise Undecided(f"{where}: by its declared effect it succeeds, it was seen to fail")
        if counts and failed is None:
            raise Undecided(
                f"{where}: its result is not in the trajectory, so whether it took effect is not known"
            )
        if counts and not self._agrees(outcome, observed):
            raise Undecided(f"{where}: it gave another result than its declared effect gives")
        return Replayed(step_id, name, "done")

    def _apply(self, name: str, arguments: Mapping[str, Any], observed: str | None, by: str) -> Outcome:
        scope: dict[str, Any] = {"args": self._world.work.copied(dict(arguments))}
        if observed is not None and self._environment.trusted != "replayed":
            scope |= _observation(observed)
        return self._world.apply(self._effects[name], scope, by)

    def _agrees(self, outcome: Outcome, observed: str | None) -> bool:
        if not outcome.has_result or observed is None:
            return True
        return self._world.work.same(outcome.result, _as_json(observed)) or outcome.result == observed

    def _was_failure(self, observed: str | None, name: str, step_id: str) -> bool | None:
        """Whether the call was seen to fail; None where its result was not seen, or does not count."""
        if observed is None or self._failed is None or self._environment.trusted == "replayed":
            return None
        try:
            return bool(evaluate(self._failed, _observation(observed), self._world.work))
        except EffectError as error:
            raise Undecided(
                f"step {step_id}: 'failed' says nothing of the result of {name!r}: {error}"
            ) from error


def _observation(observed: str) -> dict[str, Any]:
    """`observed` and, where it is JSON, `result`; a text that is none is itself."""
    return {"observed": observed, "result": _as_json(observed)}


def _as_json(text: str) -> Any:
    try:
        value = json.loads(text) if len(text) <= MAX_OBSERVED_CHARS else text
    except (ValueError, RecursionError):
        return text
    return text if is_deeper(value, MAX_STATE_DEPTH) else value
