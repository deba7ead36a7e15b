"""Keeps what the model computed for the chunks of earlier prompts, least recently used out first.

A chunk is named by the hash of everything up to its end, so a hit is exactly what would be computed again.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor

Part = tuple[Tensor, Tensor]


def chunk_names(tokens: Sequence[int], chunk_tokens: int) -> list[bytes]:
    """Names of the whole chunks of a prompt; its last token stays out, for it must be read in any case."""
    digest, names = hashlib.sha256(), []
    for start in range(0, len(tokens) - chunk_tokens, chunk_tokens):
        digest.update(array("i", tokens[start : start + chunk_tokens]).tobytes())
        names.append(digest.digest())
    return names


class PrefixCache:
    """Chunks of `chunk_tokens` each, `max_tokens` in all. Used by one thread."""

    def __init__(self, chunk_tokens: int, max_tokens: int) -> None:
        self._chunks: OrderedDict[bytes, Part] = OrderedDict()
        self._most = max_tokens // chunk_tokens

    def get(self, name: bytes) -> Part | None:
        return self._chunks.get(name)

    def put(self, name: bytes, part: Part) -> None:
        if self._most:
            self._chunks[name] = part
        while len(self._chunks) > self._most:
            self._chunks.popitem(last=False)

    def used(self, names: Sequence[bytes]) -> None:
        """Mark a prompt's chunks as used, its beginning last: an end without its beginning is never found."""
        for name in reversed(names):
            if name in self._chunks:
                self._chunks.move_to_end(name)

    def clear(self) -> None:
        self._chunks.clear()
