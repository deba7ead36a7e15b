"""Says which of vLLM's parsers read a model's thoughts and tool calls.

Read from the model's folder where it is at hand (given, or in the hub's cache): a parser must fit what the chat
template teaches, and vLLM does not start with a reasoning parser whose think tokens the vocabulary lacks. A model
that is still on the hub is known by its id alone. What is wrong here is set right by `--reasoning-parser` and
`--tool-call-parser` among the extra arguments.
Sources: https://docs.vllm.ai/en/v0.32.0/features/reasoning_outputs.html and .../tool_calling.html.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAX_FILE_BYTES = 64_000_000


@dataclass(frozen=True)
class ModelFamily:
    """Names of vLLM's parsers. Without a reasoning parser thoughts stay in the answer's text."""

    reasoning_parser: str | None
    tool_parser: str


GENERIC = ModelFamily(None, "hermes")
GPT_OSS = ModelFamily("openai_gptoss", "openai")
DEEPSEEK_R1 = ModelFamily("deepseek_r1", "hermes")
QWEN3 = ModelFamily("qwen3", "hermes")
LLAMA3 = ModelFamily(None, "llama3_json")
LLAMA4 = ModelFamily(None, "llama4_pythonic")
MISTRAL = ModelFamily(None, "mistral")
# The first pattern that is found in the id, in lower case, decides: names of distilled models hold two families.
_BY_ID: tuple[tuple[str, ModelFamily], ...] = (
    (r"deepseek-r1|r1-distill|r1-deepseek|\bqwq\b", DEEPSEEK_R1),
    (r"gpt-oss", GPT_OSS),
    (r"qwen3-coder", ModelFamily(None, "qwen3_coder")),
    (r"qwen3\.[5-9]", ModelFamily("qwen3", "qwen3_coder")),
    (r"qwen3.*(instruct|base)", GENERIC),
    (r"qwen3", QWEN3),
    (r"hermes|qwen", GENERIC),
    (r"llama-?4", LLAMA4),
    (r"llama-?3", LLAMA3),
    (r"mistral|ministral|magistral", MISTRAL),
)
# What a chat template shows of its tool calls.
_BY_MARK: tuple[tuple[str, str], ...] = (
    ("<function=", "qwen3_coder"),
    ("<tool_call>", "hermes"),
    ("[TOOL_CALLS]", "mistral"),
    ("<|python_tag|>", "llama3_json"),
    ("ipython", "llama3_json"),
)
_THINK = frozenset(("<think>", "</think>"))


def model_family(model: str, folder: Path | None = None) -> ModelFamily:
    """Return the parsers for a model whose files lie in `folder`, else for what its id says."""
    if folder is None or not (folder / "config.json").is_file():
        return family_of_id(model)
    kind = str(_read_json(folder / "config.json").get("model_type", "")).lower()
    if kind == "gpt_oss":
        return GPT_OSS
    template = _chat_template(folder)
    return ModelFamily(_reasoning_parser(kind, template, folder), _tool_parser(kind, template))


def takes_images(folder: Path | None) -> bool | None:
    """Whether the model in `folder` sees pictures; None where its files are not known."""
    if folder is None or not (folder / "config.json").is_file():
        return None
    return "vision_config" in _read_json(folder / "config.json")


def family_of_id(model: str) -> ModelFamily:
    """Return the parsers that a hub id such as `Qwen/Qwen3-8B` says; GENERIC for one that says nothing."""
    name = model.lower()
    return next((family for pattern, family in _BY_ID if re.search(pattern, name)), GENERIC)


def _reasoning_parser(kind: str, template: str, folder: Path) -> str | None:
    """A parser only where the template thinks and the vocabulary has the tokens: with one, text in which no
    thought is closed is all thought and no answer."""
    if "think>" not in template or not _added_tokens(folder).issuperset(_THINK):
        return None
    return "qwen3" if kind.startswith("qwen3") else "deepseek_r1"


def _tool_parser(kind: str, template: str) -> str:
    if kind.startswith("llama4"):
        return "llama4_pythonic"
    return next((parser for mark, parser in _BY_MARK if mark in template), "hermes")


def _chat_template(folder: Path) -> str:
    path = folder / "chat_template.jinja"
    if path.is_file():
        return _read_text(path)
    template = _read_json(folder / "tokenizer_config.json").get("chat_template") or ""
    if isinstance(template, list):
        return "\n".join(str(entry.get("template", "")) for entry in template if isinstance(entry, Mapping))
    return str(template)


def _added_tokens(folder: Path) -> frozenset[str]:
    """The tokens beside the learned vocabulary: think tokens are among them wherever they are tokens at all."""
    listed = _read_json(folder / "tokenizer_config.json").get("added_tokens_decoder")
    entries = list(listed.values()) if isinstance(listed, Mapping) else []
    if not entries:
        found = _read_json(folder / "tokenizer.json").get("added_tokens")
        entries = found if isinstance(found, list) else []
    return frozenset(str(entry.get("content")) for entry in entries if isinstance(entry, Mapping))


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        value = json.loads(_read_text(path))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no JSON: {error}") from error
    return value if isinstance(value, dict) else {}


def _read_text(path: Path) -> str:
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise ValueError(f"{path} has {size} bytes; at most {MAX_FILE_BYTES} are read")
    return path.read_text("utf-8", "replace")
