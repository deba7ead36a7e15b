"""In which orders candidates are shown, and how far verdicts depend on it.

An order comes from the seed and the candidates' contents, never from the order in which they were posted: the
same group gets the same judgment, however it is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from judge_agent.hashing import sha256_of

OrderHow = Literal["one", "both", "shuffled"]


def orders(
    ids: Sequence[str], how: OrderHow, k: int, seed: int, keys: Mapping[str, str] | None = None
) -> tuple[tuple[str, ...], ...]:
    """Return the order of each of `k` samples.

    `one` is the same order each time. `both` alternates between it and its reverse, and is rounded up to an
    even number, so that each counts as often. `shuffled` gives each candidate every place equally often: runs
    of rotations of one shuffle after another. `keys` maps ids to the keys of their contents where the ids are
    not such keys themselves. Raises ValueError for k below 1 and ids that stand twice.
    """
    if k < 1 or len(set(ids)) != len(ids):
        raise ValueError(f"cannot order {list(ids)} for {k} samples")
    contents = keys if keys is not None else {one: one for one in ids}
    if how == "shuffled":
        return tuple(_rotation(ids, contents, seed, index) for index in range(k))
    base = _shuffle(ids, contents, seed, 0)
    if how == "one":
        return (base,) * k
    return (base, base[::-1]) * ((k + 1) // 2)


def masked_names(order: Sequence[str]) -> dict[str, str]:
    """Return the name that each id is shown by, `model-1` first: real names would tell the model who it judges."""
    return {one: f"model-{place}" for place, one in enumerate(order, start=1)}


def order_consistency(winners: Sequence[tuple[str | None, str | None]]) -> float | None:
    """Return the share of pairs with one winner in both orders; None stands for a tie, and so do two of them.

    None where no pair was shown in both orders.
    """
    if not winners:
        return None
    return sum(one == other for one, other in winners) / len(winners)


def _rotation(ids: Sequence[str], contents: Mapping[str, str], seed: int, index: int) -> tuple[str, ...]:
    run, turn = divmod(index, max(1, len(ids)))
    shuffle = _shuffle(ids, contents, seed, run)
    return shuffle[turn:] + shuffle[:turn]


def _shuffle(ids: Sequence[str], contents: Mapping[str, str], seed: int, run: int) -> tuple[str, ...]:
    """Ids by a hash of seed, run, the whole group and each one's content; equal contents by id."""
    group = sha256_of([seed, run, *sorted(contents[one] for one in ids)])
    return tuple(sorted(ids, key=lambda one: (sha256_of([group, contents[one]]), one)))
