"""OpenRLHF's own executor without what it needs a GPU for: a tokenizer of characters, and an engine that says a text.

`openrlhf.utils` imports deepspeed when it is imported; the module of the executor itself does not.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from functools import lru_cache
from pathlib import Path
from typing import Any

END = "<|im_end|>"


@lru_cache
def executor_type() -> Any:
    """The real `SingleTurnAgentExecutor`, its package's own start left out."""
    spec = importlib.util.find_spec("openrlhf")
    assert spec is not None
    root = Path(next(iter(spec.submodule_search_locations or ())))
    for name, folder in (("openrlhf", root), ("openrlhf.utils", root / "utils")):
        module = types.ModuleType(name)
        module.__path__ = [str(folder)]
        sys.modules[name] = module
    return importlib.import_module("openrlhf.utils.agent").SingleTurnAgentExecutor


class _Row(list[int]):
    def tolist(self) -> list[int]:
        return list(self)


class Characters:
    """A tokenizer whose tokens are characters."""

    def __call__(self, text: str, **_: Any) -> dict[str, list[_Row]]:
        return {"input_ids": [_Row(map(ord, text))]}

    def decode(self, tokens: list[int], **_: Any) -> str:
        return "".join(map(chr, tokens))


class Says:
    """An engine that writes one text, and the mark that ends a turn."""

    def __init__(self, text: str) -> None:
        self.text = text

    async def generate(self, tokens: list[int], params: Any, **_: Any) -> Any:
        written = [*map(ord, self.text + END)]
        output = types.SimpleNamespace(token_ids=written, finish_reason="stop", logprobs=None)
        return types.SimpleNamespace(outputs=[output])


async def rollout(executor: Any, prompt: str, label: Any, response: str) -> dict[str, Any]:
    """One rollout as the trainer runs it: the reward is in it where the client got one."""
    params = types.SimpleNamespace(max_tokens=4_000_000, logprobs=None)
    length = params.max_tokens + len(prompt)
    found: dict[str, Any] = await executor.execute(
        prompt, label, params, length, Characters(), Says(response)
    )
    return found
