"""When a call that failed is tried again, and when not: only what another try can mend. No I/O."""

from __future__ import annotations

import json
import random
import ssl
import time
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from judge_agent.client.exchange import Answer
from judge_agent.errors import RequestRefused, ServiceUnavailable

MAX_PAUSE_SECONDS = 30.0
# Doubled so often, a pause is at its most; a number that is doubled without end leaves what floats hold.
_MAX_DOUBLINGS = 10
# Takes what failed, and for how many seconds it is tried again at the most.
OnRetry = Callable[[str, float], object]
_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
# Broken on the way, or not there yet; another address, certificate or key is not had by trying again.
_PASSING = (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError, httpx.ProxyError)


class Patience:
    """Decides after each failed try whether there is another, and when. One per call."""

    def __init__(
        self, seconds: float, deadline: float | None = None, on_retry: OnRetry | None = None
    ) -> None:
        """Try for `seconds`, but not past `deadline` (of `time.monotonic`); tell `on_retry` of the first failed try."""
        end = time.monotonic() + seconds
        self._end = end if deadline is None else min(end, deadline)
        self._tries = 0
        self._on_retry = on_retry

    def after_error(self, error: Exception) -> float:
        """Return the pause after a broken connection.

        Raises ServiceUnavailable when patience is over, and at once for what no other try can mend.
        """
        failure = unanswered(error)
        if not isinstance(error, _PASSING) or _is_certificate(error):
            raise failure from error
        return self._pause(str(failure), None, None, error)

    def after_answer(self, answer: Answer) -> float | None:
        """Return None for a good answer, the pause for one worth another try; raises for the rest."""
        if answer.status < 400:
            return None
        problem = _problem(answer)
        message = f"{answer.status} from the service: {problem.get('detail') or problem.get('title') or ''}"
        if answer.status not in _RETRIED:
            raise _refusal(answer, problem, message)
        wanted = _retry_after(answer.headers.get("retry-after", ""))
        return self._pause(message, wanted, answer, None, problem.get("id"))

    def _pause(
        self,
        message: str,
        wanted: float | None,
        answer: Answer | None,
        error: Exception | None,
        judgment_id: str | None = None,
    ) -> float:
        grown = 0.1 * 2.0 ** min(self._tries, _MAX_DOUBLINGS)
        backoff = min(MAX_PAUSE_SECONDS, grown) * random.uniform(0.5, 1.0)  # noqa: S311
        # Spread beyond what was asked for: the rollouts of a step were all refused at one time.
        pause = backoff if wanted is None else wanted * random.uniform(1.0, 1.2) + backoff  # noqa: S311
        self._tries += 1
        if time.monotonic() + pause > self._end:
            status = answer.status if answer is not None else None
            tries = f"{message} ({self._tries} tries)"
            raise ServiceUnavailable(tries, status=status, judgment_id=judgment_id) from error
        if self._tries == 1 and self._on_retry is not None:
            self._on_retry(message, self._end - time.monotonic())
        return pause


def unanswered(error: Exception) -> ServiceUnavailable:
    """What a broken connection is to a caller."""
    return ServiceUnavailable(f"no answer from the service: {type(error).__name__}: {error}")


def _retry_after(text: str) -> float | None:
    """The seconds to wait that a server asks for, as a number or a date (RFC 9110, 10.2.3); None where it does not."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, when.timestamp() - time.time())


def _is_certificate(error: BaseException | None) -> bool:
    """Whether a certificate was refused; httpx tells that as a failed connection."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _problem(answer: Answer) -> dict[str, Any]:
    try:
        body = json.loads(answer.content)
    except (ValueError, RecursionError):
        body = None
    return body if isinstance(body, dict) else {"detail": answer.content[:200].decode("utf-8", "replace")}


def _refusal(answer: Answer, problem: Mapping[str, Any], message: str) -> RequestRefused:
    return RequestRefused(
        message,
        status=answer.status,
        code=str(problem.get("code", "")),
        field=problem.get("field"),
        value=problem.get("value"),
        limit=problem.get("limit"),
        judgment_id=problem.get("id"),
    )
