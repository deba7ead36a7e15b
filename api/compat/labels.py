"""What a data set's label says: text is the reference answer; an object names more fields of the request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.body import parse
from api.problems import FieldError, Problem, invalid

FIELDS = ("reference", "principles", "resources", "recipe", "dimensions", "metadata")
_JSON_ANSWER = 'an answer that is itself JSON goes into {"reference": {"answer": "..."}}'
_LIMIT = f"text, or an object with any of {', '.join(FIELDS)}"


def read_label(value: Any, field: str) -> Mapping[str, Any]:
    """Return the fields of a request that a label gives. Raises Problem 422 that names what is wrong.

    Empty text and null say nothing. Text that is a JSON object is read as one; an answer that is itself such an
    object is written `{"reference": {"answer": "..."}}`.
    """
    if value is None or value == "":
        return {}
    if isinstance(value, str):
        value = _object_in(value, field) or value
    if isinstance(value, str):
        return {"reference": {"answer": value}}
    if not isinstance(value, dict):
        raise invalid(field, f"must be {_LIMIT}", value=value, limit=_LIMIT)
    return _checked(value, field)


def _object_in(text: str, field: str) -> dict[str, Any] | None:
    if not text.lstrip().startswith("{"):
        return None
    try:
        data = parse(text.encode()).data
    except Problem as problem:
        if problem.code == "malformed_json":
            return None
        raise under(problem, field) from None
    return data if isinstance(data, dict) and data else None


def _checked(label: dict[str, Any], field: str) -> Mapping[str, Any]:
    for name in label:
        if name not in FIELDS:
            detail = f"is no field of a label, which is {_LIMIT}; {_JSON_ANSWER}"
            raise invalid(inside(field, name), detail, value=label[name], limit=_LIMIT)
    given = {name: value for name, value in label.items() if value is not None}
    metadata = given.get("metadata", {})
    if not isinstance(metadata, dict):
        raise invalid(inside(field, "metadata"), "must be an object", value=metadata)
    return given


def inside(field: str, name: str) -> str:
    """The path of something in `field`; the body itself has no name."""
    return f"{field}.{name}" if field else name


def under(problem: Problem, field: str) -> Problem:
    """The same refusal, of something that lies in `field`."""
    errors = [
        FieldError(inside(field, error.field), error.detail, error.value, error.limit)
        for error in problem.errors
    ]
    detail = f"{errors[0].field}: {errors[0].detail}" if errors else f"{field}: {problem.detail}"
    return Problem(422, "invalid_request", detail, errors=errors)
