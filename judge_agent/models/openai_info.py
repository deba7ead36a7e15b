"""Reads what an OpenAI-compatible server lists at `/models`: which model it is, its window, what it takes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from judge_agent.errors import ModelError
from judge_agent.models.openai_reading import read_count
from judge_agent.seams.model import ModelInfo

# What is assumed where neither the server nor a setting tells the window.
UNKNOWN_WINDOW = 8192
# vLLM and SGLang; Groq; Together and OpenRouter; Mistral and LM Studio. llama.cpp and Ollama list none: the
# `n_ctx_train` of llama.cpp is what the model was trained for, not what is served.
_WINDOWS = ("max_model_len", "context_window", "context_length", "max_context_length")
# Servers that name themselves so, and tell an answer's log-probabilities beside its schema.
_TELL_LOGPROBS = ("vllm", "sglang")


def read_info(
    data: object,
    *,
    model: str | None,
    revision: str | None,
    context_window: int | None,
    base_url: str,
    abilities: Mapping[str, bool | None],
    tells_the_time: bool = False,
) -> ModelInfo:
    """Read `/models`: the entry named `model`, else the first. Raises ModelError('model_error').

    `abilities` are those that were given; one that is None is looked for in the entry. `tells_the_time`: the server's
    `created` is the time of the question, and says nothing of the model.
    """
    listed = _listed(data)
    found = _named(listed, model)
    if found is None and model is None:
        raise ModelError("model_error", f"{base_url}/models lists no model")
    if found is None and listed:
        names = [str(entry.get("id"))[:100] for entry in listed[:10]]
        raise ModelError("model_error", f"{base_url} has no model {model!r}; it has {names}")
    entry = found or {}
    listed_windows = [size for name in _WINDOWS if (size := read_count(entry.get(name)))]
    window = context_window or (min(listed_windows) if listed_windows else None)
    details = {"base_url": base_url, "window_known": window is not None}
    details |= {name: can for name, can in abilities.items() if can is not None}
    if abilities.get("images") is None and _takes_images(entry):
        details["images"] = True
    if abilities.get("logprobs") is None and entry.get("owned_by") in _TELL_LOGPROBS:
        details["logprobs"] = True
    return ModelInfo(
        str(entry.get("id", model)),
        revision or _revision(entry, tells_the_time=tells_the_time),
        "openai_chat",
        window or UNKNOWN_WINDOW,
        details,
    )


def created_alone(data: object, model: str | None) -> float | None:
    """The `created` of the entry (Unix seconds) where nothing else tells its weights from others; else None."""
    entry = _named(_listed(data), model) or {}
    created = entry.get("created")
    if not isinstance(created, (int, float)) or isinstance(created, bool) or _of_weights(entry):
        return None
    return created


def _listed(data: object) -> list[Mapping[str, Any]]:
    entries = data.get("data") if isinstance(data, Mapping) else None
    return [entry for entry in entries if isinstance(entry, Mapping)] if isinstance(entries, list) else []


def _named(listed: list[Mapping[str, Any]], model: str | None) -> Mapping[str, Any] | None:
    return next((entry for entry in listed if model in (None, entry.get("id"))), None)


def _of_weights(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: entry[name] for name in ("root", "revision", "parent", "meta") if entry.get(name)}


def _revision(entry: Mapping[str, Any], *, tells_the_time: bool) -> str:
    """What tells two models of one name apart: the weights' place. `created` is the time of the start for
    some servers, so it counts only where there is nothing else; and not where it is the time of the question."""
    facts = _of_weights(entry)
    if not facts and not tells_the_time:
        facts = {"created": entry.get("created")}
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:12]


def _takes_images(entry: Mapping[str, Any]) -> bool:
    """Whether a server lists pictures among what its model reads: each has its own field for that."""
    architecture, capabilities = entry.get("architecture"), entry.get("capabilities")
    listed = architecture.get("input_modalities") if isinstance(architecture, Mapping) else None
    listed = listed or entry.get("input_modalities") or capabilities
    if isinstance(listed, Mapping):
        return listed.get("vision") is True
    return isinstance(listed, list) and any(word in listed for word in ("image", "vision", "multimodal"))
