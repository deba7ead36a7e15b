"""Query parameters, strictly: an unknown one is refused, for a typo in a filter would list everything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, get_args

from fastapi import Request

from api.problems import Problem, bounded, invalid
from judge_agent.schema import State

STATES: tuple[State, ...] = get_args(State)
MAX_LIMIT = 100
MAX_CURSOR = 2**62


class ListQuery(NamedTuple):
    states: tuple[State, ...]
    limit: int
    cursor: int | None


def no_query(request: Request) -> None:
    """Refuse every query parameter. Raises Problem 422."""
    _refuse_unknown(request, ())


def read_list_query(request: Request) -> ListQuery:
    """Read `state` (repeated or by comma), `limit` and `cursor`. Raises Problem 422."""
    _refuse_unknown(request, ("state", "limit", "cursor"))
    limit = whole_number(request, "limit", 1, MAX_LIMIT)
    cursor = whole_number(request, "cursor", 1, MAX_CURSOR)
    return ListQuery(_states(request), 20 if limit is None else limit, cursor)


def _states(request: Request) -> tuple[State, ...]:
    asked = [part.strip() for value in request.query_params.getlist("state") for part in value.split(",")]
    for state in asked:
        if state not in STATES:
            limit = f"one of {', '.join(STATES)}"
            raise invalid("state", f"{bounded(state)!r} is not {limit}", value=state, limit=limit)
    return tuple(state for state in STATES if state in asked)


def whole_number(request: Request, name: str, low: int, high: int) -> int | None:
    """Read a whole number, None where it is not given. Raises Problem 422."""
    values = request.query_params.getlist(name)
    if not values:
        return None
    text = values[0]
    if len(values) > 1 or not (
        text.isascii() and text.isdigit() and len(text) <= 19 and low <= int(text) <= high
    ):
        limit = f"one whole number from {low} to {high}"
        raise invalid(name, f"{bounded(text)!r} is not {limit}", value=text, limit=limit)
    return int(text)


def _refuse_unknown(request: Request, known: tuple[str, ...]) -> None:
    for name in request.query_params:
        if name not in known:
            limit = ", ".join(known) or "no parameter"
            raise unknown_parameter(name, limit)


def words_of(request: Request, known: Mapping[str, tuple[str, ...] | None]) -> dict[str, str]:
    """Read the parameters that are one of several words, the first of which is meant without it.

    `known` names all that may be given; those of None are read elsewhere. Raises Problem 422.
    """
    _refuse_unknown(request, tuple(known))
    chosen = {}
    for name, words in known.items():
        given = request.query_params.getlist(name)
        if words is not None and (len(given) > 1 or (given and given[0] not in words)):
            limit = f"one of {', '.join(words)}"
            raise invalid(name, f"{bounded(given[0])!r} is not {limit}", value=given[0], limit=limit)
        chosen[name] = given[0] if given else (words or ("",))[0]
    return chosen


def one_of_query(request: Request, name: str, default: str) -> str:
    """The only parameter that may be given, once. Raises Problem 422."""
    _refuse_unknown(request, (name,))
    values = request.query_params.getlist(name)
    if len(values) > 1:
        raise invalid(name, "is given more than once", value=values[0], limit="one value")
    return values[0] if values else default


def unknown_parameter(name: str, known: str) -> Problem:
    """The refusal of a query parameter that nothing reads; one without a name is named by where it stands."""
    shown = str(bounded(name))
    return invalid(
        shown or "query", f"{shown!r} is no parameter here; known: {known}", value=shown, limit=known
    )
