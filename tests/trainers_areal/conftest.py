"""What AReaL's workflows need for its tests; where AReaL is not installed, nothing here is collected."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import Any

import pytest

if importlib.util.find_spec("areal") is None:
    collect_ignore_glob = ["test_*"]


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    """One token a byte, and the marks of ChatML."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    raw = Tokenizer(models.BPE(vocab={letter: at for at, letter in enumerate(letters)}, merges=[]))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    found = PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    found.chat_template = (
        "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
        "{% if add_generation_prompt %}assistant: {% endif %}"
    )
    return found


@pytest.fixture(scope="session", autouse=True)
def closed_pools() -> Iterator[None]:
    """AReaL keeps its process pools to the end; the tests do not leave them behind."""
    yield
    from areal.api import AsyncRewardWrapper

    AsyncRewardWrapper._atexit_shutdown_all()
