"""Which items of a set are judged: a seeded choice that takes its categories in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import zip_longest

from evals.loaders.item import Entry, Item
from judge_agent.hashing import sha256_of


def chosen(
    entries: Sequence[Entry], limit: int | None, seed: int, made: Callable[[], None] = lambda: None
) -> list[Item]:
    """Make `limit` items, all of them unless it is given; fewer where there are fewer.

    The choice follows from seed and ids alone, and a larger limit holds every smaller one. Entries that turn out to be
    of no use are passed over, and the next of their category is taken. `made` is called for each item.
    Raises InvalidRequest for a broken row.
    """
    items: list[Item] = []
    for entry in _in_turn(entries, seed):
        if limit is not None and len(items) >= limit:
            break
        item = entry.make()
        if item is not None:
            items.append(item)
            made()
    return items


def _in_turn(entries: Iterable[Entry], seed: int) -> Iterator[Entry]:
    """One entry of each category, then the second of each, until there is none; both orders are drawn."""
    shelves: dict[str, list[Entry]] = {}
    for entry in entries:
        shelves.setdefault(entry.category, []).append(entry)
    for shelf in shelves.values():
        shelf.sort(key=lambda entry: sha256_of([seed, entry.id]))
    drawn = sorted(shelves, key=lambda category: sha256_of([seed, category]))
    for turn in zip_longest(*(shelves[category] for category in drawn)):
        yield from (entry for entry in turn if entry is not None)
