"""What an agent saw of its calls, beside what their declared effects say: whether a call took effect.

Undecided is a result: where that is not known for sure, nothing can be said of the state after the call.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from judge_agent.effects import read_expression
from judge_agent.schema import Environment
from judge_agent.schema.environment import OUTCOME_NAMES
from judge_agent.schema.expected_calls import is_deeper
from judge_agent.trajectory import Call
from tools.states.evaluating import evaluate
from tools.states.work import MAX_STATE_DEPTH, EffectError, Work, read_json

MAX_OBSERVED_CHARS = 200_000
MAX_NAME_CHARS = 80
_FAILURE_CHARS = 200
_FAILURE = re.compile(
    r"\W{0,20}(?:[\w.]{0,80}(?:error|exception)\b|traceback\b|fail(?:ed|ure)\b|fatal\b|http\W{0,3}[45]\d\d\b)",
    re.I,
)
Went = Literal["done", "failed", "unclear"]


class Undecided(Exception):
    """What a call did cannot be told; the message names the call and why."""


@dataclass(frozen=True)
class Replayed:
    """How one call went: `done`, or `failed` without an effect."""

    step_id: str
    name: str
    outcome: Literal["done", "failed"]
    message: str = ""


@dataclass(frozen=True)
class Sighting:
    """One call, and what was seen of it. `failed` is None where nothing tells whether it failed."""

    call: Call
    step_id: str
    observed: str | None
    failed: bool | None

    @property
    def name(self) -> str:
        return self.call.name[:MAX_NAME_CHARS]

    @property
    def where(self) -> str:
        return f"step {self.step_id}, {self.name!r}"

    def went_wrong(self, message: str = "as observed") -> Replayed:
        return Replayed(self.step_id, self.name, "failed", message)


class Sightings:
    """Reads what was seen, as the environment says that it is to be read."""

    def __init__(self, environment: Environment, work: Work) -> None:
        self._environment = environment
        self._work = work
        self._count = environment.trusted != "replayed"
        # Only who says so takes the declared effects' word for a call whose result is not there, or reads as a failure.
        self._wants_results = environment.outcomes != "replayed"
        self._failed = (
            read_expression(environment.failed, OUTCOME_NAMES) if environment.failed is not None else None
        )

    def of(self, call: Call, observed: str | None, step_id: str) -> Sighting | Replayed | None:
        """What was seen of a call; how it went where that needs no replay; None for one that only reads.

        Raises Undecided for a call that cannot be replayed and was not seen to fail.
        """
        if call.name in self._environment.reads:
            return None
        failed = self._was_failure(call, observed, step_id)
        sighting = Sighting(call, step_id, observed, failed)
        if failed and self._environment.trusted == "observed":
            return sighting.went_wrong()
        problem = self._not_replayable(call)
        if problem and failed:
            return sighting.went_wrong()
        if problem:
            raise Undecided(f"{sighting.where}: {problem}")
        return sighting

    def settle(self, sighting: Sighting, went: Went, message: str) -> Replayed:
        """How a call went, by its effect and by what was seen. Raises Undecided where these do not agree."""
        if went == "failed":
            if sighting.failed is False:
                raise Undecided(
                    f"{sighting.where}: by its declared effect it fails ({message}), it was seen to succeed"
                )
            return sighting.went_wrong(message)
        if went == "unclear":
            if sighting.failed:
                return sighting.went_wrong()
            raise Undecided(f"{sighting.where}: its declared effect says nothing of this call: {message}")
        if sighting.failed:
            raise Undecided(f"{sighting.where}: by its declared effect it succeeds, it was seen to fail")
        if self._wants_results:
            self._refuse_doubt(sighting)
        return Replayed(sighting.step_id, sighting.name, "done")

    def _refuse_doubt(self, sighting: Sighting) -> None:
        """Raise Undecided for a call that took effect by its declaration alone."""
        if sighting.observed is None:
            raise Undecided(
                f"{sighting.where}: its result is not in the trajectory, so whether it took effect is not known"
            )
        if sighting.failed is None and reads_as_failure(sighting.observed):
            raise Undecided(
                f"{sighting.where}: by its declared effect it succeeds, its result reads as a failure, and no "
                "'failed' of the environment tells which it was"
            )

    def _not_replayable(self, call: Call) -> str | None:
        if call.name not in self._environment.effects:
            return "what it does is not declared (effects, reads)"
        if call.arguments is None:
            return "its arguments are no JSON object"
        if is_deeper(call.arguments, MAX_STATE_DEPTH):
            return "its arguments are nested too deeply"
        return None

    def _was_failure(self, call: Call, observed: str | None, step_id: str) -> bool | None:
        if observed is None or self._failed is None or not self._count:
            return None
        try:
            return bool(evaluate(self._failed, observation(observed), self._work))
        except EffectError as error:
            name = call.name[:MAX_NAME_CHARS]
            raise Undecided(
                f"step {step_id}, {name!r}: 'failed' says nothing of its result: {error}"
            ) from error


def observation(observed: str) -> dict[str, Any]:
    """The names `observed` and `result`: the text of a result, and the same as JSON; a text that is none is itself."""
    return {"observed": observed, "result": as_json(observed)}


def reads_as_failure(observed: str) -> bool:
    """Whether a result begins as errors do, or is an object that says so: enough to doubt, not to know."""
    found = as_json(observed)
    if isinstance(found, str):
        return _FAILURE.match(found[:_FAILURE_CHARS]) is not None
    if not isinstance(found, dict):
        return False
    denies = any(found.get(key) is False for key in ("ok", "success", "succeeded"))
    status = found.get("status")
    says = isinstance(status, str) and status.lower() in ("error", "failed", "failure")
    return denies or says or any(found.get(key) for key in ("error", "errors", "isError", "is_error"))


def as_json(text: str) -> Any:
    """The JSON that a text writes, the text itself where it writes none or too much."""
    try:
        value = read_json(text) if len(text) <= MAX_OBSERVED_CHARS else text
    except (ValueError, RecursionError):
        return text
    return text if is_deeper(value, MAX_STATE_DEPTH) else value
