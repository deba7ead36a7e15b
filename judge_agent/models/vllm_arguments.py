"""Says how `vllm serve` is started for a model: pure, so that every argument can be asserted.

Flags as vLLM 0.32 has them (https://docs.vllm.ai/en/v0.32.0/cli/serve.html). The key is not among them: a command
line can be read by every user of the machine, so it goes by the environment (VLLM_API_KEY).
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from judge_agent.models.vllm_family import ModelFamily
from judge_agent.models.vllm_refusals import TOKENIZER, TOKENIZER_REVISION, check_extra, has

HOST = "127.0.0.1"
# xgrammar is what our schemas are tried with; without `disable_any_whitespace` small models write blanks
# between two fields until the answer is cut off.
_STRUCTURED = {"backend": "xgrammar", "disable_any_whitespace": True}


def vllm_arguments(
    model: str,
    family: ModelFamily,
    *,
    port: int,
    served_name: str,
    revision: str | None = None,
    max_model_len: int | None = None,
    on_cpu: bool = False,
    extra: Sequence[str] = (),
) -> list[str]:
    """Return the arguments after `vllm`; `model` is a folder or a hub id, `max_model_len` in tokens.

    `on_cpu` is for the CPU build. `revision` pins weights and tokenizer of a hub id; a tokenizer of another place that
    `extra` names is pinned by `--tokenizer-revision` beside it. `extra` comes last, where it wins over what stands
    before it.
    Raises ValueError for what `extra` must not set, and for a model that reads as an option.
    """
    if not model or model.startswith("-"):
        raise ValueError(f"the model is {model!r}; it must be a folder or a hub id such as org/name")
    check_extra(extra)
    arguments = ["serve", model, "--host", HOST, "--port", str(port), "--served-model-name", served_name]
    if revision is not None:
        arguments += ["--revision", revision, TOKENIZER_REVISION, _tokenizer_revision(revision, extra)]
    if max_model_len is not None:
        arguments += ["--max-model-len", str(max_model_len)]
    arguments += [
        # One judgment asks many times about one task: its prompt is computed once and counted as cached.
        "--enable-prefix-caching",
        "--enable-prompt-tokens-details",
        "--structured-outputs-config",
        json.dumps(_STRUCTURED),
        "--enable-auto-tool-choice",
        "--tool-call-parser",
        family.tool_parser,
        # The request alone says how to sample; a folder's own defaults (top_p, top_k) would be unseen by the record.
        "--generation-config",
        "vllm",
        "--disable-fastapi-docs",
        "--disable-uvicorn-access-log",
    ]
    if on_cpu:
        # The CPU build dies of a sampled, seeded request whose prompt is computed in pieces: its random
        # generator cannot be wound back ("CPU Generator does not use offset").
        arguments += ["--no-enable-chunked-prefill"]
    if family.reasoning_parser is not None:
        arguments += ["--reasoning-parser", family.reasoning_parser]
    return [*arguments, *extra]


def _tokenizer_revision(revision: str, extra: Sequence[str]) -> str:
    """The model's revision for its own tokenizer; that of another place has no such commit.

    It must be said all the same: without it vLLM looks for the model's revision there.
    """
    return "main" if has(extra, TOKENIZER) else revision
