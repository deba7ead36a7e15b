"""Orders passages by meaning: the seam, and a sentence encoder whose weights a package carries.

Does not know how good an order is: a re-ranker only sees passages that share a word with the query.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Reranker(Protocol):
    """Scores texts for a query, higher is nearer; equal input gives equal scores."""

    @property
    def name(self) -> str:
        """With the version of its weights: part of the key of every result."""
        ...

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """One score for each text. Blocking."""
        ...
