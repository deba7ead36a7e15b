"""The wire form of OpenAI-compatible servers: builds bodies, and reads answers without trusting their shape."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from judge_agent.errors import ModelError
from judge_agent.seams.model import ChatMessage, Choice, Completion, ModelInfo, TokenLogprob, TokenUsage

UNKNOWN_WINDOW = 8192
_LETTERS_AND_BLANKS = re.compile(r"[A-Za-z ]+")
_MESSAGE_OVERHEAD = 16
# About what a picture of a megapixel is to the models of the Qwen-VL and Llama families.
IMAGE_TOKENS = 1500
# The words by which chat templates (Qwen3, DeepSeek, Granite, GLM) are told not to open a train of thought.
NO_THINKING = {"enable_thinking": False, "thinking": False}
LEAST_LOGPROB = -9999.0
MAX_TOP_LOGPROBS = 100


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
    plain = sum(map(len, _LETTERS_AND_BLANKS.findall(text)))
    return plain // 2 + len(text.encode()) - plain


def read_completion(data: object, *, wanted: int, model: str, seconds: float, attempts: int) -> Completion:
    """Read an answer. Raises ModelError('model_error') with the tokens it cost when its shape is wrong."""
    usage = TokenUsage()

    def wrong(what: str) -> ModelError:
        return ModelError("model_error", f"the model server's answer {what}", usage=usage, attempts=attempts)

    if not isinstance(data, Mapping):
        raise wrong(f"is no JSON object: {str(data)[:200]!r}")
    usage = _usage(data.get("usage"))
    choices = data.get("choices")
    if not isinstance(choices, list) or not choices:
        detail = data.get("error") or data.get("message") or sorted(map(str, data))
        raise wrong(f"has no choices: {str(detail)[:300]}")
    if len(choices) < wanted:
        raise wrong(f"has {len(choices)} choices where n={wanted} were asked for; this server cannot sample")
    try:
        read = tuple(_choice(choice) for choice in choices[:wanted])
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise wrong(f"has a choice of the wrong shape: {error!r}") from error
    name = data.get("model")
    return Completion(read, usage, name if isinstance(name, str) and name else model, seconds, attempts)


def read_info(
    data: object,
    *,
    model: str | None,
    revision: str | None,
    context_window: int | None,
    base_url: str,
    abilities: Mapping[str, bool | None],
) -> ModelInfo:
    """Read `/models`: the entry named `model`, else the first. Raises ModelError('model_error').

    `abilities` are those that were given; one that is None is looked for in the entry.
    """
    entries = data.get("data") if isinstance(data, Mapping) else None
    listed = [entry for entry in entries if isinstance(entry, Mapping)] if isinstance(entries, list) else []
    found = next((entry for entry in listed if model in (None, entry.get("id"))), None)
    if found is None and model is None:
        raise ModelError("model_error", f"{base_url}/models lists no model")
    if found is None and listed:
        names = [str(entry.get("id"))[:100] for entry in listed[:10]]
        raise ModelError("model_error", f"{base_url} has no model {model!r}; it has {names}")
    entry = found or {}
    window = context_window or _count(entry.get("max_model_len")) or UNKNOWN_WINDOW
    details = {"base_url": base_url, "window_known": bool(context_window or entry.get("max_model_len"))}
    details |= {name: can for name, can in abilities.items() if can is not None}
    if abilities["images"] is None and _takes_images(entry):
        details["images"] = True
    return ModelInfo(
        str(entry.get("id", model)), revision or _revision(entry), "openai_chat", window, details
    )


def _revision(entry: Mapping[str, Any]) -> str:
    """What tells two models of one name apart: the weights' place. `created` is the time of the start for
    some servers, so it counts only where there is nothing else."""
    facts = {name: entry[name] for name in ("root", "revision", "parent", "meta") if entry.get(name)}
    facts = facts or {"created": entry.get("created")}
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:12]


def _takes_images(entry: Mapping[str, Any]) -> bool:
    """Whether a server lists pictures among what its model reads: each has its own field for that."""
    architecture, capabilities = entry.get("architecture"), entry.get("capabilities")
    listed = architecture.get("input_modalities") if isinstance(architecture, Mapping) else None
    listed = listed or entry.get("input_modalities") or capabilities
    if isinstance(listed, Mapping):
        return listed.get("vision") is True
    return isinstance(listed, list) and any(word in listed for word in ("image", "vision", "multimodal"))


def _choice(choice: Mapping[str, Any]) -> Choice:
    message = choice["message"]
    content, reasoning = message.get("content"), message.get("reasoning_content") or message.get("reasoning")
    if isinstance(content, list):
        content = "".join(part.get("text") or "" for part in content)
    if not isinstance(content, str | None) or not isinstance(reasoning, str | None):
        raise TypeError(f"content is {type(content).__name__}, reasoning is {type(reasoning).__name__}")
    if content is not None:
        content, inline = _split_thinking(content)
        reasoning = "\n".join(filter(None, (reasoning, inline)))
    finish = choice.get("finish_reason")
    calls = message.get("tool_calls") or ()
    if not isinstance(calls, list | tuple):
        raise TypeError(f"tool_calls is {type(calls).__name__}")
    return Choice(
        content,
        finish if isinstance(finish, str) else "stop",
        reasoning or None,
        tuple(calls),
        tuple(_logprob(token) for token in (choice.get("logprobs") or {}).get("content") or ()),
    )


def with_misplaced_answer(choice: Choice, *, schema: bool, tools: bool) -> Choice:
    """Take an answer out of the reasoning, where it was put although the model was told not to think.

    A reasoning parser that waits for `</think>` (vLLM's deepseek_r1) takes all of such an answer for a thought.
    Only what cannot be one is taken: the whole object of a schema, or a call.
    """
    if choice.content or choice.tool_calls or choice.reasoning is None or choice.finish_reason == "length":
        return choice
    if (schema and _is_object(choice.reasoning)) or (tools and "<tool_call>" in choice.reasoning):
        return replace(choice, content=choice.reasoning, reasoning=None)
    return choice


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _split_thinking(content: str) -> tuple[str | None, str | None]:
    """Split a leading train of thought off; one that never ends leaves no content. Later marks are quoted text.

    Some chat templates open it in the prompt, so that only its end is written. JSON never begins with a thought.
    """
    text = content.lstrip()
    opened = text.startswith("<think>")
    if not opened and ("</think>" not in text or text[:1] in ("{", "[")):
        return content, None
    thought, closed, rest = text.removeprefix("<think>").partition("</think>")
    return (rest.lstrip() or None) if closed else None, thought.strip() or None


def _logprob(token: Mapping[str, Any]) -> TokenLogprob:
    others = (token.get("top_logprobs") or ())[:MAX_TOP_LOGPROBS]
    top = tuple((str(other["token"]), read_logprob(other["logprob"])) for other in others)
    return TokenLogprob(str(token["token"]), read_logprob(token["logprob"]), top)


def read_logprob(value: object) -> float:
    """A log-probability as a finite number up to 0. Raises ValueError for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value or value > 1e-3:
        raise ValueError(f"{value!r} is no log-probability")
    return min(0.0, max(LEAST_LOGPROB, float(value)))


def _usage(data: object) -> TokenUsage:
    if not isinstance(data, Mapping):
        return TokenUsage()
    prompt, completion = data.get("prompt_tokens_details"), data.get("completion_tokens_details")
    return TokenUsage(
        prompt=_count(data.get("prompt_tokens")),
        cached=_count(prompt.get("cached_tokens")) if isinstance(prompt, Mapping) else 0,
        completion=_count(data.get("completion_tokens")),
        reasoning=_count(completion.get("reasoning_tokens")) if isinstance(completion, Mapping) else 0,
    )


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _strict(tool: Mapping[str, Any]) -> dict[str, Any]:
    """Ask for strict arguments: without it vLLM does not hold them to their schema."""
    function = tool.get("function", tool)
    return {"type": "function", "function": {"strict": True, **function}}


def _sendable(text: str) -> str:
    """Replace lone surrogates, which no UTF-8 body can carry."""
    return text.encode("utf-8", "replace").decode()
