"""Finished calls as plain JSON, and back: what the journal holds must give the same values again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from judge_agent.errors import FAILURE_KINDS, FailureKind, JudgeError, ModelError, SandboxError, ToolError
from judge_agent.model_calls import BYTES_PER_TOKEN
from judge_agent.readouts.choice_shares import at_values
from judge_agent.seams.model import Choice, Completion, TokenLogprob, TokenUsage
from judge_agent.seams.tool import Aside, Finding, ResultImage, ToolResult

Json = Mapping[str, Any]
# Failures of a call that a server may have worked on.
_MAY_HAVE_COST = ("model_timeout", "model_unparseable")


def error_record(error: Exception) -> dict[str, Any]:
    usage = getattr(error, "usage", None)
    return {
        "type": type(error).__name__ if isinstance(error, JudgeError) else "ValueError",
        "failure_kind": error.failure_kind if isinstance(error, JudgeError) else "internal",
        "message": str(error)[:2000],
        "usage": asdict(usage) if isinstance(usage, TokenUsage) else None,
    }


def value_of(result: Json) -> Json:
    """The value of a finished call; raises the error that it ended with."""
    if "error" not in result:
        value: Json = result["value"]
        return value
    record = result["error"]
    kind: FailureKind = record["failure_kind"] if record["failure_kind"] in FAILURE_KINDS else "internal"
    if record["type"] == "ValueError":
        raise ValueError(record["message"])
    if record["type"] == "SandboxError":
        raise SandboxError(record["message"])
    if record["type"] == "ModelError":
        raise ModelError(kind, record["message"])
    raise ToolError(record["message"])


def usage_of(result: Json) -> TokenUsage:
    """The tokens that a finished call cost, failed or not; an estimate where the server told none."""
    holder = result.get("estimate") or (result.get("value") or result.get("error") or {}).get("usage")
    return TokenUsage(**holder) if holder else TokenUsage()


def tokens_of(result: Json) -> int:
    """What a finished call takes from the budget."""
    usage = usage_of(result)
    return usage.prompt + usage.completion


def estimated(result: Json, prompt_tokens: int) -> dict[str, Any]:
    """The result with an estimate of its tokens where the server told none; what it told stays as it is.

    A prompt of no tokens is an untold one, and so is an answer that has text. Of a call that failed the prompt may
    have been read, where an answer was waited for or came.
    """
    usage, error = usage_of(result), result.get("error")
    if error is not None and error["failure_kind"] not in _MAY_HAVE_COST:
        return dict(result)
    completion = usage.completion or _answer_tokens(result.get("value") or {})
    if usage.prompt and completion == usage.completion:
        return dict(result)
    filled = replace(usage, prompt=usage.prompt or prompt_tokens, completion=completion)
    return {**result, "estimate": asdict(filled)}


def _answer_tokens(value: Json) -> int:
    """About how many tokens an answer has, from its text."""
    size = 0
    for choice in value.get("choices", ()):
        texts = (choice.get("reasoning"), choice.get("content"))
        size += sum(len(text.encode("utf-8", "surrogatepass")) for text in texts if text)
        if choice.get("tool_calls"):
            size += len(json.dumps(choice["tool_calls"], default=str))
    return -(-size // BYTES_PER_TOKEN)


def completion_record(completion: Completion) -> dict[str, Any]:
    """A completion as plain data; by hand, for `dataclasses.asdict` copies each leaf at ten times the cost."""
    choices = [
        {**vars(choice), "logprobs": [vars(token) for token in choice.logprobs]}
        for choice in completion.choices
    ]
    return {**vars(completion), "choices": choices, "usage": {**vars(completion.usage)}}


def only_values(completion: Completion, key: str) -> Completion:
    """The completion with the log-probabilities of the tokens alone of the values of `key` in its JSON."""
    choices = (replace(choice, logprobs=at_values(choice.logprobs, key)) for choice in completion.choices)
    return replace(completion, choices=tuple(choices))


def completion_of(value: Json) -> Completion:
    return Completion(
        tuple(_choice(choice) for choice in value["choices"]),
        TokenUsage(**value["usage"]),
        value["model"],
        value["seconds"],
        value["attempts"],
        value.get("fingerprint"),
    )


def tool_result_of(value: Json) -> ToolResult:
    findings = tuple(Finding(**finding) for finding in value["findings"])
    asides = tuple(
        Aside(**{**aside, "finding": Finding(**aside["finding"])}) for aside in value.get("asides", ())
    )
    images = tuple(ResultImage(**image) for image in value.get("images", ()))
    return ToolResult(**{**value, "findings": findings, "asides": asides, "images": images})


def is_partial(value: Json) -> bool:
    """Whether an answer was cut off by the time that was left to the judgment which asked."""
    return any(choice.get("finish_reason") == "deadline" for choice in value.get("choices", ()))


def _choice(value: Json) -> Choice:
    lists = {"tool_calls": tuple(value["tool_calls"]), "logprobs": _logprobs(value.get("logprobs", ()))}
    return Choice(**{**value, **lists})


def _logprobs(values: Sequence[Json]) -> tuple[TokenLogprob, ...]:
    return tuple(
        TokenLogprob(value["token"], value["logprob"], tuple((token, share) for token, share in value["top"]))
        for value in values
    )
