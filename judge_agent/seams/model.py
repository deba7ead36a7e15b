"""The seam to a language model. Implementations live in `judge_agent.models`."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

IMAGE_TYPES = ("image/png", "image/jpeg", "image/webp", "image/gif")


@dataclass(frozen=True)
class Image:
    """A picture in a message. `data` is base64, `sha256` the hex hash of the bytes; made by `Image.of`."""

    media_type: str
    sha256: str
    data: str = field(repr=False)

    def __post_init__(self) -> None:
        if self.media_type not in IMAGE_TYPES:
            raise ValueError(f"media_type={self.media_type!r} is not one of {IMAGE_TYPES}")

    @classmethod
    def of(cls, content: bytes, media_type: str) -> Image:
        """Wrap the bytes of a picture. Raises ValueError for a type that models do not take."""
        return cls(media_type, hashlib.sha256(content).hexdigest(), base64.b64encode(content).decode())


@dataclass(frozen=True)
class ChatMessage:
    """One message. `tool_calls` (of an assistant) are in OpenAI's form, `tool_call_id` says what a tool answers."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    images: tuple[Image, ...] = ()
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    tool_call_id: str | None = None


class ToolCall(NamedTuple):
    """A call that the model asks for. With an `error` it cannot be made, and the model is told so."""

    id: str
    name: str
    arguments: Mapping[str, Any]
    error: str | None = None

    @classmethod
    def of(cls, call: Mapping[str, Any]) -> ToolCall:
        """Read an entry of `Choice.tool_calls`, whose shape is known."""
        function, error = call["function"], call.get("error")
        arguments = {} if error is not None else json.loads(function["arguments"])
        return cls(call["id"], function["name"], arguments, error)


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
    """One sampled answer. `content` is None when the server gave none.

    `finish_reason` is 'length' for one cut off at `max_tokens`, 'deadline' for one that its time or its
    connection cut off (only with `keep_partial`), 'error' for a sample that failed beside others; `endings` knows
    the other words, and which of them mean that the answer is whole. Each of
    `tool_calls` is `{"id", "type": "function", "function": {"name", "arguments"}}`: `arguments` is the JSON text
    of an object unless an `error` stands beside.
    """

    content: str | None
    finish_reason: str = "stop"
    reasoning: str | None = None
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True)
class Completion:
    """What one call gave: `n` choices, what it cost, and which model answered.

    `fingerprint` is what its server says of its own configuration (`system_fingerprint`), where it does.
    """

    choices: tuple[Choice, ...]
    usage: TokenUsage
    model: str
    seconds: float = 0.0
    attempts: int = 1
    fingerprint: str | None = None

    @property
    def answered_by(self) -> str:
        return f"{self.model} {self.fingerprint}" if self.fingerprint else self.model


@dataclass(frozen=True)
class ModelInfo:
    """Identity of a model, part of every result key. `context_window` is in tokens, answer included.

    `details` may say `images`, `tools`, `reasoning` and `logprobs` (booleans): whether it takes pictures, calls
    functions, thinks before it answers, tells log-probabilities of what it writes by a schema (of all tokens, or of
    those that the schema allows). What is not said is not known. `window_known` False says that the window is a guess.
    """

    id: str
    revision: str
    backend: str
    context_window: int
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def window_said(self) -> str:
        """The window for messages; one that is a guess says so, and how to set it."""
        if self.details.get("window_known", True):
            return f"{self.context_window} tokens"
        return (
            f"{self.context_window} tokens (assumed: the model server does not tell it; set context_window, "
            "JUDGE_MODEL_CONTEXT_WINDOW in the service)"
        )


@runtime_checkable
class AskedAnew(Protocol):
    """A model behind a server that may come to serve something else: it can be asked anew what it is."""

    async def info_now(self) -> ModelInfo:
        """Say which model answers at this moment. Raises ModelError."""
        ...


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
        """Complete a chat.

        `schema` is a JSON Schema that the answer is constrained to (property order kept). `tools` are OpenAI's
        function tools; `tool_choice` is auto, none, required or the name of one. With `keep_partial`, what
        was written when the time or the connection ends comes back with finish_reason 'deadline', if
        anything was. `think` False asks a model that thinks first to answer at once, where it can be asked.
        Raises ModelError with failure_kind model_unreachable, model_timeout, model_error,
        model_unparseable (no content at all), input_too_large, or tool_unavailable (images to a model that does
        not say that it takes them). Never retries past `timeout_seconds`.
        """
        ...

    async def likelihood(
        self, messages: Sequence[ChatMessage], continuation: str, *, timeout_seconds: float = 60.0
    ) -> Completion:
        """Tell how likely the continuation is as the answer: the `logprobs` (natural, at temperature 1) of the
        only choice are those of its tokens. The usage counts them as read.

        Raises ModelError like `complete`; model_error that says so where a server cannot tell.
        """
        ...

    async def aclose(self) -> None: ...
