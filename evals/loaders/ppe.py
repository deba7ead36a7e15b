"""PPE (2410.14872): human preferences, and pairs of answers of which one is correct.

Human preference rows hold `response_1`, `response_2` and `winner` (ties are left out, as in the published accuracy);
correctness rows hold `response_1` to `response_32`, their `scores` and the pairs to compare, `sampled_conflict_pairs`
(indices from 0, of which the scores differ).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from evals.loaders.item import Hub, Item, Suite
from evals.loaders.making import ByRow, numbered, ranked
from evals.loaders.rows import Row

_WINNER = {"model_a": 0, "model_b": 1, "response_1": 0, "response_2": 1}


def _items(row: Row) -> Iterator[Item]:
    return _conflicts(row) if "scores" in row.data else _preferred(row)


def _preferred(row: Row) -> Iterator[Item]:
    answers = [row.text(f"response_{place}", may_be_empty=True) for place in (1, 2)]
    winner = row.data.get("winner")
    if isinstance(winner, str) and winner.startswith("tie"):
        return
    better = row.label("winner", _WINNER)
    task = {"prompt": row.text("prompt")}
    yield ranked(numbered(row), "human", task, [answers[better]], [answers[1 - better]])


def _conflicts(row: Row) -> Iterator[Item]:
    task, scores = {"prompt": row.text("prompt")}, row.data["scores"]
    if not isinstance(scores, list) or not all(map(_is_score, scores)):
        row.refuse("scores", "a list of true, false or finite numbers")
    pairs = row.data.get("sampled_conflict_pairs")
    if not isinstance(pairs, list):
        row.refuse("sampled_conflict_pairs", "a list of pairs of indices")
    for at, pair in enumerate(pairs):
        if not _is_pair(pair, len(scores)):
            row.refuse("sampled_conflict_pairs", f"pairs of two indices below {len(scores)}")
        better, worse = sorted(pair, key=lambda place: -scores[place])
        if scores[better] == scores[worse]:
            row.refuse("sampled_conflict_pairs", "pairs of answers whose scores differ")
        texts = [row.text(f"response_{place + 1}", may_be_empty=True) for place in (better, worse)]
        yield ranked(f"{numbered(row)}:{at}", f"correctness/{row.file}", task, texts[:1], texts[1:])


def _is_score(score: object) -> bool:
    return isinstance(score, int) or (isinstance(score, float) and math.isfinite(score))


def _is_pair(pair: object, answers: int) -> bool:
    return (
        isinstance(pair, list)
        and len(pair) == 2
        and all(isinstance(place, int) and 0 <= place < answers for place in pair)
    )


SUITE = Suite(
    name="ppe",
    decided_by="human",
    is_given=False,
    read=ByRow(_items),
    origin="huggingface.co/datasets/lmarena-ai/PPE-Human-Preference-V1 and PPE-*-Best-of-K",
    known_from="published description",
    hub=Hub("lmarena-ai/PPE-Human-Preference-V1", ("test",)),
)
