"""A model that answers by script: for tests, docs and dry runs. It needs no server and no weights.

An answer is looked for in this order: the queue, the rules (first whose text occurs in the prompt), then
`otherwise`. Without any of them it is the simplest valid instance of the schema: a whole judgment runs on it.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from judge_agent.errors import ModelError
from judge_agent.models.instances import Choose, first, pick_instance
from judge_agent.seams.model import ChatMessage, Choice, Completion, ModelInfo, TokenUsage

_CHARACTERS_PER_TOKEN = 3


@dataclass(frozen=True)
class ScriptedRequest:
    """One recorded call. `sample` is the index of the choice that a function is asked for."""

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
    sample: int = 0

    @property
    def text(self) -> str:
        """All contents, one after the other: what a rule looks into."""
        return "\n\n".join(message.content for message in self.messages)


@dataclass(frozen=True)
class Held:
    """An answer that waits for `event`; past the call's `timeout_seconds` it is a model_timeout."""

    event: asyncio.Event
    answer: Answer


# Text is content as it stands, a mapping is sent as JSON, None is an answer without content, a Choice is all
# of it, a tuple holds one answer per sample, an error is raised, a function is asked.
Script: TypeAlias = Callable[[ScriptedRequest], Any]
Answer: TypeAlias = str | Mapping[str, Any] | Choice | ModelError | Held | tuple[Any, ...] | Script | None


def by_schema(choose: Choose = first) -> Script:
    """Answer with a valid instance of the request's schema, chosen by `choose(path, options)`."""

    def answer(request: ScriptedRequest) -> Answer:
        if request.schema is None:
            return "ok"
        return json.dumps(pick_instance(request.schema, choose), ensure_ascii=False)

    return answer


class ScriptedModel:
    """A ChatModel that answers by script and records every call in `requests`."""

    def __init__(
        self,
        answers: Sequence[Answer] = (),
        *,
        rules: Sequence[tuple[str, Answer]] = (),
        otherwise: Answer | None = None,
        choose: Choose = first,
        context_window: int = 32_768,
        id: str = "scripted",
        revision: str = "1",
    ) -> None:
        self.requests: list[ScriptedRequest] = []
        self.closed = False
        self._queue = deque(answers)
        self._rules = tuple(rules)
        self._otherwise = by_schema(choose) if otherwise is None else otherwise
        self._info = ModelInfo(id, revision, "scripted", context_window)

    @property
    def unused(self) -> int:
        """How many queued answers no call has taken."""
        return len(self._queue)

    async def info(self) -> ModelInfo:
        return self._info

    async def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        """Count a third of the characters as tokens, and four per message."""
        return sum(4 + -(-len(message.content) // _CHARACTERS_PER_TOKEN) for message in messages)

    async def complete(
        self,
        messages: Sequence[ChatMessage],
        *,
        schema: Mapping[str, Any] | None = None,
        tools: Sequence[Mapping[str, Any]] | None = None,
        n: int = 1,
        logprobs: int = 0,
        seed: int = 0,
        max_tokens: int = 512,
        temperature: float = 0.0,
        stop: Sequence[str] = (),
        timeout_seconds: float = 60.0,
    ) -> Completion:
        """Answer by script. Raises the scripted ModelError, model_timeout, or input_too_large."""
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
        )
        self.requests.append(request)
        prompt = await self.count_tokens(messages)
        if prompt + max_tokens > self._info.context_window:
            raise ModelError(
                "input_too_large",
                f"{prompt} prompt tokens and max_tokens={max_tokens} exceed "
                f"context_window={self._info.context_window}",
            )
        answer = self._answer(request)
        choices = [
            await _choice(_of_sample(answer, index), replace(request, sample=index)) for index in range(n)
        ]
        completion = sum(len(choice.content or "") // _CHARACTERS_PER_TOKEN + 1 for choice in choices)
        return Completion(tuple(choices), TokenUsage(prompt=prompt, completion=completion), self._info.id)

    async def aclose(self) -> None:
        self.closed = True

    def _answer(self, request: ScriptedRequest) -> Answer:
        if self._queue:
            return self._queue.popleft()
        for text, answer in self._rules:
            if text in request.text:
                return answer
        return self._otherwise


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
        try:
            async with asyncio.timeout(request.timeout_seconds):
                await answer.event.wait()
        except TimeoutError as error:
            message = f"no answer within timeout_seconds={request.timeout_seconds}"
            raise ModelError("model_timeout", message) from error
        return await _choice(answer.answer, request)
    if isinstance(answer, Choice):
        return answer
    if answer is None or isinstance(answer, str):
        return Choice(answer)
    if isinstance(answer, Mapping):
        return Choice(json.dumps(answer, ensure_ascii=False))
    if callable(answer):
        return await _choice(answer(request), request)
    raise TypeError(f"{type(answer).__name__} is no scripted answer")
