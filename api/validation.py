"""Turns a body into a request, and pydantic's errors into field paths that a caller recognises."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from api.problems import FieldError, Problem, bounded, invalid
from judge_agent.errors import InvalidRequest
from judge_agent.schema import JudgmentRequest
from judge_agent.schema.corpora import MAX_CORPORA
from judge_agent.schema.databases import MAX_DATABASES
from judge_agent.schema.images import MAX_IMAGE_RESOURCES
from judge_agent.schema.messages import MAX_MESSAGES
from judge_agent.schema.refusals import Refused, own_error
from judge_agent.schema.request import MAX_CANDIDATES, MAX_PRINCIPLES, MAX_TESTS

MAX_ERRORS = 20
MAX_READ_ERRORS = 200
_ABSENT = object()
_TRAJECTORY_TAGS = frozenset({"messages", "text", "format"})
_LIMITS = ("max_length", "min_length", "ge", "gt", "le", "lt", "pattern", "expected")
# Lists of typed items, outer ones first; what the schema does not bound is bounded here.
_LENGTHS: tuple[tuple[str, int], ...] = (
    ("candidates", MAX_CANDIDATES),
    ("principles", MAX_PRINCIPLES),
    ("tools", 64),
    ("dimensions", 32),
    ("task.messages", MAX_MESSAGES),
    ("resources.databases", MAX_DATABASES),
    ("resources.corpora", MAX_CORPORA),
    ("resources.images", MAX_IMAGE_RESOURCES),
    ("task.reference.tool_calls", MAX_MESSAGES),
    ("task.reference.tests.visible", MAX_TESTS),
    ("task.reference.tests.hidden", MAX_TESTS),
    ("candidates.*.trajectory.messages", MAX_MESSAGES),
    ("candidates.*.trajectory.tools", MAX_MESSAGES),
    ("candidates.*.trajectory.artifacts", MAX_MESSAGES),
    ("candidates.*.trajectory.messages.*.content", MAX_MESSAGES),
    ("candidates.*.trajectory.messages.*.tool_calls", MAX_MESSAGES),
)
# pydantic speaks of tuples and dictionaries; a caller sends lists and objects.
_WORDS = {
    "missing": "is required",
    "extra_forbidden": "there is no such field",
    "too_long": "must have at most {max_length} items, not {actual_length}",
    "too_short": "must have at least {min_length} items, not {actual_length}",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
    "tuple_type": "must be a list",
    "string_type": "must be text",
    "literal_error": "must be {expected}",
}
# Our own validators write `field: message` of something inside what they look at, else the message alone.
_OWN_MESSAGE = re.compile(r"^([A-Za-z_][\w.]*): (.+)$", re.DOTALL)


def read_request(data: Any) -> JudgmentRequest:
    """Validate a parsed body. Raises Problem 422 that names each wrong field, its value and its limit."""
    _check_lengths(data)
    try:
        return JudgmentRequest.model_validate(data)
    except ValidationError as error:
        raise as_problem(error, data) from None


def _check_lengths(data: Any) -> None:
    """Refuse a list that is too long before its items are looked at: each wrong one would be an error to keep."""
    for path, limit in _LENGTHS:
        for found, items in _at(data, path.split("."), ""):
            if isinstance(items, list) and len(items) > limit:
                detail = f"must have at most {limit} items, not {len(items)}"
                raise invalid(found, detail, value=f"a list of {len(items)}", limit=limit)


def _at(place: Any, path: Sequence[str], above: str) -> Iterator[tuple[str, Any]]:
    """Yield what lies at a path; `*` is every item of a list that is not too long itself."""
    if not path:
        yield above.lstrip("."), place
    elif path[0] == "*":
        for index, item in enumerate(place if isinstance(place, list) else ()):
            yield from _at(item, path[1:], f"{above}.{index}")
    elif isinstance(place, dict) and path[0] in place:
        yield from _at(place[path[0]], path[1:], f"{above}.{path[0]}")


def refusal(error: InvalidRequest, data: Any) -> Problem:
    """The problem for what the judge refuses, with the value that the body holds there."""
    return invalid(error.field, error.message, value=_value_at(error.field, data))


def as_problem(error: ValidationError, data: Any) -> Problem:
    # A hundred thousand unknown fields are as many errors; the first of them tell enough.
    found = [_field_error(details, data) for details in error.errors(include_url=False)[:MAX_READ_ERRORS]]
    errors = _most_telling(found)
    first = errors[0]
    return Problem(422, "invalid_request", f"{first.field}: {first.detail}", errors=errors[:MAX_ERRORS])


def _field_error(details: ErrorDetails, data: Any) -> FieldError:
    path = _path(details["loc"], data, details["type"])
    context = details.get("ctx") or {}
    own = own_error(details)
    if own is not None:
        return _own_error(path, own, details["input"], data)
    message = _WORDS[details["type"]].format_map(context) if details["type"] in _WORDS else details["msg"]
    value = None if details["type"] == "missing" else bounded(details["input"])
    return FieldError(path or "body", message, value, _limit(context))


def _own_error(path: str, error: Exception, looked_at: Any, data: Any) -> FieldError:
    """What our validators say: of what they look at, or of something inside it, whose value is then told."""
    message, value = str(error), looked_at
    if inside := _OWN_MESSAGE.match(message):
        path, message = f"{path}.{inside.group(1)}".lstrip("."), inside.group(2)
        value = error.value if isinstance(error, Refused) else _value_at(path, data)
    return FieldError(path or "body", message, bounded(value))


def _value_at(path: str, data: Any) -> Any:
    """What the body holds at a dotted path, None for nothing."""
    for part in path.split("."):
        data = _inside(data, int(part) if part.isdecimal() and isinstance(data, list) else part)
    return None if data is _ABSENT else data


def _path(loc: Sequence[int | str], data: Any, kind: str) -> str:
    """Keep what leads through the body; names of union members, which pydantic mixes in, are left out."""
    parts, place = list[str](), data
    for index, part in enumerate(loc):
        last = index == len(loc) - 1
        if index and loc[index - 1] == "trajectory" and part in _TRAJECTORY_TAGS:
            continue
        inside = _inside(place, part)
        if inside is _ABSENT and not (last and kind == "missing"):
            continue
        place = inside
        parts.append(str(bounded(str(part))))
    return ".".join(parts)


def _inside(place: Any, part: int | str) -> Any:
    if isinstance(place, dict):
        return place.get(part, _ABSENT)
    if isinstance(place, list) and isinstance(part, int) and part < len(place):
        return place[part]
    return _ABSENT


def _limit(context: Mapping[str, Any]) -> Any:
    for name in _LIMITS:
        if name in context:
            return bounded(context[name])
    return None


def _most_telling(errors: Sequence[FieldError]) -> list[FieldError]:
    """Drop what is said of a container where something inside it is named; join what is said of one field."""
    fields = [error.field for error in errors]
    kept = dict[str, FieldError]()
    for error in errors:
        if any(field.startswith(f"{error.field}.") for field in fields):
            continue
        earlier = kept.get(error.field)
        if earlier is None:
            kept[error.field] = error
        elif error.detail not in earlier.detail:
            detail = f"{earlier.detail}, or: {error.detail}"
            kept[error.field] = FieldError(error.field, detail, earlier.value, earlier.limit or error.limit)
    return list(kept.values())
