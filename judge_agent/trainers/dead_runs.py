"""When a trainer that leaves out what was not judged is better stopped: nothing of its run would ever be judged.

A judge that is down for a while costs some batches. A wrong address, key, recipe or column costs the whole run, which
would train to its end without one reward, and end well.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Sequence
from typing import Any

from judge_agent.errors import InvalidRequest
from judge_agent.trainers.failures import JudgeUnavailable
from judge_agent.trainers.outcome import Outcome

# The address or the key: whoever asks, and for whatever, is refused.
_OF_THE_CALLER = frozenset((401, 403, 404, 405))
# Fields that every request of a run has alike; the others are of one row of the data.
_OF_THE_RUN = (
    *("aggregate", "api_key", "budget", "cache", "dimensions", "granularity", "metadata", "pass_threshold"),
    *("principles", "recipe", "run", "seed", "shape", "tools", "url"),
)
# A column that the settings name and the data lack; `columns.tests` is what one row has in it.
_MISSING_COLUMN = "columns"


class DeadRun:
    """Counts batches without any reward. Threads may share one; a pickle begins to count anew."""

    def __init__(self, max_failed_batches: int) -> None:
        if isinstance(max_failed_batches, bool) or max_failed_batches < 1:
            raise InvalidRequest("max_failed_batches", f"must be 1 at least, not {max_failed_batches!r}")
        self._max = max_failed_batches
        self._lock = threading.Lock()
        self._in_a_row = 0

    def look_at(
        self,
        outcomes: Sequence[Outcome],
        columns: Sequence[Sequence[float | None]],
        tasks: Sequence[Hashable],
    ) -> None:
        """Count a batch. Raises JudgeUnavailable where no later one can fare better, or too many fared like it.

        `columns` are what the trainer is given of the outcomes. `tasks` tells which rollouts are of one task: what is
        refused of one alone may be that row's fault.
        """
        if not outcomes:
            return
        dead = all(value is None for column in columns for value in column)
        with self._lock:
            self._in_a_row = self._in_a_row + 1 if dead else 0
            count = self._in_a_row
        if not dead:
            return
        why = _why(outcomes)
        if _is_of_the_run(outcomes, tasks):
            raise JudgeUnavailable(f"no rollout of this run can be judged; put the settings right ({why})")
        if count >= self._max:
            raise JudgeUnavailable(
                f"{count} batches in a row have no reward at all (max_failed_batches={self._max}); the last: {why}"
            )

    def __getstate__(self) -> dict[str, Any]:
        return {"max_failed_batches": self._max}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["max_failed_batches"])  # type: ignore[misc]


def _why(outcomes: Sequence[Outcome]) -> str:
    """The first failure; where nothing failed, the dimensions that say nothing of any rollout."""
    failed = next((outcome for outcome in outcomes if not outcome.has_reward), None)
    if failed is not None:
        return f"{failed.failure_kind}: {failed.failure_reason}"
    names = sorted({name for outcome in outcomes for name in outcome.not_applicable})
    return f"not applicable: {', '.join(names) or 'none of the dimensions was judged'}"


def _is_of_the_run(outcomes: Sequence[Outcome], tasks: Sequence[Hashable]) -> bool:
    """Whether all were refused, and for what every other request of the run is refused for, too."""
    refusals = [outcome.flags.get("refused") for outcome in outcomes]
    if not all(refusals):
        return False
    if all(_names_the_run(refusal) for refusal in refusals if refusal):
        return True
    reasons = {outcome.failure_reason for outcome in outcomes}
    return len(reasons) == 1 and len(set(tasks)) > 1 and refusals[0]["status"] in (None, 400, 422)  # type: ignore[index]


def _names_the_run(refusal: dict[str, Any]) -> bool:
    status, field = refusal["status"], str(refusal["field"] or "").removeprefix("body.")
    if status in _OF_THE_CALLER or field == _MISSING_COLUMN:
        return True
    return status in (None, 400, 422) and field.split(".")[0] in _OF_THE_RUN
