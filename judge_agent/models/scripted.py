"""A model that answers by script: for tests, docs and dry runs. It needs no server and no weights.

An answer is looked for in this order: the queue, the rules (first whose text occurs in the prompt), then
`otherwise`. Without any of them it is the simplest valid instance of the schema: a whole judgment runs on it.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from judge_agent.errors import ModelError
from judge_agent.models.instances import Choose, first, pick_instance
from judge_agent.models.tool_call_reading import with_read_calls
from judge_agent.seams.model import (
    ChatMessage,
    Choice,
    Completion,
    ModelInfo,
    TokenLogprob,
    TokenUsage,
)

_CHARACTERS_PER_TOKEN = 3
_TOKENS_PER_IMAGE = 100
_WORD = re.compile(r"\s*\S+\s*\Z|\s*\S+")


@dataclass(frozen=True)
class ScriptedRequest:
    """One recorded call; with a `continuation` one of `likelihood`.

    `sample` is the index of the choice that a function is asked for.
    """

    messages: tuple[ChatMessage, ...]
    schema: Mapping[str, Any] | None = None
    tools: tuple[Mapping[str, Any], ...] = ()
    n: int = 1
    logprobs: int = 0
    seed: int = 0
    max_tokens: int = 512
    temperature: float = 0.0
    stop: tuple[str, ...] = ()
    timeout_seconds: float = 60.0
    tool_choice: str | None = None
    keep_partial: bool = False
    think: bool = True
    continuation: str | None = None
    sample: int = 0

    @property
    def text(self) -> str:
        """All contents, one after the other: what a rule looks into."""
        return "\n\n".join(message.content for message in self.messages)


@dataclass(frozen=True)
class Held:
    """An answer that waits for `event`.

    Past the call's `timeout_seconds` it is a model_timeout, or `so_far` where the call keeps what was written.
    """

    event: asyncio.Event
    answer: Answer
    so_far: str | None = None


# Text is content as it stands, a mapping is sent as JSON, None is an answer without content, a Choice is all
# of it, a tuple holds one answer per sample, an error is raised, a function is asked.
Script: TypeAlias = Callable[[ScriptedRequest], Any]
Answer: TypeAlias = str | Mapping[str, Any] | Choice | ModelError | Held | tuple[Any, ...] | Script | None


Likelihood: TypeAlias = (
    Sequence[float] | Sequence[TokenLogprob] | ModelError | Callable[[ScriptedRequest], Any]
)


def by_schema(choose: Choose = first) -> Script:
    """Answer with a valid instance of the request's schema, or of a function's that must be called.

    `choose(path, options)` decides. Without either the answer is "ok".
    """

    def answer(request: ScriptedRequest) -> Answer:
        if request.schema is not None:
            return json.dumps(pick_instance(request.schema, choose), ensure_ascii=False)
        if request.tools and request.tool_choice not in (None, "auto", "none"):
            return Choice(None, "tool_calls", tool_calls=(_picked_call(request, choose),))
        return "ok"

    return answer


def of_tokens(shares: Mapping[str, float]) -> Choice:
    """An answer of one token, the likeliest of `shares` (probabilities), with the logprobs of all."""
    top = tuple((token, math.log(share)) for token, share in sorted(shares.items(), key=_by_share))
    token, logprob = top[0]
    return Choice(token, logprobs=(TokenLogprob(token, logprob, top),))


class ScriptedModel:
    """A ChatModel that answers by script and records every call in `requests`.

    `likelihoods` are queued for `likelihood`: the numbers of one continuation's tokens, or whole tokens, an
    error, a function of the request. With none left every word is a token of logprob -1.
    """

    def __init__(
        self,
        answers: Sequence[Answer] = (),
        *,
        rules: Sequence[tuple[str, Answer]] = (),
        otherwise: Answer | None = None,
        likelihoods: Sequence[Likelihood] = (),
        choose: Choose = first,
        context_window: int = 32_768,
        id: str = "scripted",
        revision: str = "1",
        images: bool = False,
        tools: bool = True,
        reasoning: bool = False,
        logprobs: bool = False,
    ) -> None:
        self.requests: list[ScriptedRequest] = []
        self.closed = False
        self._queue, self._likelihoods = deque(answers), deque(likelihoods)
        self._rules = tuple(rules)
        self._otherwise = by_schema(choose) if otherwise is None else otherwise
        details = {"images": images, "tools": tools, "reasoning": reasoning, "logprobs": logprobs}
        self._info = ModelInfo(id, revision, "scripted", context_window, details)

    @property
    def unused(self) -> int:
        """How many queued answers no call has taken."""
        return len(self._queue)

    async def info(self) -> ModelInfo:
        return self._info

    async def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        """Count a third of the characters as tokens, four per message, and a hundred per picture."""
        return sum(
            4 + -(-len(message.content) // _CHARACTERS_PER_TOKEN) + _TOKENS_PER_IMAGE * len(message.images)
            for message in messages
        )

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
        """Answer by script. Raises the scripted ModelError, model_timeout, input_too_large, tool_unavailable."""
        request = ScriptedRequest(
            tuple(messages),
            schema,
            tuple(tools or ()),
            n,
            logprobs,
            seed,
            max_tokens,
            temperature,
            tuple(stop),
            timeout_seconds,
            tool_choice,
            keep_partial,
            think,
        )
        prompt = await self._received(request, max_tokens)
        answer = self._answer(request)
        choices = [
            with_read_calls(
                await _choice(_of_sample(answer, index), replace(request, sample=index)), request.tools
            )
            for index in range(n)
        ]
        written = [f"{choice.content or ''}{choice.reasoning or ''}" for choice in choices]
        completion = sum(len(text) // _CHARACTERS_PER_TOKEN + 1 for text in written)
        return Completion(tuple(choices), TokenUsage(prompt=prompt, completion=completion), self._info.id)

    async def likelihood(
        self, messages: Sequence[ChatMessage], continuation: str, *, timeout_seconds: float = 60.0
    ) -> Completion:
        """Answer from the queue of likelihoods; a number's token is its share of the continuation's text."""
        request = ScriptedRequest(
            tuple(messages), timeout_seconds=timeout_seconds, max_tokens=0, continuation=continuation
        )
        prompt = await self._received(request, len(continuation) // _CHARACTERS_PER_TOKEN + 1)
        words = _WORD.findall(continuation)
        answer = self._likelihoods.popleft() if self._likelihoods else [-1.0] * len(words)
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, ModelError):
            raise answer
        tokens = tuple(
            value
            if isinstance(value, TokenLogprob)
            else TokenLogprob(words[index] if index < len(words) else "", float(value))
            for index, value in enumerate(answer)
        )
        usage = TokenUsage(prompt=prompt + len(tokens))
        return Completion((Choice(continuation, logprobs=tokens),), usage, self._info.id)

    async def aclose(self) -> None:
        self.closed = True

    async def _received(self, request: ScriptedRequest, room: int) -> int:
        """Record a call, and refuse what does not fit; returns the prompt's tokens."""
        self.requests.append(request)
        if not self._info.details["images"] and any(message.images for message in request.messages):
            raise ModelError("tool_unavailable", f"the model {self._info.id!r} takes no images")
        prompt = await self.count_tokens(request.messages)
        if prompt + room > self._info.context_window:
            raise ModelError(
                "input_too_large",
                f"{prompt} prompt tokens and max_tokens={room} exceed "
                f"context_window={self._info.context_window}",
            )
        return prompt

    def _answer(self, request: ScriptedRequest) -> Answer:
        if self._queue:
            return self._queue.popleft()
        for text, answer in self._rules:
            if text in request.text:
                return answer
        return self._otherwise


def _by_share(item: tuple[str, float]) -> float:
    return -item[1]


def _picked_call(request: ScriptedRequest, choose: Choose) -> Mapping[str, Any]:
    functions = [tool.get("function", tool) for tool in request.tools]
    named = next((one for one in functions if one["name"] == request.tool_choice), functions[0])
    arguments = pick_instance(named.get("parameters") or {"type": "object"}, choose)
    return {"function": {"name": named["name"], "arguments": arguments}}


def _of_sample(answer: Answer, index: int) -> Answer:
    if not isinstance(answer, tuple):
        return answer
    if index >= len(answer):
        raise ModelError("model_error", f"the script has {len(answer)} samples, sample {index} was asked for")
    found: Answer = answer[index]
    return found


async def _choice(answer: Answer, request: ScriptedRequest) -> Choice:
    if isinstance(answer, ModelError):
        raise answer
    if isinstance(answer, Held):
        return await _held(answer, request)
    if isinstance(answer, Choice):
        return answer
    if answer is None or isinstance(answer, str):
        return Choice(answer)
    if isinstance(answer, Mapping):
        return Choice(json.dumps(answer, ensure_ascii=False))
    if callable(answer):
        return await _choice(answer(request), request)
    raise TypeError(f"{type(answer).__name__} is no scripted answer")


async def _held(held: Held, request: ScriptedRequest) -> Choice:
    try:
        async with asyncio.timeout(request.timeout_seconds):
            await held.event.wait()
    except TimeoutError as error:
        if request.keep_partial and held.so_far is not None:
            return Choice(held.so_far, "deadline")
        message = f"no answer within timeout_seconds={request.timeout_seconds}"
        raise ModelError("model_timeout", message) from error
    return await _choice(held.answer, request)
