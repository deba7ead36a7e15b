"""The wire form of requests to OpenAI-compatible servers, and how long a prompt is at most."""

from __future__ import annotations

import json
import string
from collections.abc import Mapping, Sequence
from typing import Any

from judge_agent.seams.model import ChatMessage

_LETTERS_AND_BLANKS = string.ascii_letters.encode() + b" "
_MESSAGE_OVERHEAD = 16
# About what a picture of a megapixel is to the models of the Qwen-VL and Llama families.
IMAGE_TOKENS = 1500
# The words by which chat templates (Qwen3, DeepSeek, Granite, GLM) are told not to open a train of thought.
NO_THINKING = {"enable_thinking": False, "thinking": False}


def request_body(
    messages: Sequence[ChatMessage],
    *,
    model: str | None = None,
    schema: Mapping[str, Any] | None = None,
    tools: Sequence[Mapping[str, Any]] | None = None,
    tool_choice: str | None = None,
    n: int = 1,
    logprobs: int = 0,
    seed: int = 0,
    max_tokens: int = 512,
    temperature: float = 0.0,
    stop: Sequence[str] = (),
) -> dict[str, Any]:
    """Build the body of `/chat/completions`; only what differs from a server's own default is sent."""
    body: dict[str, Any] = {
        "model": model,
        "messages": [_message(message) for message in messages],
        "max_tokens": max_tokens,
        "temperature": temperature,
        "seed": seed,
    }
    if n != 1:
        body["n"] = n
    if logprobs:
        body |= {"logprobs": True, "top_logprobs": logprobs}
    if stop:
        body["stop"] = list(stop)
    if schema is not None:
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "strict": True, "schema": dict(schema)},
        }
    if tools:
        body["tools"] = [_strict(tool) for tool in tools]
        if tool_choice in ("auto", "none", "required"):
            body["tool_choice"] = tool_choice
        elif tool_choice is not None:
            body["tool_choice"] = {"type": "function", "function": {"name": tool_choice}}
    return body


def _message(message: ChatMessage) -> dict[str, Any]:
    """A message in OpenAI's form; pictures go as data, never as an address that a server would fetch."""
    text = _sendable(message.content)
    sent: dict[str, Any] = {"role": message.role, "content": text}
    if message.images:
        pictures = [f"data:{image.media_type};base64,{image.data}" for image in message.images]
        sent["content"] = [
            {"type": "text", "text": text},
            *({"type": "image_url", "image_url": {"url": picture}} for picture in pictures),
        ]
    if message.tool_calls:
        # What is ours alone stays here: strict servers refuse a field that they do not know.
        sent["tool_calls"] = [
            {key: value for key, value in call.items() if key != "error"} for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        sent["tool_call_id"] = message.tool_call_id
    return sent


def upper_estimate(messages: Sequence[ChatMessage]) -> int:
    """An estimate that errs upwards, for servers without /tokenize: too long is refused, never cut by the server.

    Letters and blanks are counted as two to a token (tokenizers put three to five into one); digits, marks and
    bytes beyond ASCII as one each, since some tokenizers take them singly.
    """
    return sum(
        _estimate(_sendable(message.content + json.dumps(message.tool_calls) * bool(message.tool_calls)))
        + _MESSAGE_OVERHEAD
        + IMAGE_TOKENS * len(message.images)
        for message in messages
    )


def _estimate(text: str) -> int:
    data = text.encode()
    others = len(data.translate(None, _LETTERS_AND_BLANKS))
    return (len(data) - others) // 2 + others


def _strict(tool: Mapping[str, Any]) -> dict[str, Any]:
    """Ask for strict arguments: without it vLLM does not hold them to their schema."""
    function = tool.get("function", tool)
    return {"type": "function", "function": {"strict": True, **function}}


def _sendable(text: str) -> str:
    """Replace lone surrogates, which no UTF-8 body can carry."""
    return text.encode("utf-8", "replace").decode()
