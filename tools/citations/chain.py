"""Whether the linked claims of an answer hang together with what it answers (CaRR, arXiv:2601.06021, step 6).

Claims and entities are nodes; a claim that is linked to a passage joins its entities. From the entities of the answer
itself, a breadth-first walk counts the linked claims that are reached: one that is held by a source, but has nothing to
do with the answer, does not count.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tools.citations.claims import Linked

_FINAL = re.compile(
    r"\b(?:final answer|the answer is|answer:|in (?:short|summary|conclusion)|therefore|thus)\b", re.I
)


@dataclass(frozen=True)
class Chain:
    """`starts` are the entities of the answer; `connected` the places of the claims that are reached and linked."""

    starts: tuple[str, ...]
    connected: tuple[int, ...]
    linked: int
    claims: int
    reaches_task: bool

    @property
    def connectivity(self) -> float | None:
        """Connected claims of all claims; None where nothing is claimed."""
        return len(self.connected) / self.claims if self.claims else None

    def as_json(self) -> dict[str, Any]:
        value = self.connectivity
        return {
            "claims": self.claims,
            "linked": self.linked,
            "connected": len(self.connected),
            "connectivity": None if value is None else round(value, 4),
            "starts_from": list(self.starts)[:12],
            "reaches_task": self.reaches_task,
        }


def chain_of(linked: Sequence[Linked], asked: frozenset[str]) -> Chain:
    """Walk from the answer's own claim; `asked` are the entities of the task."""
    held = [index for index, one in enumerate(linked) if one.passages]
    if not linked:
        return Chain((), (), 0, 0, False)
    # What the task names joins everything, so it is no link; an answer of nothing else starts from there all the same.
    named = set(linked[_answer_at(linked)].claim.entities)
    reached = (named - asked) or named
    starts = tuple(sorted(reached))
    connected, queue = set[int](), [index for index in held if reached & set(linked[index].claim.entities)]
    while queue:
        index = queue.pop(0)
        if index in connected:
            continue
        connected.add(index)
        reached |= set(linked[index].claim.entities) - asked
        queue += [
            other for other in held if other not in connected and reached & set(linked[other].claim.entities)
        ]
    touched = {entity for index in connected for entity in linked[index].claim.entities}
    return Chain(starts, tuple(sorted(connected)), len(held), len(linked), bool(touched & asked))


def _answer_at(linked: Sequence[Linked]) -> int:
    """The claim that says that it is the answer; else the last one of a longer text, the only one of a short."""
    for index in range(len(linked) - 1, -1, -1):
        if _FINAL.search(linked[index].claim.text):
            return index
    return len(linked) - 1
