"""The connections to an OpenAI-compatible server: bounded in time, in size and in attempts.

One client is kept, on the aiohttp transport, and answers are read as plain JSON: both halve the cost of a call.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from judge_agent.errors import ModelError
from judge_agent.models.plain_urls import REASON, is_plain

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI

    from judge_agent.models.openai_stream import StreamedAnswer

log = logging.getLogger(__name__)
MAX_RESPONSE_BYTES = 16_000_000
FIRST_PAUSE_SECONDS = 0.25


class OpenAIConnection:
    """Sends requests below `base_url`. 429 and 5xx are tried `max_attempts` times in all."""

    def __init__(self, base_url: str, api_key: str | None, max_attempts: int, max_connections: int) -> None:
        self.base_url = base_url.rstrip("/")
        self._api_key = api_key
        self._max_attempts, self._max_connections = max_attempts, max_connections
        self._opened: AsyncOpenAI | None = None
        self._refused: frozenset[str] = frozenset()

    @property
    def server_url(self) -> str:
        """Where vLLM's own routes are: beside `/v1`."""
        return self.base_url.removesuffix("/v1")

    async def send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        seconds: float,
        streamed: StreamedAnswer | None = None,
    ) -> tuple[Any, int]:
        """Send, with bounded retries within `seconds`; returns the parsed body and how many attempts it took.

        With `streamed` the answer comes piece by piece into it; once a piece has come nothing is tried again.
        A field that the server refuses and that can be left out is left out, from then on where that helped.
        """
        from judge_agent.models.openai_extras import refused_field, without

        deadline, refused, wasted = time.monotonic() + seconds, self._refused, 0
        while True:
            wanted = without(body, refused) if body and refused else body
            try:
                left = deadline - time.monotonic()
                data, attempts = await self._tried(method, path, wanted, left, streamed)
            except ModelError as error:
                field = refused_field(error.__cause__, wanted) if wanted else None
                if field is None or error.failure_kind != "model_error":
                    error.attempts += wasted
                    raise
                refused, wasted = refused | {field}, wasted + error.attempts
                continue
            if refused - self._refused:
                log.warning("the model server refuses %s; calls go without", ", ".join(sorted(refused)))
                self._refused |= refused
            return data, attempts + wasted

    async def _tried(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        seconds: float,
        streamed: StreamedAnswer | None,
    ) -> tuple[Any, int]:
        from judge_agent.models.openai_errors import classify, retry_after_seconds

        self._require_plain_url()
        deadline = time.monotonic() + seconds
        for attempt in range(1, self._max_attempts + 1):
            try:
                left = deadline - time.monotonic()
                async with asyncio.timeout(left):
                    return await self._once(method, path, body, left, streamed), attempt
            except TimeoutError as error:
                message = f"no answer within {seconds:.3g} seconds ({attempt} attempts)"
                raise ModelError("model_timeout", message, attempts=attempt) from error
            except Exception as error:
                problem = classify(error, attempts=attempt, secret=self._api_key)
                if problem is None:
                    raise
                pause = retry_after_seconds(error, FIRST_PAUSE_SECONDS * 2 ** (attempt - 1))
                late = time.monotonic() + (pause or 0.0) >= deadline
                begun = streamed is not None and streamed.begun
                if pause is None or late or begun or attempt == self._max_attempts:
                    try:
                        raise problem from error
                    finally:
                        del problem  # this frame, and the body, are among those that it comes through
            await asyncio.sleep(pause)
        raise ModelError("model_error", "no attempt was allowed: max_attempts must be at least 1")

    async def aclose(self) -> None:
        """Close the connections; a later call opens new ones."""
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.close()

    def _require_plain_url(self) -> None:
        """Refuse a name or password in the address: it stands in the record, and beside a key nobody could send both.

        Raises ModelError('model_error') that does not repeat it.
        """
        if not is_plain(self.base_url):
            raise ModelError("model_error", f"the model server's address {REASON}, and give an API key")

    async def _once(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        seconds: float,
        streamed: StreamedAnswer | None,
    ) -> Any:
        client = self.client()
        if method == "GET":
            return await client.get(path, cast_to=object, options={"timeout": seconds})
        if streamed is None:
            return await client.post(path, cast_to=object, body=body, options={"timeout": seconds})
        return await self._streamed(client, path, body, seconds, streamed)

    async def _streamed(
        self,
        client: AsyncOpenAI,
        path: str,
        body: Mapping[str, Any] | None,
        seconds: float,
        streamed: StreamedAnswer,
    ) -> Any:
        import httpx2
        from openai import APIConnectionError, AsyncStream

        response = await client.post(
            path,
            cast_to=httpx2.Response,
            body=body,
            options={"timeout": seconds},
            stream=True,
            stream_cls=AsyncStream[object],
        )
        assert isinstance(response, httpx2.Response)
        try:
            return await streamed.read(response)
        except httpx2.HTTPError as error:
            raise APIConnectionError(request=response.request) from error
        finally:
            await response.aclose()

    def client(self) -> AsyncOpenAI:
        """Open the client with the first call: making one costs tens of milliseconds, importing it a second."""
        if self._opened is None:
            import httpx2
            from openai import AsyncOpenAI, DefaultAioHttpClient

            most = self._max_connections
            self._opened = AsyncOpenAI(
                base_url=self.base_url,
                api_key=self._api_key or "none",
                max_retries=0,
                default_headers={"Accept-Encoding": "identity"},
                http_client=DefaultAioHttpClient(
                    limits=httpx2.Limits(max_connections=most, max_keepalive_connections=most),
                    event_hooks={"response": [_bound]},
                    follow_redirects=False,
                    trust_env=False,
                ),
            )
            self._opened.organization = self._opened.project = None
        return self._opened


async def _bound(response: httpx2.Response) -> None:
    """Bound what is read of a response; a compressed one is refused, for its size is not known beforehand."""
    from judge_agent.models.openai_errors import BoundedStream, ResponseTooLarge

    if response.headers.get("content-encoding", "identity") != "identity":
        raise ResponseTooLarge("the answer is compressed, which was not asked for")
    response.stream = BoundedStream(response.stream, MAX_RESPONSE_BYTES)
