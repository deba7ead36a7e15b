"""TARA (2310.01045): pairs of answers that a tool tells apart; the request holds what that tool looks into.

Code has its tests, the weather its table; sums and dates need nothing. `actions`, `score` and `score_agent` are the
label's.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evals.loaders.item import Entry, Item, Suite, ready
from evals.loaders.making import ranked
from evals.tara.rows import FILES, Pair, load
from judge_agent.errors import InvalidRequest


def _read(folder: Path, /) -> Sequence[Entry]:
    items: list[Item] = []
    for name, file in FILES.items():
        if (folder / file).is_file():
            try:
                pairs = load(folder, name, None)
            except (OSError, KeyError, ValueError, TypeError, IndexError) as error:
                raise InvalidRequest(str(folder / file), f"{type(error).__name__}: {error}") from error
            items += [_item(name, pair, place) for place, pair in enumerate(pairs, start=1)]
    if not items:
        raise InvalidRequest(str(folder), f"holds none of {', '.join(FILES.values())}")
    return list(ready(items))


def _item(name: str, pair: Pair, place: int) -> Item:
    task = {"prompt": pair.question, "reference": pair.reference}
    return ranked(f"{name}:{place}", name, task, [pair.better], [pair.worse], resources=pair.resources)


SUITE = Suite(
    name="themis_tara",
    decided_by="test",
    is_given=True,
    read=_read,
    origin="github.com/ernie-research/Tool-Augmented-Reward-Model, data/",
    known_from="published files",
)
