"""What an importer gives, and how one refuses its input."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

from pydantic import ValidationError

from judge_agent.errors import InvalidRequest
from judge_agent.schema import Trajectory


@dataclass(frozen=True)
class Imported:
    """A canonical trajectory. `lost` names each part of the input that is not in it, and why."""

    trajectory: Trajectory
    lost: tuple[str, ...]
    format: str


class Importer(Protocol):
    def __call__(self, data: Any, /) -> Imported:
        """Read one trajectory. Raises InvalidRequest whose field begins with `data`."""
        ...


def refuse(field: str, expected: str, value: object) -> NoReturn:
    """Refuse a value, naming its field, what was expected there and what was found."""
    shown = isinstance(value, (str, int, float, bool)) or value is None
    found = reprlib.repr(value) if shown else type(value).__name__
    raise InvalidRequest(field, f"must be {expected}, got {found}")


def validated(data: Mapping[str, Any], *, where: Mapping[str, str]) -> Trajectory:
    """Make a trajectory of its fields; an error names the input's field through `where`."""
    try:
        return Trajectory.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        head, *rest = (str(part) for part in first["loc"])
        field = ".".join([where.get(head, f"data.{head}"), *rest])
        raise InvalidRequest(field, f"{first['msg']}, got {reprlib.repr(first.get('input'))}") from error


def object_of(data: Any, field: str) -> Mapping[str, Any]:
    if not isinstance(data, dict):
        refuse(field, "an object", data)
    return {str(key): value for key, value in data.items()}


def list_of(data: Mapping[str, Any], key: str, *, where: str = "data") -> Sequence[Any]:
    """The required list `key` of an object that stands at `where`."""
    value = data.get(key)
    if not isinstance(value, (list, tuple)):
        refuse(f"{where}.{key}", "a list", value)
    return value
