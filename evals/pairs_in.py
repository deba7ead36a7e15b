"""The pairs of a set as judgments are asked for: a request's body, and which candidate is the better one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evals.loaders import SUITES
from evals.loaders.item import Better


@dataclass(frozen=True)
class Pair:
    """`chosen` is the id of the better candidate; it is in no request."""

    id: str
    chosen: str
    body: Mapping[str, Any] = field(repr=False)

    def request(self, recipe: str, seconds: float) -> dict[str, Any]:
        """The body of `POST /v1/judgments`; `seconds` is its budget."""
        budget = {"seconds": seconds, "model_tokens": 10_000_000}
        return {**self.body, "recipe": recipe, "budget": budget, "cache": "no"}


def pairs_in(name: str, data: Path) -> Iterator[Pair]:
    """All pairs of a set whose folder lies in `data`. Raises InvalidRequest naming file, line and field; OSError."""
    (suite,) = [one for one in SUITES if one.name == name]
    for entry in suite.read(data / suite.folder_name):
        item = entry.make()
        if item is not None and isinstance(item.label, Better) and len(item.request.body["candidates"]) == 2:
            (chosen,) = item.label.chosen
            yield Pair(item.id, chosen, item.request.body)
