"""Finished calls as plain JSON, and back: what the journal holds must give the same values again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from judge_agent.errors import FAILURE_KINDS, FailureKind, JudgeError, ModelError, SandboxError, ToolError
from judge_agent.seams.model import Choice, Completion, TokenLogprob, TokenUsage
from judge_agent.seams.tool import Finding, ToolResult

Json = Mapping[str, Any]


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
    """The tokens that a finished call cost, failed or not."""
    holder = result.get("value") or result.get("error") or {}
    return TokenUsage(**holder["usage"]) if holder.get("usage") else TokenUsage()


def completion_of(value: Json) -> Completion:
    return Completion(
        tuple(_choice(choice) for choice in value["choices"]),
        TokenUsage(**value["usage"]),
        value["model"],
        value["seconds"],
        value["attempts"],
    )


def tool_result_of(value: Json) -> ToolResult:
    findings = tuple(Finding(**finding) for finding in value["findings"])
    return ToolResult(**{**value, "findings": findings})


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
