"""What an agent saw of its calls, beside what their declared effects say: whether a call took effect.

Undecided is a result: where that is not known for sure, nothing can be said of the state after the call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from judge_agent.effects import read_expression
from judge_agent.result_marks import denies_itself
from judge_agent.schema import Environment
from judge_agent.schema.environment import OUTCOME_NAMES
from judge_agent.schema.expected_calls import is_deeper
from judge_agent.trajectory import Call
from tools.states.evaluating import evaluate
from tools.states.outcomes import outcome_of
from tools.states.work import MAX_STATE_DEPTH, EffectError, Work, read_json

MAX_OBSERVED_CHARS = 200_000
MAX_NAME_CHARS = 80
Went = Literal["done", "failed", "unclear"]


class Undecided(Exception):
    """What a call did cannot be told; the message names the call and why."""


@dataclass(frozen=True)
class Observed:
    """One result of a call, and whether it is marked as an error beside its text."""

    text: str
    marked_failed: bool = False


@dataclass(frozen=True)
class Replayed:
    """How one call went: `done`, or `failed` without an effect."""

    step_id: str
    name: str
    outcome: Literal["done", "failed"]
    message: str = ""


@dataclass(frozen=True)
class Sighting:
    """One call, and what was seen of it: its last result. `failed` is None where nothing tells whether it failed."""

    call: Call
    step_id: str
    observed: str | None
    failed: bool | None
    doubt: str | None = None

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

    def of(self, call: Call, results: Sequence[Observed], step_id: str) -> Sighting | Replayed | None:
        """What was seen of a call; how it went where that needs no replay; None for one that only reads.

        Raises Undecided for a call that cannot be replayed and was not seen to fail, and for results that disagree.
        """
        if call.name in self._environment.reads:
            return None
        found = {self._was_failure(call, one, step_id) for one in results} or {None}
        name = call.name[:MAX_NAME_CHARS]
        if len(found) > 1:
            raise Undecided(f"step {step_id}, {name!r}: its results disagree on whether it failed")
        failed = found.pop()
        observed = results[-1].text if results else None
        sighting = Sighting(call, step_id, observed, failed, self._doubt(results))
        if failed and self._environment.trusted == "observed":
            return sighting.went_wrong()
        problem = self._not_replayable(call)
        if problem and failed:
            return sighting.went_wrong()
        if problem:
            raise Undecided(f"{sighting.where}: {problem}")
        return sighting

    def settle(self, sighting: Sighting, went: Went, message: str, *, agrees: bool = False) -> Replayed:
        """How a call went, by its effect and by what was seen. Raises Undecided where these do not agree.

        `agrees`: the result is the one that was declared, whatever its words.
        """
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
        if self._wants_results and not agrees:
            self._refuse_doubt(sighting)
        return Replayed(sighting.step_id, sighting.name, "done")

    def _refuse_doubt(self, sighting: Sighting) -> None:
        """Raise Undecided for a call that took effect by its declaration alone."""
        if sighting.observed is None:
            raise Undecided(
                f"{sighting.where}: its result is not in the trajectory, so whether it took effect is not known"
            )
        if sighting.failed is None and sighting.doubt is not None:
            raise Undecided(f"{sighting.where}: by its declared effect it succeeds, {sighting.doubt}")

    def _doubt(self, results: Sequence[Observed]) -> str | None:
        """Why results do not show that a call did well, where no `failed` of the environment tells."""
        found = [outcome_of(as_json(one.text)) for one in results]
        if "badly" in found:
            return "its result reads as a failure, and no 'failed' of the environment tells which it was"
        if "unclear" in found:
            return "its result does not say that it did, and no 'failed' of the environment tells"
        return None

    def _not_replayable(self, call: Call) -> str | None:
        if call.name not in self._environment.effects:
            return "what it does is not declared (effects, reads)"
        if call.arguments is None:
            return "its arguments are no JSON object"
        if is_deeper(call.arguments, MAX_STATE_DEPTH):
            return "its arguments are nested too deeply"
        return None

    def _was_failure(self, call: Call, seen: Observed, step_id: str) -> bool | None:
        """Whether a result shows a failure: its mark does, whatever its text reads."""
        if seen.marked_failed and self._wants_results:
            return True
        if self._failed is None or not self._count:
            return None
        where = f"step {step_id}, {call.name[:MAX_NAME_CHARS]!r}"
        try:
            failed = bool(evaluate(self._failed, observation(seen.text), self._work))
        except EffectError as error:
            raise Undecided(f"{where}: 'failed' says nothing of its result: {error}") from error
        if not failed and denies_itself(as_json(seen.text)):
            raise Undecided(f"{where}: 'failed' is not true of its result, which says itself that it failed")
        return failed


def observation(observed: str) -> dict[str, Any]:
    """The names `observed` and `result`: the text of a result, and the same as JSON; a text that is none is itself."""
    return {"observed": observed, "result": as_json(observed)}


def as_json(text: str) -> Any:
    """The JSON that a text writes, the text itself where it writes none or too much."""
    try:
        value = read_json(text) if len(text) <= MAX_OBSERVED_CHARS else text
    except (ValueError, RecursionError):
        return text
    return text if is_deeper(value, MAX_STATE_DEPTH) else value
