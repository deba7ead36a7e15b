"""Reads dataset columns as the fields of a task: what is known to be right, and what the tools may look into.

Data sets say such things in many ways: as JSON text, with a null for every key that another row has, as numbers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from judge_agent.errors import InvalidRequest
from judge_agent.trainers.as_json import as_json, is_missing

TEXT_FIELDS = ("answer", "solution", "sql")
REFERENCE_FIELDS = (*TEXT_FIELDS, "tests", "final_state", "tool_calls", "tool_call_rules", "text_checks")
RESOURCE_FIELDS = ("databases", "environment")
# The agent's own tools, which its calls are checked against; `tools` would be taken for those of the judge.
TRAJECTORY_FIELDS = ("agent_tools",)
FIELDS = REFERENCE_FIELDS + RESOURCE_FIELDS + TRAJECTORY_FIELDS
# Arrow writes a null for every key that another row has; a test may well expect null.
_MEANT_NULL = "expected"
_ITEM_LISTS = frozenset(("visible", "hidden"))


def fields_of(columns: Mapping[str, Any], named: Mapping[str, str] | None) -> dict[str, Any]:
    """Return the fields that a row's columns hold. `named` maps fields to columns, which must then be there.

    Without `named`, columns count that are called as the fields are. Raises InvalidRequest.
    """
    return {
        field: _read(field, columns[column], f"columns.{column}")
        for field, column in _wanted(columns, named).items()
        if not is_missing(columns[column])
    }


def check_names(named: Mapping[str, str]) -> None:
    """Raise InvalidRequest for a field that there is not."""
    for field in named:
        if field not in FIELDS:
            raise InvalidRequest("columns", f"{field!r} is no field; there are {', '.join(FIELDS)}")


def _wanted(columns: Mapping[str, Any], named: Mapping[str, str] | None) -> Mapping[str, str]:
    if named is None:
        return {field: field for field in FIELDS if field in columns}
    for field, column in named.items():
        if column not in columns:
            there = ", ".join(sorted(columns)) or "none"
            raise InvalidRequest(
                "columns", f"there is no column {column!r} for {field!r}; the data have {there}"
            )
    return named


def _read(field: str, value: Any, where: str) -> Any:
    plain = as_json(value, where)
    if field in TEXT_FIELDS:
        return plain if isinstance(plain, str) else _text(plain)
    return _parsed(plain, where) if isinstance(plain, str) else _without_nulls(plain)


def _text(value: Any) -> str:
    """Write an answer that is a number or a list of one as text, as a data set of texts would have it."""
    if isinstance(value, list) and len(value) == 1:
        return value[0] if isinstance(value[0], str) else _text(value[0])
    return json.dumps(value, ensure_ascii=False)


def _parsed(value: str, where: str) -> Any:
    try:
        return json.loads(value)
    except ValueError as error:
        raise InvalidRequest(
            where, f"is neither an object or list, nor such as JSON text: {error}"
        ) from error


def _without_nulls(value: Any) -> Any:
    """Leave out keys of our own fields whose null says only that another row has them; never inside of data."""
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _without_nulls(item) if key in _ITEM_LISTS else item
        for key, item in value.items()
        if item is not None or key == _MEANT_NULL
    }
