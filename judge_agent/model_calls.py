"""One question to the model: what it holds, which key it has in the journal, and how it is logged."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from judge_agent.hashing import sha256_of
from judge_agent.seams.model import ChatMessage, Image, ModelInfo

Json = Mapping[str, Any]


@dataclass(frozen=True)
class ModelCall:
    """One question to the model; `node` is its place in the graph, e.g. `critique/passes_tests/0`.

    A `shared` call depends on the task alone: its answer serves every judgment of the tenant, and its seed
    is not the request's. With `reasoning_tokens` the model thinks first, freely, up to that many tokens, and
    answers in a call of its own; `phase` is set by `reasoning.py`. `share` is the part of `max_tokens` and
    `reasoning_tokens` that the window leaves. It is no part of the key: it comes of an estimate, which a backend may
    make otherwise after a restart, and the same question is not to be asked twice for that.
    With `logprobs_of`, the name of a property, of a JSON answer only the tokens of its values are kept.
    """

    node: str
    messages: tuple[ChatMessage, ...]
    schema: Json | None
    max_tokens: int
    temperature: float = 0.0
    shared: bool = False
    n: int = 1
    logprobs: int = 0
    logprobs_of: str | None = None
    stop: tuple[str, ...] = ()
    tools: tuple[Json, ...] = ()
    tool_choice: str | None = None
    reasoning_tokens: int = 0
    phase: Literal["whole", "think", "answer"] = "whole"
    share: float = 1.0

    @property
    def room(self) -> int:
        """How many tokens the answer may have: what is wanted, or what the window leaves of that."""
        return max(1, int(self.max_tokens * self.share))


# How many of the likeliest tokens are asked for; vLLM tells no more.
LOGPROBS = 20
# Prose has about four bytes a token, code and most other scripts about three.
BYTES_PER_TOKEN = 3
TOKENS_PER_MESSAGE = 8
TOKENS_PER_IMAGE = 1500
# Of the window: a prompt of so many bytes leaves room for any answer that is asked for.
SURELY_FITS = 0.5

# The fields that every key holds. A later one counts only where it differs from its default, so that the
# journal of a judgment that was running before an upgrade still answers after it.
_ALWAYS = frozenset(("node", "messages", "schema", "max_tokens", "temperature", "shared"))
_NEVER = frozenset(("share",))


def call_key(call: ModelCall, info: ModelInfo | None, seed: int) -> str:
    """The hash of all that a call's result depends on."""
    asked = {
        field.name: value
        for field in fields(call)
        if field.name not in _NEVER
        if (value := getattr(call, field.name)) != field.default or field.name in _ALWAYS
    }
    asked["messages"] = written_messages(call.messages)
    return sha256_of(["model", _identity(info), asked, seed])


def most_tokens(call: ModelCall) -> int:
    """What a call may cost, in tokens: an estimate of its prompt, once, and each of its `n` answers at full length."""
    offered = len(json.dumps(call.tools)) // BYTES_PER_TOKEN if call.tools else 0
    return prompt_estimate(call.messages) + offered + call.n * call.max_tokens


def prompt_estimate(messages: Sequence[ChatMessage]) -> int:
    """About how many tokens a prompt has, from its text alone: it must not depend on what a backend can count today."""
    return sum(_estimate(message) for message in messages)


def may_not_fit(info: ModelInfo | None, messages: Sequence[ChatMessage]) -> bool:
    """Whether some way of counting leaves too little room: none finds more than a token a byte.

    A model in this process has one way of counting, so it never is in doubt.
    """
    if info is None or info.details.get("in_process"):
        return False
    return prompt_estimate(messages) * BYTES_PER_TOKEN > info.context_window * SURELY_FITS


def _estimate(message: ChatMessage) -> int:
    size = len(message.content.encode("utf-8", "surrogatepass"))
    size += len(json.dumps(message.tool_calls)) if message.tool_calls else 0
    return size // BYTES_PER_TOKEN + TOKENS_PER_MESSAGE + TOKENS_PER_IMAGE * len(message.images)


def count_key(info: ModelInfo | None, messages: Sequence[ChatMessage]) -> str:
    return sha256_of(["tokens", _identity(info), written_messages(messages)])


def likelihood_key(info: ModelInfo | None, messages: Sequence[ChatMessage], continuation: str) -> str:
    return sha256_of(["likelihood", _identity(info), written_messages(messages), continuation])


def written_messages(messages: Sequence[ChatMessage]) -> list[dict[str, Any]]:
    """Messages as they stand in keys and in the log: a picture by its hash, for its bytes are the request's."""
    return [_written(message) for message in messages]


def _written(message: ChatMessage) -> dict[str, Any]:
    written: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.images:
        written["images"] = [_named(image) for image in message.images]
    if message.tool_calls:
        written["tool_calls"] = list(message.tool_calls)
    if message.tool_call_id is not None:
        written["tool_call_id"] = message.tool_call_id
    return written


def _named(image: Image) -> dict[str, str]:
    return {"media_type": image.media_type, "sha256": image.sha256}


def _identity(info: ModelInfo | None) -> list[str]:
    return [info.id, info.revision] if info else []
