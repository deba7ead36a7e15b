"""How an answer ended: the words of many servers, brought to one each.

Sources: the API references of OpenAI and Azure, vLLM, SGLang, llama.cpp, Ollama, TGI, LM Studio, Mistral,
DeepSeek, Together, Cohere, GLM, watsonx, Gemini and Anthropic (whose words gateways pass on). Case, hyphens and
underscores differ between them and count for nothing. A word that is not here is no normal end: a cut answer that
is read as a whole one gives a wrong verdict, a whole one that is refused gives none.
"""

from __future__ import annotations

import re

UNSAID = "unsaid"
_NO_LETTER = re.compile(r"[^a-z]")
_WORDS: dict[str, tuple[str, ...]] = {
    "stop": (
        "end",
        "eos",
        "eos_token",
        "eos_found",
        "stop_sequence",
        "stop_string_found",
        "end_turn",
        "complete",
        "completed",
    ),
    "tool_calls": ("tool_call", "tool_use", "function_call"),
    "length": (
        "max_tokens",
        "max_output_tokens",
        "max_predicted_tokens_reached",
        "model_length",
        "model_context_window_exceeded",
        "context_length_reached",
        "token_limit",
    ),
    "deadline": (),
    "content_filter": (
        "content_filtered",
        "safety",
        "recitation",
        "prohibited_content",
        "sensitive",
        "refusal",
    ),
    "abort": ("aborted", "cancelled", "canceled"),
    "error": ("network_error", "insufficient_system_resource", "time_limit", "timeout"),
}


def _bare(word: str) -> str:
    return _NO_LETTER.sub("", word.lower())


_CANONICAL = {_bare(word): name for name, words in _WORDS.items() for word in (name, *words)}


def ending(finish_reason: object) -> str:
    """Return `stop`, `tool_calls`, `length`, `deadline`, `content_filter`, `abort` or `error`; a word that means none
    of them as it is, `unsaid` for no word."""
    if not isinstance(finish_reason, str) or not finish_reason.strip():
        return UNSAID
    return _CANONICAL.get(_bare(finish_reason), finish_reason.strip()[:100])


def is_whole(finish_reason: str) -> bool:
    """Whether an answer ended because the model had said all of it."""
    return ending(finish_reason) in ("stop", "tool_calls")
