"""Says how `vllm serve` is started for a model: pure, so that every argument can be asserted.

Flags as vLLM 0.32 has them (https://docs.vllm.ai/en/v0.32.0/cli/serve.html). The key is not among them: a command
line can be read by every user of the machine, so it goes by the environment (VLLM_API_KEY).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from judge_agent.models.vllm_family import ModelFamily

HOST = "127.0.0.1"
# What the supervisor decides itself, and what would run code that came with a model or show the key.
REFUSED = {
    "--trust-remote-code": "code that comes with a model is not run",
    "--api-key": "the key is random and goes by the environment",
    "--config": "a file could set what is refused here",
    "--host": "the server listens on 127.0.0.1",
    "--port": "a free port is chosen",
    "--uds": "the server is reached on a port of 127.0.0.1",
    "--model": "the model is given by its own setting",
    "--served-model-name": "the name is given by its own setting",
    "--revision": "the revision is given by its own setting",
    "--tokenizer-revision": "the revision is given by its own setting",
}
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

    `on_cpu` is for the CPU build. `revision` pins weights and tokenizer of a hub id. `extra` comes last, where it
    wins over what stands before it.
    Raises ValueError for what `extra` must not set, and for a model that reads as an option.
    """
    if not model or model.startswith("-"):
        raise ValueError(f"the model is {model!r}; it must be a folder or a hub id such as org/name")
    check_extra(extra)
    arguments = ["serve", model, "--host", HOST, "--port", str(port), "--served-model-name", served_name]
    if revision is not None:
        arguments += ["--revision", revision, "--tokenizer-revision", revision]
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


def check_extra(extra: Sequence[str]) -> None:
    """Raise ValueError for what must not be set, in each form that vLLM reads: `--a-b`, `--a_b`, `--a-b=c`,
    `--a-b.c` and shortened ones."""
    for argument in extra:
        name = re.split("[=.]", argument)[0].replace("_", "-")
        if not name.startswith("--") or name in ("--", "--tokenizer"):
            continue
        for refused, reason in REFUSED.items():
            if refused.startswith(name):
                raise ValueError(f"{name!r} cannot be given: {reason}")
