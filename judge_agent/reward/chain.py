"""A chain of single statements that leads from what is known to the answer: which of its links count. Pure."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Mapping, Sequence

ANSWER = "E0"
_PLACE = re.compile(r"<(E\d{1,2})>")


def places_in(statement: str) -> tuple[str, ...]:
    """The entities that a statement leaves open, such as E0 and E1 of '<E1> directed <E0>', each once."""
    return tuple(dict.fromkeys(_PLACE.findall(statement)))


def filled(statement: str, entities: Mapping[str, str]) -> str | None:
    """The statement with its entities named; None where one of them is not known."""
    if any(not entities.get(place) for place in places_in(statement)):
        return None
    return _PLACE.sub(lambda match: entities[match.group(1)], statement)


def connected(statements: Sequence[str], supported: Collection[int]) -> set[int]:
    """Which supported statements (by index) hang together with the answer, E0, over entities that they share.

    A breadth-first walk from E0: a statement that is supported and shares no entity with what was reached says
    nothing of the answer, and does not count. Source: CaRR (arXiv 2601.06021).
    """
    reached, found = {ANSWER}, set[int]()
    queue = deque([ANSWER])
    while queue:
        entity = queue.popleft()
        for index in sorted(set(supported) - found):
            places = places_in(statements[index])
            if entity in places:
                found.add(index)
                queue.extend(place for place in places if place not in reached)
                reached.update(places)
    return found
