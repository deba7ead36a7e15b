"""Turns what trainers hold into JSON: numpy and torch values, pictures, dates. Imports none of them.

Tells them by their methods, so that no trainer's packages are needed. What cannot be written is an error that names
the place; nothing is dropped.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime
import io
import math
from collections.abc import Mapping, Sequence, Set
from decimal import Decimal
from pathlib import PurePath
from typing import Any
from uuid import UUID

from judge_agent.errors import InvalidRequest

MAX_DEPTH = 100
_PICTURES = ((b"\x89PNG", "png"), (b"\xff\xd8", "jpeg"), (b"GIF8", "gif"), (b"RIFF", "webp"))


def as_json(value: Any, where: str, depth: int = 0) -> Any:
    """Return `value` as JSON's own types. Raises InvalidRequest that names the place, `where` and below."""
    if value is None or isinstance(value, (str, bool, int)):
        return value if type(value) in (str, bool, int, type(None)) else _plain(value)
    if isinstance(value, float):
        return _finite(float(value), where)
    if depth > MAX_DEPTH:
        raise InvalidRequest(where, f"is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, Mapping):
        return {_key(key, where): as_json(item, f"{where}.{key}", depth + 1) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        return [as_json(item, f"{where}.{index}", depth + 1) for index, item in enumerate(value)]
    if isinstance(value, Set):
        items = [as_json(item, where, depth + 1) for item in value]
        return sorted(items, key=repr)
    return as_json(_converted(value, where), where, depth + 1)


def is_missing(value: Any) -> bool:
    """Whether a data set has nothing here: None, or the NaN that pandas writes for it."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def _converted(value: Any, where: str) -> Any:
    """What a foreign object stands for."""
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, (UUID, PurePath)):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: getattr(value, item.name) for item in dataclasses.fields(value)}
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "save") and hasattr(value, "mode"):
        return picture_url(value)
    raise InvalidRequest(where, f"a {type(value).__name__} cannot be written as JSON")


def picture_url(picture: Any) -> str:
    """Write a picture as a `data:` URL: the bytes of a file as they are, a PIL picture as PNG."""
    if isinstance(picture, bytes):
        kind = next((name for start, name in _PICTURES if picture[:4].startswith(start)), "png")
        return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"
    written = io.BytesIO()
    fit = picture if picture.mode in ("1", "L", "LA", "P", "RGB", "RGBA") else picture.convert("RGB")
    fit.save(written, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(written.getvalue()).decode()}"


def _plain(value: Any) -> Any:
    """Subclasses, such as numpy's `str_` and enums of texts, as the plain value."""
    return str.__str__(value) if isinstance(value, str) else int(value)


def _finite(value: float, where: str) -> float:
    if not math.isfinite(value):
        raise InvalidRequest(where, f"{value!r} is no number of JSON's")
    return value


def _key(key: Any, where: str) -> str:
    if isinstance(key, str):
        return str.__str__(key)
    if isinstance(key, int) and not isinstance(key, bool):
        return str(key)
    raise InvalidRequest(where, f"{key!r} cannot be a key in JSON")
