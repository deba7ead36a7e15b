"""What the queue answers when it takes nothing: full for everybody, full for one key, or stopping."""

from __future__ import annotations

import math

from api.limits import over_limit
from api.problems import Problem, busy
from judge_agent.store import QuotaExceeded

LONGEST_SECONDS = 60


def full(open_count: int, *, max_running: int, capacity: int, mean_seconds: float) -> Problem:
    """429: as many judgments are open as the service takes. Half of them should have ended after the time it says."""
    rounds = math.ceil(open_count / max_running)
    seconds = min(LONGEST_SECONDS, max(1, math.ceil(mean_seconds * rounds / 2)))
    return busy(
        f"{open_count} judgments are running or waiting, which is all this service takes "
        f"(JUDGE_MAX_RUNNING={max_running}, JUDGE_MAX_QUEUED={capacity - max_running}); send it again later",
        status=429,
        retry_seconds=seconds,
        limit=capacity,
    )


def full_for_key(error: QuotaExceeded, *, max_running: int, mean_seconds: float) -> Problem:
    """429 that names the limit. One of a key's open judgments ends after the mean time, shared by all that run."""
    beside = min(max_running, max(1, error.standing.limit))
    return over_limit(error, open_seconds=min(float(LONGEST_SECONDS), max(0.1, mean_seconds / beside)))


def stopping(judgment_id: str | None) -> Problem:
    """503: the service stops. What was accepted is kept."""
    if judgment_id is None:
        return busy("the service is stopping; nothing was accepted", status=503)
    detail = f"the service is stopping; judgment {judgment_id} is kept and goes on at its next start"
    problem = busy(detail, status=503, id=judgment_id)
    problem.headers["Location"] = f"/v1/judgments/{judgment_id}"
    problem.headers["X-Judgment-Id"] = judgment_id
    return problem
