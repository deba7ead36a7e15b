"""Readout of sentences: for each whether it is faithful, why, and whether it is correct, in this order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from judge_agent.readouts.answer import unparseable
from judge_agent.readouts.items import choice_in, items_of, text_in

FAITHFUL = ("faithful", "unfaithful", "no_claim")
CORRECT = ("correct", "incorrect", "no_claim")


class Sentence(NamedTuple):
    """What was said of one sentence; `source` and `quote` are where the documents say it."""

    faithful: str
    source: str
    quote: str
    reason: str
    correct: str


def read_sentences(data: Mapping[str, Any], count: int) -> list[Sentence]:
    """Return what is said of `count` sentences, in their order.

    Raises ModelError('model_unparseable') for another number, an answer off the menu, no reason, and a sentence that
    claims something in one answer and nothing in the other.
    """
    found = []
    for place, item in enumerate(items_of(data, "sentences", count), 1):
        one = Sentence(
            choice_in(item, "faithful", FAITHFUL),
            text_in(item, "source"),
            text_in(item, "quote"),
            text_in(item, "reason", empty=False),
            choice_in(item, "correct", CORRECT),
        )
        if (one.faithful == "no_claim") != (one.correct == "no_claim"):
            raise unparseable(
                f"sentence {place} is {one.faithful!r} and {one.correct!r}: it claims, or it does not"
            )
        found.append(one)
    return found
