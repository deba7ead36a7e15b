"""What of a server's schema a model is shown and held to: the plain part of it, small, and without references.

Arguments are checked against it in the service's own process, so that nothing is left in it that could take its time:
no patterns, no references, no words that are not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from judge_agent.errors import ToolError
from judge_agent.prompting.fences import neutralise

MAX_DEPTH = 12
MAX_NODES = 2000
MAX_SAID_CHARS = 500
_NUMBERS = (
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "minItems", "maxItems",
    "minProperties", "maxProperties",
)  # fmt: skip
_PLAIN = frozenset(("type", "enum", "const", "required", "default", *_NUMBERS))
_TYPES = frozenset(("string", "integer", "number", "boolean", "array", "object", "null"))


def plain_schema(schema: Mapping[str, Any], whose: str) -> dict[str, Any]:
    """The schema of an object's arguments, made plain. Raises ToolError, in which `whose` says whose it is."""
    if schema.get("type") != "object":
        raise ToolError(f"{whose} is none of an object")
    made = _Plain(schema, whose).of(schema, 0)
    return {"properties": {}, **made}


def said(text: str, most: int = MAX_SAID_CHARS) -> str:
    """What a server says of itself, as one line that no prompt takes for its own words."""
    return neutralise(" ".join(text.split()))[:most]


class _Plain:
    def __init__(self, whole: Mapping[str, Any], whose: str) -> None:
        self._whole, self._whose, self._nodes = whole, whose, 0

    def of(self, schema: Any, depth: int) -> dict[str, Any]:
        self._nodes += 1
        if depth > MAX_DEPTH or self._nodes > MAX_NODES:
            raise ToolError(
                f"{self._whose} is too large: at most {MAX_NODES} parts, {MAX_DEPTH} deep, references included"
            )
        if isinstance(schema, bool):
            return {}  # true; what is never right is left to the server to refuse
        if not isinstance(schema, Mapping):
            raise ToolError(f"{self._whose} has {schema!r:.60} for a schema")
        if "$ref" in schema:
            return self.of(self._meant(schema["$ref"]), depth + 1)
        return {key: value for key in schema if (value := self._kept(key, schema[key], depth)) is not None}

    def _kept(self, key: str, value: Any, depth: int) -> Any:
        if key == "description":
            return said(str(value))
        if key == "type":
            self._check_type(value)
        if key in _PLAIN:
            return value
        if key == "properties" and isinstance(value, Mapping):
            return {str(name)[:100]: self.of(inner, depth + 1) for name, inner in value.items()}
        if key in ("anyOf", "oneOf", "allOf") and isinstance(value, list):
            return [self.of(inner, depth + 1) for inner in value]
        if key == "items" or (key == "additionalProperties" and isinstance(value, Mapping)):
            return self.of(value, depth + 1)
        return value if key == "additionalProperties" and isinstance(value, bool) else None

    def _check_type(self, value: Any) -> None:
        listed = value if isinstance(value, list) else [value]
        for one in listed:
            if one not in _TYPES:
                raise ToolError(f"{self._whose} has the type {one!r:.60}")

    def _meant(self, ref: Any) -> Any:
        """What a reference within the schema means. Raises ToolError for one that leads out of it, or nowhere."""
        place: Any = self._whole
        parts = str(ref).split("/")
        if parts[0] != "#":
            raise ToolError(f"{self._whose} refers to {str(ref)[:80]!r}, which is not within it")
        for part in parts[1:]:
            place = (
                place.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(place, Mapping) else None
            )
        if place is None:
            raise ToolError(f"{self._whose} refers to {str(ref)[:80]!r}, which is not there")
        return place
