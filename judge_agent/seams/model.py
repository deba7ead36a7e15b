"""The seam to a language model. Implementations live in `judge_agent.models`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol


@dataclass(frozen=True)
class ChatMessage:
    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class TokenUsage:
    """Tokens of one call. `cached` ones are part of `prompt`, `reasoning` ones part of `completion`."""

    prompt: int = 0
    cached: int = 0
    completion: int = 0
    reasoning: int = 0


@dataclass(frozen=True)
class TokenLogprob:
    token: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Choice:
    """One sampled answer. `content` is None when the server gave none; `finish_reason` 'length' is truncation."""

    content: str | None
    finish_reason: str = "stop"
    reasoning: str | None = None
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True)
class Completion:
    """What one call gave: `n` choices, what it cost, and which model answered."""

    choices: tuple[Choice, ...]
    usage: TokenUsage
    model: str
    seconds: float = 0.0
    attempts: int = 1


@dataclass(frozen=True)
class ModelInfo:
    """Identity of a model, part of every result key. `context_window` is in tokens, answer included."""

    id: str
    revision: str
    backend: str
    context_window: int
    details: Mapping[str, Any] = field(default_factory=dict)


class ChatModel(Protocol):
    """A chat model. One instance serves many concurrent calls; the same call gives the same answer."""

    async def info(self) -> ModelInfo:
        """Say which model answers. Raises ModelError('model_unreachable') when there is no server."""
        ...

    async def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        """Return the prompt's length in tokens, chat template included; an upper estimate where no tokenizer is."""
        ...

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
        """Complete a chat.

        `schema` is a JSON Schema that the answer is constrained to (property order kept).
        Raises ModelError with failure_kind model_unreachable, model_timeout, model_error,
        model_unparseable (no content at all) or input_too_large. Never retries past `timeout_seconds`.
        """
        ...

    async def aclose(self) -> None: ...
