"""Any OpenAI-compatible chat server as a ChatModel; a local `vllm serve` is the reference.

One client is kept, on the aiohttp transport, and answers are read as plain JSON: both halve the cost of a call.
What comes back is not trusted: its size is bounded and its types are checked (see `openai_wire`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from judge_agent.errors import ModelError
from judge_agent.models.openai_wire import read_completion, read_info, request_body, upper_estimate
from judge_agent.seams.model import ChatMessage, Completion, ModelInfo

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI

MAX_RESPONSE_BYTES = 16_000_000
FIRST_PAUSE_SECONDS = 0.25


class OpenAIChatModel:
    """A ChatModel behind `base_url` (with its `/v1`). Keep one per process: it holds the connections.

    `model` None takes the first that the server lists. 429 and 5xx are tried `max_attempts` times in all, later
    by the server's Retry-After, and never past the call's own time. `context_window` and `revision` are given
    where the server does not tell them.
    """

    def __init__(
        self,
        base_url: str,
        model: str | None = None,
        api_key: str | None = None,
        *,
        revision: str | None = None,
        context_window: int | None = None,
        max_attempts: int = 3,
        max_connections: int = 1000,
        info_timeout_seconds: float = 10.0,
        extra_body: Mapping[str, Any] | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._model, self._api_key = model, api_key
        self._revision, self._context_window = revision, context_window
        self._max_attempts, self._max_connections = max_attempts, max_connections
        self._info_timeout = info_timeout_seconds
        self._extra_body = dict(extra_body or {})
        self._info: ModelInfo | None = None
        self._tokenize = True
        self._opened: AsyncOpenAI | None = None

    async def __aenter__(self) -> OpenAIChatModel:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def info(self) -> ModelInfo:
        """Ask `/models` once. Raises ModelError('model_unreachable') without a server."""
        if self._info is None:
            data, _ = await self._send("GET", "/models", None, self._info_timeout)
            self._info = read_info(
                data,
                model=self._model,
                revision=self._revision,
                context_window=self._context_window,
                base_url=self._base_url,
            )
        return self._info

    async def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        """Ask vLLM's `/tokenize`; where there is none, one token per byte of UTF-8: never too few, often 4x."""
        if self._tokenize:
            body = {"model": (await self.info()).id, "messages": request_body(messages)["messages"]}
            url = self._base_url.removesuffix("/v1") + "/tokenize"
            try:
                data, _ = await self._send("POST", url, body, self._info_timeout)
                count = data.get("count") if isinstance(data, dict) else None
            except ModelError as error:
                if error.failure_kind != "model_error":
                    raise
                count = None
            if isinstance(count, int) and count >= 0:
                return count
            self._tokenize = False
        return upper_estimate(messages)

    async def complete(
        self,
        messages: Sequence[ChatMessage],
        *,
        schema: Mapping[str, Any] | None = None,
        tools: Sequence[Mapping[str, Any]] | None = None,
        tool_choice: str | None = None,
        n: int = 1,
        logprobs: int = 0,
        seed: int = 0,
        max_tokens: int = 512,
        temperature: float = 0.0,
        stop: Sequence[str] = (),
        timeout_seconds: float = 60.0,
        keep_partial: bool = False,
        think: bool = True,
    ) -> Completion:
        """Complete a chat over HTTP; every failure is a ModelError with its kind, attempts and known tokens."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(timeout_seconds):
                model = self._model or (await self.info()).id
                body = request_body(
                    messages,
                    model=model,
                    schema=schema,
                    tools=tools,
                    n=n,
                    logprobs=logprobs,
                    seed=seed,
                    max_tokens=max_tokens,
                    temperature=temperature,
                    stop=stop,
                )
                data, attempts = await self._send(
                    "POST",
                    "/chat/completions",
                    body | self._extra_body,
                    began + timeout_seconds - time.monotonic(),
                )
        except TimeoutError as error:
            raise ModelError("model_timeout", f"no answer within {timeout_seconds=}") from error
        return read_completion(
            data, wanted=n, model=model, seconds=time.monotonic() - began, attempts=attempts
        )

    async def aclose(self) -> None:
        """Close the connections; a later call opens new ones."""
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.close()

    async def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None, seconds: float
    ) -> tuple[Any, int]:
        """Send, with bounded retries within `seconds`; returns the parsed body and how many attempts it took."""
        from judge_agent.models.openai_errors import classify, retry_after_seconds

        deadline = time.monotonic() + seconds
        for attempt in range(1, self._max_attempts + 1):
            try:
                left = deadline - time.monotonic()
                async with asyncio.timeout(left):
                    return await self._once(method, path, body, left), attempt
            except TimeoutError as error:
                message = f"no answer within {seconds:.3g} seconds ({attempt} attempts)"
                raise ModelError("model_timeout", message, attempts=attempt) from error
            except Exception as error:
                problem = classify(error, attempts=attempt, secret=self._api_key)
                if problem is None:
                    raise
                pause = retry_after_seconds(error, FIRST_PAUSE_SECONDS * 2 ** (attempt - 1))
                late = time.monotonic() + (pause or 0.0) >= deadline
                if pause is None or late or attempt == self._max_attempts:
                    raise problem from error
            await asyncio.sleep(pause)
        raise ModelError("model_error", "no attempt was allowed: max_attempts must be at least 1")

    async def _once(self, method: str, path: str, body: Mapping[str, Any] | None, seconds: float) -> Any:
        client = self._client()
        if method == "GET":
            return await client.get(path, cast_to=object, options={"timeout": seconds})
        return await client.post(path, cast_to=object, body=body, options={"timeout": seconds})

    def _client(self) -> AsyncOpenAI:
        """Open the client with the first call: making one costs tens of milliseconds, importing it a second."""
        if self._opened is None:
            import httpx2
            from openai import AsyncOpenAI, DefaultAioHttpClient

            most = self._max_connections
            self._opened = AsyncOpenAI(
                base_url=self._base_url,
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
