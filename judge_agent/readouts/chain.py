"""Readouts of a chain: the statements that lead to an answer, the entities that it names, what pages support."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from judge_agent.readouts.answer import unparseable
from judge_agent.readouts.items import choice_in, items_of, text_in

SUPPORTED = ("yes", "no")
_PLACE = re.compile(r"<(E\d{1,2})>")
_UNKNOWN = ("", "null", "none", "unknown", "n/a", "not stated")


class Supported(NamedTuple):
    """What was said of one statement: whether a page says all of it, and where."""

    supported: bool
    page: str
    quote: str
    reason: str


def read_rubrics(data: Mapping[str, Any], most: int) -> list[str]:
    """Return statements that leave entities open, as `<E1> directed <E0>`, at least one of them about E0.

    Raises ModelError('model_unparseable') for none, more than `most`, one without an open entity, and one twice.
    """
    given = data.get("statements")
    if not isinstance(given, list) or not 0 < len(given) <= most:
        raise unparseable(f"'statements' must hold 1 to {most} statements")
    statements = [" ".join(item.split()) for item in given if isinstance(item, str)]
    if len(statements) != len(given) or not all(map(_PLACE.search, statements)):
        raise unparseable("each statement must leave an entity open, written <E0>, <E1>, ...")
    if len(set(statements)) != len(statements):
        raise unparseable("a statement stands twice")
    if not any("<E0>" in statement for statement in statements):
        raise unparseable("no statement is about <E0>, the answer")
    return statements


def read_entities(data: Mapping[str, Any], wanted: Sequence[str]) -> dict[str, str]:
    """Return who the answer says that the entities are; one that it does not name is left out.

    Raises ModelError('model_unparseable') for other entities than those wanted, and for what is no text.
    """
    given = data.get("entities")
    if not isinstance(given, dict) or set(given) != set(wanted):
        raise unparseable(f"'entities' must name exactly {list(wanted)}")
    if not all(value is None or isinstance(value, str) for value in given.values()):
        raise unparseable("an entity is a text, or null where the answer does not name it")
    named = {name: " ".join((value or "").split()) for name, value in given.items()}
    return {name: value for name, value in named.items() if value.casefold() not in _UNKNOWN}


def read_supported(data: Mapping[str, Any], count: int) -> list[Supported]:
    """Return what is said of `count` statements, in their order.

    Raises ModelError('model_unparseable') for another number, no reason, and an answer other than yes or no.
    """
    return [
        Supported(
            choice_in(item, "supported", SUPPORTED) == "yes",
            text_in(item, "page"),
            text_in(item, "quote"),
            text_in(item, "reason", empty=False),
        )
        for item in items_of(data, "statements", count)
    ]
