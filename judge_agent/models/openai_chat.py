"""Any OpenAI-compatible chat server as a ChatModel; a local `vllm serve` is the reference.

What comes back is not trusted: its size is bounded and its types are checked (see `openai_reading`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from judge_agent.errors import ModelError
from judge_agent.models.openai_connection import OpenAIConnection
from judge_agent.models.openai_identity import Identity
from judge_agent.models.openai_likelihood import likelihood
from judge_agent.models.openai_reading import read_completion, with_misplaced_answer
from judge_agent.models.openai_stream import OPTIONS, StreamedAnswer
from judge_agent.models.openai_wire import IMAGE_TOKENS, NO_THINKING, request_body, upper_estimate
from judge_agent.models.tool_call_reading import with_read_calls
from judge_agent.seams.model import ChatMessage, Completion, ModelInfo

# Of the window: a prompt whose upper estimate stays below this share leaves room for any answer that is asked for.
SURELY_FITS = 0.4


class OpenAIChatModel:
    """A ChatModel behind `base_url` (with its `/v1`). Keep one per process: it holds the connections.

    `model` None takes the first that the server lists. 429 and 5xx are tried `max_attempts` times in all, later
    by the server's Retry-After, and never past the call's own time. `context_window` and `revision` are given
    where the server does not tell them; so are `images`, `tools`, `reasoning` and `logprobs`: whether the model takes
    pictures, calls functions, thinks before it answers, and whether the server tells log-probabilities of an answer
    by a schema.
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
        images: bool | None = None,
        tools: bool | None = None,
        reasoning: bool | None = None,
        logprobs: bool | None = None,
    ) -> None:
        self._connection = OpenAIConnection(base_url, api_key, max_attempts, max_connections)
        self._model = model
        self._info_timeout = info_timeout_seconds
        self._extra_body = dict(extra_body or {})
        self._abilities = {"images": images, "tools": tools, "reasoning": reasoning, "logprobs": logprobs}
        self._identity = Identity(
            self._connection,
            model=model,
            revision=revision,
            context_window=context_window,
            abilities=self._abilities,
            timeout_seconds=info_timeout_seconds,
        )
        self._tokenize = True

    async def __aenter__(self) -> OpenAIChatModel:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    @property
    def connection(self) -> OpenAIConnection:
        """The connections that every call goes through."""
        return self._connection

    async def info(self) -> ModelInfo:
        """Ask `/models` once. Raises ModelError('model_unreachable') without a server."""
        return self._identity.known or await self._identity.asked()

    async def info_now(self) -> ModelInfo:
        """Ask `/models` anew: what another one serves now. Raises ModelError as `info` does."""
        return await self._identity.asked()

    async def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        """Ask vLLM's `/tokenize`; an estimate that errs upwards where there is none, and where even that is far
        from the window: a round trip for each call would double the requests.

        Pictures are not sent for that; each counts as `IMAGE_TOKENS`.
        """
        estimate = upper_estimate(messages)
        if self._tokenize and estimate > SURELY_FITS * (await self.info()).context_window:
            texts = [replace(message, images=()) for message in messages]
            body = {"model": (await self.info()).id, "messages": request_body(texts)["messages"]}
            url = self._connection.server_url + "/tokenize"
            try:
                data, _ = await self._connection.send("POST", url, body, self._info_timeout)
                count = data.get("count") if isinstance(data, dict) else None
            except ModelError as error:
                if error.failure_kind != "model_error":
                    raise
                count = None
            if isinstance(count, int) and count >= 0:
                return count + IMAGE_TOKENS * sum(len(message.images) for message in messages)
            self._tokenize = False
        return estimate

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
        streamed = StreamedAnswer(n, max_tokens) if keep_partial else None
        model = self._model
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._refuse_images(messages)
                model = model or (await self.info()).id
                body = request_body(
                    messages,
                    model=model,
                    schema=schema,
                    tools=tools,
                    tool_choice=tool_choice,
                    n=n,
                    logprobs=logprobs,
                    seed=seed,
                    max_tokens=max_tokens,
                    temperature=temperature,
                    stop=stop,
                )
                body |= {"stream": True, "stream_options": OPTIONS} if keep_partial else {}
                body |= self._extra(think)
                left = began + timeout_seconds - time.monotonic()
                data, attempts = await self._connection.send(
                    "POST", "/chat/completions", body, left, streamed
                )
        except TimeoutError as error:
            if streamed is None or not streamed.begun:
                raise ModelError("model_timeout", f"no answer within {timeout_seconds=}") from error
            data, attempts = streamed.whole("deadline"), 1
        except ModelError as error:
            if streamed is None or not streamed.begun:
                raise
            data, attempts = streamed.whole("deadline"), error.attempts
        seconds = time.monotonic() - began
        completion = read_completion(data, wanted=n, model=model or "", seconds=seconds, attempts=attempts)
        choices = completion.choices
        if not think:
            choices = tuple(
                with_misplaced_answer(choice, schema=schema is not None, tools=bool(tools))
                for choice in choices
            )
        return replace(completion, choices=tuple(with_read_calls(choice, tools or ()) for choice in choices))

    async def likelihood(
        self, messages: Sequence[ChatMessage], continuation: str, *, timeout_seconds: float = 60.0
    ) -> Completion:
        """Ask for the log-probabilities of a prompt that ends with the continuation; vLLM can (`prompt_logprobs`)."""
        began, extra = time.monotonic(), self._extra(think=False)
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._refuse_images(messages)
                model = self._model or (await self.info()).id
                told = await likelihood(
                    self._connection, model, messages, continuation, extra, timeout_seconds
                )
                return replace(told, seconds=time.monotonic() - began)
        except TimeoutError as error:
            raise ModelError("model_timeout", f"no answer within {timeout_seconds=}") from error

    async def aclose(self) -> None:
        """Close the connections; a later call opens new ones."""
        await self._connection.aclose()

    def _extra(self, think: bool) -> dict[str, Any]:
        """The fields beyond OpenAI's: the caller's, and the wish not to think, as chat templates know it."""
        extra = dict(self._extra_body)
        if not think and self._abilities["reasoning"] is not False:
            given = extra.get("chat_template_kwargs")
            extra["chat_template_kwargs"] = NO_THINKING | (given if isinstance(given, dict) else {})
        return extra

    async def _refuse_images(self, messages: Sequence[ChatMessage]) -> None:
        if any(message.images for message in messages):
            info = await self.info()
            if not info.details.get("images"):
                message = f"the model {info.id!r} is not known to take images; it is set with images=True"
                raise ModelError("tool_unavailable", message)
