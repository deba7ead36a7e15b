"""What was asked and answered, for traces that may hold it (OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT).

Secrets of known shapes are taken out, as from the log, and texts are cut where a collector would refuse the span.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from judge_agent.log.secret_patterns import SecretFilter
from judge_agent.seams.storage import AuditEvent

MAX_CHARS = 16_000


def call_contents(event: AuditEvent, clean: SecretFilter) -> dict[str, str]:
    """The attributes of a call that hold its contents. `clean` remembers what the prompts of a judgment repeat."""
    contents = event.contents
    answer = contents.get("answer") or {}
    if event.type == "tool.call":
        return {
            "gen_ai.tool.call.arguments": _written(contents.get("arguments"), clean),
            "gen_ai.tool.call.result": _written(answer, clean),
        }
    messages = [
        {"role": one.get("role"), "parts": [{"type": "text", "content": one.get("content")}]}
        for one in contents.get("messages") or ()
    ]
    answers = [
        {
            "role": "assistant",
            "parts": [
                *([{"type": "reasoning", "content": one["reasoning"]}] if one.get("reasoning") else []),
                {"type": "text", "content": one.get("content")},
            ],
            "finish_reason": one.get("finish_reason"),
        }
        for one in answer.get("choices") or ()
    ]
    return {
        "gen_ai.input.messages": _written(messages, clean),
        "gen_ai.output.messages": _written(answers, clean),
    }


def explanation(candidate: Mapping[str, Any], dimension: str, clean: SecretFilter) -> str:
    """Why a dimension of a candidate is scored as it is: the reasons of its principles."""
    reasons = [
        f"{one['name']}: {one['reason']}"
        for one in candidate.get("principles") or ()
        if one.get("dimension") == dimension and one.get("reason")
    ]
    return _cut(str(clean("\n".join(reasons))))


def _written(value: Any, clean: SecretFilter) -> str:
    return _cut(json.dumps(clean(value), ensure_ascii=False, default=str))


def _cut(text: str) -> str:
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= MAX_CHARS else f"{text[:MAX_CHARS]} ... ({len(text)} characters)"
