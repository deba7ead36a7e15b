"""Reads answers of OpenAI-compatible servers, and trusts neither their shape nor their types."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from judge_agent.errors import ModelError
from judge_agent.readouts.answer import closes_unopened
from judge_agent.seams.endings import ending, is_whole
from judge_agent.seams.model import Choice, Completion, TokenLogprob, TokenUsage

LEAST_LOGPROB = -9999.0
MAX_TOP_LOGPROBS = 100
MAX_NAME_CHARS = 200


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
    mark = data.get("system_fingerprint")
    return Completion(
        read,
        usage,
        name[:MAX_NAME_CHARS] if isinstance(name, str) and name else model,
        seconds,
        attempts,
        mark[:MAX_NAME_CHARS] if isinstance(mark, str) and mark else None,
    )


def with_misplaced_answer(choice: Choice, *, schema: bool, tools: bool) -> Choice:
    """Take an answer out of the reasoning, where it was put although the model was told not to think.

    A reasoning parser that waits for `</think>` (vLLM's deepseek_r1) takes all of such an answer for a thought.
    Only what cannot be one is taken: the whole object of a schema, or a call.
    """
    if choice.content or choice.tool_calls or choice.reasoning is None or not is_whole(choice.finish_reason):
        return choice
    if (schema and _is_object(choice.reasoning)) or (tools and "<tool_call>" in choice.reasoning):
        return replace(choice, content=choice.reasoning, reasoning=None)
    return choice


def read_logprob(value: object) -> float:
    """A log-probability as a finite number up to 0. Raises ValueError for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value or value > 1e-3:
        raise ValueError(f"{value!r} is no log-probability")
    return min(0.0, max(LEAST_LOGPROB, float(value)))


def read_count(value: object) -> int:
    """A count of tokens; what is none counts as 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _choice(choice: Mapping[str, Any]) -> Choice:
    message = choice["message"]
    content, reasoning = message.get("content"), message.get("reasoning_content") or message.get("reasoning")
    if isinstance(content, list):
        content = "".join(part.get("text") or "" for part in content)
    if not isinstance(content, str | None) or not isinstance(reasoning, str | None):
        raise TypeError(f"content is {type(content).__name__}, reasoning is {type(reasoning).__name__}")
    if content is not None and not (reasoning and closes_unopened(content)):
        content, inline = _split_thinking(content)
        reasoning = "\n".join(filter(None, (reasoning, inline)))
    calls = message.get("tool_calls") or ()
    if not isinstance(calls, list | tuple):
        raise TypeError(f"tool_calls is {type(calls).__name__}")
    return Choice(
        content,
        ending(choice.get("finish_reason")),
        reasoning or None,
        tuple(calls),
        tuple(_logprob(token) for token in (choice.get("logprobs") or {}).get("content") or ()),
    )


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _split_thinking(content: str) -> tuple[str | None, str | None]:
    """Split a leading train of thought off; one that never ends leaves no content.

    Some chat templates open it in the prompt, so that only its end is written. JSON never begins with a thought.
    Where it ends twice nothing is split: which end is the right one is not known, and what reads the answer says so.
    """
    text = content.lstrip()
    opened = text.startswith("<think>")
    ended = "</think>" in text and text[:1] not in ("{", "[")
    if not opened and not (ended and (text.startswith("</think>") or closes_unopened(text))):
        return content, None
    thought, closed, rest = text.removeprefix("<think>").partition("</think>")
    if closes_unopened(rest):
        return content, None
    return (rest.lstrip() or None) if closed else None, thought.strip() or None


def _logprob(token: Mapping[str, Any]) -> TokenLogprob:
    others = (token.get("top_logprobs") or ())[:MAX_TOP_LOGPROBS]
    top = tuple((str(other["token"]), read_logprob(other["logprob"])) for other in others)
    return TokenLogprob(str(token["token"]), read_logprob(token["logprob"]), top)


def _usage(data: object) -> TokenUsage:
    if not isinstance(data, Mapping):
        return TokenUsage()
    prompt, completion = data.get("prompt_tokens_details"), data.get("completion_tokens_details")
    return TokenUsage(
        prompt=read_count(data.get("prompt_tokens")),
        cached=read_count(prompt.get("cached_tokens")) if isinstance(prompt, Mapping) else 0,
        completion=read_count(data.get("completion_tokens")),
        reasoning=read_count(completion.get("reasoning_tokens")) if isinstance(completion, Mapping) else 0,
    )
