"""What is said of a setting that is wrong: which one, why, and its value where that is no secret."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from judge_agent.schema.refusals import message_of, own_error

MAX_TOLD_CHARS = 100
_MISSING = "missing_setting"


def missing(setting: str, reason: str) -> PydanticCustomError:
    """What a validator of several settings says: it names the one to set."""
    return PydanticCustomError(_MISSING, "{reason}", {"setting": setting, "reason": reason})


def told(error: ValidationError, values: Mapping[str, Any], *, secret: Collection[str]) -> tuple[str, str]:
    """The name of the first setting that is wrong, and why. Our own validators tell the value where they may."""
    first = error.errors(include_url=False, include_input=False)[0]
    reason = message_of(first)
    if first["type"] == _MISSING:
        return str(first["ctx"]["setting"]), reason
    name = str(first["loc"][0])
    if name in values and name not in secret and own_error(first) is None:
        value = values[name]
        shown = value if isinstance(value, (int, float)) else str(value)[:MAX_TOLD_CHARS]
        reason = f"{reason}; it is {shown!r}"
    return name, reason
