"""What the queue answers when it takes nothing: full for everybody, full for one key, or stopping."""

from __future__ import annotations

import math

from api.limits import over_limit
from api.problems import Problem, busy
from judge_agent.store import QuotaExceeded

LONGEST_SECONDS = 60


class Refusals:
    """Says what is full and when there should be room, by how long judgments take of late."""

    def __init__(self, *, max_running: int, capacity: int) -> None:
        self._max_running = max_running
        self._capacity = capacity
        self._mean_seconds = 1.0

    def note(self, seconds: float) -> None:
        """Say how long one judgment took."""
        self._mean_seconds += 0.1 * (seconds - self._mean_seconds)

    def full(self, open_count: int) -> Problem:
        """429: as many are open as the service takes. Half of them should have ended after the time it says."""
        rounds = math.ceil(open_count / self._max_running)
        seconds = min(LONGEST_SECONDS, max(1, math.ceil(self._mean_seconds * rounds / 2)))
        return busy(
            f"{open_count} judgments are running or waiting, which is all this service takes "
            f"(JUDGE_MAX_RUNNING={self._max_running}, "
            f"JUDGE_MAX_QUEUED={self._capacity - self._max_running}); send it again later",
            status=429,
            retry_seconds=seconds,
            limit=self._capacity,
        )

    def full_for_key(self, error: QuotaExceeded, count: int) -> Problem:
        """429 that names the limit. One of a key's open judgments ends after the mean time, shared by all that run."""
        beside = min(self._max_running, max(1, error.standing.limit))
        seconds = min(float(LONGEST_SECONDS), max(0.1, self._mean_seconds / beside))
        return over_limit(error, open_seconds=seconds, count=count)


def stopping(judgment_id: str | None) -> Problem:
    """503: the service stops. What was accepted is kept."""
    if judgment_id is None:
        return busy("the service is stopping; nothing was accepted", status=503)
    detail = f"the service is stopping; judgment {judgment_id} is kept and goes on at its next start"
    problem = busy(detail, status=503, id=judgment_id)
    problem.headers["Location"] = f"/v1/judgments/{judgment_id}"
    problem.headers["X-Judgment-Id"] = judgment_id
    return problem
