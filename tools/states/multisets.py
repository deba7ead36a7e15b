"""Pairs the items of two lists whose order says nothing, by a comparison that is not always transitive.

Items that are written alike are paired at once. What is left is a bipartite matching (augmenting paths;
Kuhn, 1955) among items that differ in numbers only, equal ranks first, so that lists which are the same cost little
more than their size. The search for more pairs of a large list ends once it is certain that not all can be paired:
after that only what is shown of the difference would change.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

MORE_PAIRS = 250_000  # that are looked at for what is shown of a difference
Same = Callable[[int, int], bool]


@dataclass(frozen=True)
class Item:
    """An item of a list, by its index. `group` is equal for all that could be the same; `rank` says which of these
    to try first.
    """

    index: int
    group: Hashable
    rank: tuple[float, ...] = ()


def unlike_written(
    found: Mapping[int, Hashable], wanted: Mapping[int, Hashable]
) -> tuple[list[int], list[int]]:
    """The indexes that are left of either list when items with equal texts are paired; texts are by index."""
    written: dict[Hashable, list[int]] = defaultdict(list)
    for index, text in reversed(list(found.items())):
        written[text].append(index)
    only_wanted, paired = list[int](), set[int]()
    for index, text in wanted.items():
        alike = written.get(text)
        if alike:
            paired.add(alike.pop())
        else:
            only_wanted.append(index)
    return [index for index in found if index not in paired], only_wanted


def left_over(found: Sequence[Item], wanted: Sequence[Item], same: Same) -> tuple[list[int], list[int]]:
    """The indexes of the items of either list that have no partner in the other; none where the lists are the same.

    `same(i, j)` compares item i of the found with item j of the wanted.
    """
    groups: dict[Hashable, tuple[list[Item], list[Item]]] = defaultdict(lambda: ([], []))
    for at, items in enumerate((found, wanted)):
        for item in items:
            groups[item.group][at].append(item)
    lone_found, lone_wanted = list[int](), list[int]()
    for mine, theirs in groups.values():
        matching = _Matching(mine, theirs, same)
        lone_wanted += matching.lone()
        lone_found += [item.index for item in mine if item.index not in matching.partner]
    return sorted(lone_found), sorted(lone_wanted)


class _Matching:
    """Pairs one group. `partner` maps a found item to its wanted one, `_holder` the other way round."""

    def __init__(self, found: Sequence[Item], wanted: Sequence[Item], same: Same) -> None:
        self._found = [item.index for item in found]
        self._items = (found, wanted)
        self._same = same
        self.partner: dict[int, int] = {}
        self._holder: dict[int, int] = {}

    def lone(self) -> list[int]:
        """Pair as many as can be; the wanted ones that stay alone."""
        found, wanted = self._items
        self._pair_by_rank()
        alone = [item.index for item in wanted if item.index not in self._holder]
        certain = len(found) < len(wanted)
        stays: list[int] = []
        for searches, one in enumerate(alone):
            gives_up = certain and searches * len(found) > MORE_PAIRS
            if gives_up or not self._is_paired(one):
                certain = True
                stays.append(one)
        return stays

    def _pair_by_rank(self) -> None:
        """Pair what has the same rank and is the same, in the order of both lists."""
        waiting: dict[tuple[float, ...], deque[int]] = defaultdict(deque)
        for item in self._items[0]:
            waiting[item.rank].append(item.index)
        for item in self._items[1]:
            near = waiting.get(item.rank)
            if near and self._same(near[0], item.index):
                self._pair(near.popleft(), item.index)

    def _is_paired(self, start: int) -> bool:
        """Find a partner, where need be by giving those of others new ones; breadth first, each found item once."""
        came_from: dict[int, int] = {}
        unseen = list(self._found)
        waiting = [start]
        for wanted in waiting:
            rest = []
            for found in unseen:
                if not self._same(found, wanted):
                    rest.append(found)
                    continue
                came_from[found] = wanted
                if found not in self.partner:
                    self._turn(found, start, came_from)
                    return True
                waiting.append(self.partner[found])
            unseen = rest
        return False

    def _turn(self, found: int, start: int, came_from: dict[int, int]) -> None:
        """Give each wanted item on the path the partner by which it was reached."""
        while True:
            wanted = came_from[found]
            held = self._holder.get(wanted)
            self._pair(found, wanted)
            if wanted == start or held is None:
                return
            found = held

    def _pair(self, found: int, wanted: int) -> None:
        self.partner[found] = wanted
        self._holder[wanted] = found
