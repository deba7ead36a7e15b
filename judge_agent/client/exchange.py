"""What the two clients share: how a call is written, how an answer is read, when to try again. No I/O."""

from __future__ import annotations

import json
import math
import os
import random
import ssl
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
from pydantic import ValidationError

from judge_agent.errors import InvalidRequest, JudgmentPending, RequestRefused, ServiceUnavailable
from judge_agent.schema import Judgment, JudgmentRequest, State

DEFAULT_URL = "http://127.0.0.1:8800"
# One exchange waits this long for the end; then the next one asks again, so that no proxy sees it as dead.
WAIT_SECONDS = 30
ANSWER_SECONDS = 30.0
LATE_SECONDS = 2.0
MAX_PAUSE_SECONDS = 30.0
UPLOAD_BYTES_PER_SECOND = 1_000_000
# A pool that is full must make callers wait, not fail: a group of rollouts posts at once.
LIMITS = httpx.Limits(max_connections=1000, max_keepalive_connections=100)
_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
# Broken on the way, or not there yet; another address, certificate or key is not had by trying again.
_PASSING = (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError, httpx.ProxyError)
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class JudgmentPage(NamedTuple):
    """Judgments, newest first; pass `next_cursor` on for the next page, None on the last."""

    judgments: tuple[Judgment, ...]
    next_cursor: str | None


@dataclass(frozen=True)
class Call:
    """One HTTP exchange. Every call here is safe to repeat: it reads, or carries an idempotency key."""

    method: str
    path: str
    params: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    read_seconds: float = ANSWER_SECONDS


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True)
class Target:
    """Where the service is. The key is kept out of `repr`, and out of a pickle when the environment gave it."""

    url: str
    retry_seconds: float
    timeout_seconds: float | None = None
    given_key: str | None = field(default=None, repr=False)

    @classmethod
    def of(
        cls, url: str | None, api_key: str | None, retry_seconds: float, timeout_seconds: float | None
    ) -> Target:
        chosen = (url or os.environ.get("JUDGE_URL") or DEFAULT_URL).rstrip("/")
        if not _is_url(chosen):
            raise InvalidRequest("url", f"{chosen!r} is no http or https address (JUDGE_URL)")
        return cls(chosen, retry_seconds, timeout_seconds, api_key)

    @property
    def is_loopback(self) -> bool:
        """Whether proxies of the environment must not be asked for this address."""
        return httpx.URL(self.url).host in _LOOPBACK

    def deadline(self, timeout_seconds: float | None) -> float | None:
        """When waiting ends, as `time.monotonic` counts."""
        seconds = self.timeout_seconds if timeout_seconds is None else timeout_seconds
        return None if seconds is None else time.monotonic() + seconds

    def headers(self) -> dict[str, str]:
        """Return the key's header. Raises InvalidRequest, without the key, for one that no header can carry."""
        key = (self.given_key or os.environ.get("JUDGE_API_KEY") or "").strip()
        if not key.isascii() or not key.isprintable():
            raise InvalidRequest("api_key", "holds characters that no HTTP header can carry (JUDGE_API_KEY)")
        return {"Authorization": f"Bearer {key}"} if key else {}


class Patience:
    """Decides after each failed try whether there is another, and when. One per call."""

    def __init__(self, seconds: float, deadline: float | None = None) -> None:
        """Try for `seconds`, but not past `deadline` (of `time.monotonic`)."""
        end = time.monotonic() + seconds
        self._end = end if deadline is None else min(end, deadline)
        self._tries = 0

    def after_error(self, error: Exception) -> float:
        """Return the pause after a broken connection.

        Raises ServiceUnavailable when patience is over, and at once for what no other try can mend.
        """
        message = f"no answer from the service: {type(error).__name__}: {error}"
        if not isinstance(error, _PASSING) or _is_certificate(error):
            raise ServiceUnavailable(message) from error
        return self._pause(message, None, None, error)

    def after_answer(self, answer: Answer) -> float | None:
        """Return None for a good answer, the pause for one worth another try; raises for the rest."""
        if answer.status < 400:
            return None
        problem = _problem(answer)
        message = f"{answer.status} from the service: {problem.get('detail') or problem.get('title') or ''}"
        if answer.status not in _RETRIED:
            raise _refusal(answer, problem, message)
        wanted = answer.headers.get("retry-after", "")
        return self._pause(
            message, float(wanted) if wanted.isdigit() else None, answer, None, problem.get("id")
        )

    def _pause(
        self,
        message: str,
        wanted: float | None,
        answer: Answer | None,
        error: Exception | None,
        judgment_id: str | None = None,
    ) -> float:
        backoff = min(MAX_PAUSE_SECONDS, 0.1 * 2.0**self._tries) * random.uniform(0.5, 1.0)  # noqa: S311
        # Spread beyond what was asked for: the rollouts of a step were all refused at one time.
        pause = backoff if wanted is None else wanted * random.uniform(1.0, 1.2) + backoff  # noqa: S311
        self._tries += 1
        if time.monotonic() + pause > self._end:
            status = answer.status if answer is not None else None
            tries = f"{message} ({self._tries} tries)"
            raise ServiceUnavailable(tries, status=status, judgment_id=judgment_id) from error
        return pause


def write_judge(
    request: JudgmentRequest | Mapping[str, Any], idempotency_key: str | None, wait_seconds: float
) -> Call:
    """Write the POST. Without a key it makes one, so that a repeated POST is judged once."""
    prefer = f"wait={int(wait_seconds)}" if wait_seconds >= 1 else "respond-async"
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": idempotency_key or uuid.uuid4().hex,
        "Prefer": prefer,
    }
    return Call("POST", "/v1/judgments", (), headers, _body(request), ANSWER_SECONDS + wait_seconds)


def write_get(judgment_id: str, wait_seconds: float = 0) -> Call:
    headers = {"Prefer": f"wait={int(wait_seconds)}"} if wait_seconds >= 1 else {}
    path = f"/v1/judgments/{quote(judgment_id, safe='')}"
    return Call("GET", path, (), headers, None, ANSWER_SECONDS + wait_seconds)


def write_upload(content: bytes) -> Call:
    """Write the upload of a blob; the same bytes again are the same blob, so that it may be repeated."""
    seconds = ANSWER_SECONDS + len(content) / UPLOAD_BYTES_PER_SECOND
    return Call("POST", "/v1/blobs", (), {"Content-Type": "application/octet-stream"}, content, seconds)


def write_list(states: Sequence[State], limit: int, cursor: str | None) -> Call:
    params = [("state", state) for state in states] + [("limit", str(limit))]
    return Call("GET", "/v1/judgments", params + ([("cursor", cursor)] if cursor else []))


def read_judgment(answer: Answer) -> Judgment:
    try:
        return Judgment.model_validate_json(answer.content)
    except ValidationError as error:
        raise ServiceUnavailable(
            f"the answer is no judgment that this version reads ({error.error_count()} errors, the first: "
            f"{error.errors(include_url=False, include_input=False)[0]}); is JUDGE_URL right, and of this version?",
            status=answer.status,
        ) from error


def read_page(answer: Answer) -> JudgmentPage:
    body = read_object(answer)
    return JudgmentPage(tuple(Judgment.model_validate(item) for item in body["data"]), body["next_cursor"])


def read_object(answer: Answer) -> dict[str, Any]:
    try:
        body = json.loads(answer.content)
    except ValueError as error:
        raise ServiceUnavailable(
            "the answer is not JSON; is JUDGE_URL right?", status=answer.status
        ) from error
    return dict(body)


def is_over(judgment: Judgment) -> bool:
    return judgment.state in ("done", "cancelled")


def pending(judgment: Judgment) -> JudgmentPending:
    message = f"judgment {judgment.id} is still {judgment.state}; it goes on, wait for it again by its id"
    return JudgmentPending(message, judgment_id=judgment.id)


def next_wait(deadline: float | None) -> float:
    """How long the next exchange may wait for the end, in seconds; whole ones, as `Prefer` counts."""
    if deadline is None:
        return WAIT_SECONDS
    return max(0.0, min(WAIT_SECONDS, deadline - time.monotonic()))


def _is_url(text: str) -> bool:
    try:
        url = httpx.URL(text)
        return url.scheme in ("http", "https") and bool(url.host)
    except httpx.InvalidURL:
        return False


def _is_certificate(error: BaseException | None) -> bool:
    """Whether a certificate was refused; httpx tells that as a failed connection."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def answer_within(deadline: float | None) -> float:
    """How long one exchange may take, in seconds: a service that hangs must not outlast the caller's own time by more
    than what a busy one needs to say that it is still at work."""
    return math.inf if deadline is None else max(0.0, deadline - time.monotonic()) + LATE_SECONDS


def _body(request: JudgmentRequest | Mapping[str, Any]) -> bytes:
    if isinstance(request, JudgmentRequest):
        return request.model_dump_json(exclude_unset=True).encode()
    try:
        return json.dumps(request, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRequest("request", f"cannot be written as JSON: {error}") from error


def _problem(answer: Answer) -> dict[str, Any]:
    try:
        body = json.loads(answer.content)
    except ValueError:
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
