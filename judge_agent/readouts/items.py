"""Lists of objects in an answer: so many as are due, each with the texts that are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from judge_agent.readouts.answer import unparseable


def items_of(data: Mapping[str, Any], key: str, count: int) -> list[Mapping[str, Any]]:
    """The objects under a key. Raises ModelError('model_unparseable') for another number, and for what is no object."""
    given = data.get(key)
    if not isinstance(given, list) or len(given) != count:
        length = len(given) if isinstance(given, list) else "no list of"
        raise unparseable(f"{key!r} holds {length} items; exactly {count} are due")
    if not all(isinstance(item, dict) for item in given):
        raise unparseable(f"{key!r} holds what is no object")
    return given


def text_in(item: Mapping[str, Any], key: str, *, empty: bool = True) -> str:
    """The text under a key. Raises ModelError('model_unparseable') for none, and for a blank one unless `empty`."""
    value = item.get(key)
    if not isinstance(value, str):
        raise unparseable(f"{key!r} is {str(value)[:40]!r}, not a text")
    if not empty and not value.strip():
        raise unparseable(f"{key!r} is blank")
    return value.strip()


def choice_in(item: Mapping[str, Any], key: str, choices: Sequence[str]) -> str:
    """One of the choices. Raises ModelError('model_unparseable') for anything else."""
    value = text_in(item, key)
    if value not in choices:
        raise unparseable(f"{key}={value[:40]!r} is not one of {list(choices)}")
    return value
