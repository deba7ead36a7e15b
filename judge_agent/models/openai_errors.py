"""Says what a failed HTTP call means: which failure kind, whether to try again and when, without secrets."""

from __future__ import annotations

import email.utils
import re
import time
from collections.abc import AsyncIterator, Iterator, Mapping

import aiohttp
import httpx2
import openai

from judge_agent.errors import FailureKind, ModelError
from judge_agent.models.openai_stream import StreamFailed

MAX_MESSAGE = 500
_TOO_LONG = re.compile(
    r"context.{0,3}length|context.{0,3}window|context.{0,3}size|max_model_len|maximum model length"
    r"|prompt is too long|too many (?:input )?tokens|input is too long",
    re.IGNORECASE,
)
_SECRET = re.compile(r"(?i)(bearer\s+|\b(?:sk|hf|nvapi|gsk|key|token)[-_])[^\s\"',}]{6,}")
_TRY_AGAIN = frozenset((408, 409, 425, 429))


class ResponseTooLarge(Exception):
    """The server sent more than is read, or sent it compressed."""


class BoundedStream(httpx2.AsyncByteStream):
    """A response body that breaks off past `max_bytes`."""

    def __init__(self, stream: object, max_bytes: int) -> None:
        if not isinstance(stream, httpx2.AsyncByteStream):
            raise TypeError(f"{type(stream).__name__} is no asynchronous stream")
        self._stream, self._max_bytes = stream, max_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for part in self._stream:
            size += len(part)
            if size > self._max_bytes:
                raise ResponseTooLarge(f"the answer is larger than {self._max_bytes} bytes")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


def classify(error: BaseException, *, attempts: int, secret: str | None) -> ModelError | None:
    """Return the ModelError that a failed request means; None for what is no failure of the model server."""
    chain = tuple(_chain(error))
    if any(isinstance(cause, ResponseTooLarge) for cause in chain):
        large = next(cause for cause in chain if isinstance(cause, ResponseTooLarge))
        return ModelError("model_error", str(large), attempts=attempts)
    if isinstance(error, openai.APIStatusError):
        kind: FailureKind = "input_too_large" if _is_too_long(error) else "model_error"
        message = f"the model server answered {error.status_code}: {_message(error)}"
        return ModelError(kind, redact(message, secret), attempts=attempts)
    if any(isinstance(cause, aiohttp.ClientConnectorError | httpx2.ConnectError) for cause in chain):
        message = f"no model server could be reached: {chain[-1]}"
        return ModelError("model_unreachable", redact(message, secret), attempts=attempts)
    if isinstance(error, openai.APIConnectionError):
        message = f"the model server broke the connection: {chain[-1] or type(chain[-1]).__name__!r}"
        return ModelError("model_error", redact(message, secret), attempts=attempts)
    if isinstance(error, StreamFailed):
        return ModelError(
            "model_error", redact(f"the model server failed: {error}", secret), attempts=attempts
        )
    if isinstance(error, ValueError | RecursionError | openai.OpenAIError):
        message = f"the model server's answer is no JSON: {error}"
        return ModelError("model_error", redact(message, secret), attempts=attempts)
    return None


def retry_after_seconds(error: BaseException, default_seconds: float) -> float | None:
    """How long to wait before the next attempt; None where trying again is no use."""
    if isinstance(error, openai.APIStatusError):
        if error.status_code < 500 and error.status_code not in _TRY_AGAIN:
            return None
        asked = _asked_for(error.response.headers)
        return default_seconds if asked is None else asked
    chain = tuple(_chain(error))
    refused = any(isinstance(cause, aiohttp.ClientConnectorError | httpx2.ConnectError) for cause in chain)
    large = any(isinstance(cause, ResponseTooLarge) for cause in chain)
    return (
        default_seconds
        if isinstance(error, openai.APIConnectionError) and not refused and not large
        else None
    )


def redact(text: str, secret: str | None) -> str:
    """Bound a server's message and take out what looks like a key: servers echo headers in their errors."""
    if secret:
        text = text.replace(secret, "[redacted]")
    text = _SECRET.sub(r"\1[redacted]", text)
    return text if len(text) <= MAX_MESSAGE else text[:MAX_MESSAGE] + "..."


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _is_too_long(error: openai.APIStatusError) -> bool:
    if error.status_code == 413:
        return True
    coded = error.code == "context_length_exceeded"
    return error.status_code in (400, 422) and (coded or bool(_TOO_LONG.search(_message(error))))


def _message(error: openai.APIStatusError) -> str:
    body = error.body
    if isinstance(body, Mapping) and isinstance(body.get("message"), str):
        return str(body["message"])
    return error.message


def _asked_for(headers: Mapping[str, str]) -> float | None:
    """Read `retry-after-ms` or `Retry-After` (seconds, or an HTTP date: RFC 9110, 10.2.3)."""
    for name, scale in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        value = headers.get(name)
        if value is None:
            continue
        try:
            seconds = float(value) * scale
        except ValueError:
            seconds = _until(value)
        if 0 <= seconds < float("inf"):
            return seconds
    return None


def _until(date: str) -> float:
    try:
        return max(0.0, email.utils.parsedate_to_datetime(date).timestamp() - time.time())
    except ValueError:
        return -1.0
