"""Makes valid JSON from a JSON Schema: what the doubles of a model answer with.

Knows the subset that prompts use: object, array, string, enum, const, integer, number, boolean, null,
anyOf, oneOf, lists of types and local `$ref`. Not `pattern`, `not`, `allOf` nor remote references.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Path = tuple[str | int, ...]
Choose = Callable[[Path, Sequence[Any]], Any]
MAX_DEPTH = 32
MAX_OPTIONS = 1000
_UNSUPPORTED = ("pattern", "not", "allOf", "if", "patternProperties")


def first(path: Path, options: Sequence[Any]) -> Any:
    """Choose the first offer everywhere: the simplest instance."""
    return options[0]


def by_hash(*parts: str | int) -> Choose:
    """Choose by a hash of `parts` and of the path: the same parts give the same instance, always."""
    salt = json.dumps(parts)

    def choose(path: Path, options: Sequence[Any]) -> Any:
        digest = hashlib.sha256(f"{salt}{path!r}".encode()).digest()
        return options[int.from_bytes(digest[:8], "big") % len(options)]

    return choose


def pick_instance(schema: Mapping[str, Any], choose: Choose = first) -> Any:
    """Return a valid instance of `schema`; properties come in the schema's order.

    `choose(path, options)` decides at every enum, boolean, number, string, array length and anyOf branch.
    It returns one of the options, except for strings and numbers, where any value within bounds will do.
    Raises ValueError for a schema outside the subset, and for a choice that the schema does not allow.
    """
    return _pick(schema, choose, (), schema)


def _pick(
    schema: Mapping[str, Any], choose: Choose, path: Path, root: Mapping[str, Any], depth: int = 0
) -> Any:
    if depth > MAX_DEPTH:
        raise ValueError(
            f"{_name(path)}: the schema is nested deeper than {MAX_DEPTH} levels or refers to itself"
        )
    if bad := [word for word in _UNSUPPORTED if word in schema]:
        raise ValueError(f"{_name(path)}: no instance can be made of a schema with {bad[0]!r}")
    if "$ref" in schema:
        return _pick(_resolve(schema["$ref"], root), choose, path, root, depth + 1)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return _one_of(choose, path, tuple(schema["enum"]))
    for word in ("anyOf", "oneOf"):
        if word in schema:
            branches = tuple(schema[word])
            return _pick(_one_of(choose, path, branches), choose, path, root, depth + 1)
    return _pick_type(schema, choose, path, root, depth)


def _pick_type(
    schema: Mapping[str, Any], choose: Choose, path: Path, root: Mapping[str, Any], depth: int
) -> Any:
    kind = schema.get("type", "object" if "properties" in schema else "null")
    if isinstance(kind, list):
        kind = _one_of(choose, path, tuple(kind))
    if kind == "object":
        return _pick_object(schema, choose, path, root, depth)
    if kind == "array":
        return _pick_array(schema, choose, path, root, depth)
    if kind == "string":
        return _pick_string(schema, choose, path)
    if kind in ("integer", "number"):
        return _pick_number(schema, choose, path, kind)
    if kind == "boolean":
        return _one_of(choose, path, (False, True))
    if kind == "null":
        return None
    raise ValueError(f"{_name(path)}: unknown type {kind!r}")


def _pick_object(
    schema: Mapping[str, Any], choose: Choose, path: Path, root: Mapping[str, Any], depth: int
) -> Any:
    properties: Mapping[str, Any] = schema.get("properties", {})
    required = schema.get("required", ())
    if missing := [name for name in required if name not in properties]:
        raise ValueError(f"{_name(path)}: required property {missing[0]!r} has no schema")
    return {
        name: _pick(part, choose, (*path, name), root, depth + 1)
        for name, part in properties.items()
        if name in required
    }


def _pick_array(
    schema: Mapping[str, Any], choose: Choose, path: Path, root: Mapping[str, Any], depth: int
) -> Any:
    low = int(schema.get("minItems", 0))
    high = min(int(schema.get("maxItems", low + 2)), low + MAX_OPTIONS)
    length = _one_of(choose, (*path, "length"), tuple(range(low, high + 1)))
    items = schema.get("items", {"type": "null"})
    return [_pick(items, choose, (*path, index), root, depth + 1) for index in range(length)]


def _pick_string(schema: Mapping[str, Any], choose: Choose, path: Path) -> str:
    low, high = int(schema.get("minLength", 0)), schema.get("maxLength")
    name = str(path[-1]) if path else "text"
    options = tuple(
        _fit(text, low, high) for text in (name, f"{name} is plain to see", f"no {name} is needed")
    )
    value = choose(path, options)
    if not isinstance(value, str) or len(value) < low or (high is not None and len(value) > high):
        raise ValueError(f"{_name(path)}: chose {value!r}, which is no string of {low} to {high} characters")
    return value


def _fit(text: str, low: int, high: int | None) -> str:
    return (text if high is None else text[:high]).ljust(low, ".")


def _pick_number(schema: Mapping[str, Any], choose: Choose, path: Path, kind: str) -> int | float:
    low, high = _bounds(schema, kind)
    if kind == "integer":
        options: tuple[int | float, ...] = tuple(
            range(math.ceil(low), min(math.floor(high), math.ceil(low) + 100) + 1)
        )
    else:
        options = tuple(low + (high - low) * step / 4 for step in range(5))
    if not options:
        raise ValueError(f"{_name(path)}: no {kind} lies between {low} and {high}")
    value = choose(path, options)
    whole = isinstance(value, int) or kind == "number"
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not whole
        or not low <= value <= high
    ):
        raise ValueError(f"{_name(path)}: chose {value!r}, which is no {kind} from {low} to {high}")
    return value


def _bounds(schema: Mapping[str, Any], kind: str) -> tuple[float, float]:
    step = 1 if kind == "integer" else 1e-6
    low = schema.get("minimum", schema["exclusiveMinimum"] + step if "exclusiveMinimum" in schema else None)
    high = schema.get("maximum", schema["exclusiveMaximum"] - step if "exclusiveMaximum" in schema else None)
    if low is None:
        low = 0 if high is None or high >= 0 else high
    return low, (low + 10 if high is None else high)


def _one_of(choose: Choose, path: Path, options: tuple[Any, ...]) -> Any:
    if not options:
        raise ValueError(f"{_name(path)}: the schema allows no value")
    value = choose(path, options)
    if not any(value is option or (type(value) is type(option) and value == option) for option in options):
        raise ValueError(f"{_name(path)}: chose {value!r}, not one of {options!r}")
    return value


def _resolve(reference: str, root: Mapping[str, Any]) -> Mapping[str, Any]:
    target: Any = root
    if not reference.startswith("#/"):
        raise ValueError(f"$ref {reference!r} is not local to the schema")
    for part in reference[2:].split("/"):
        target = (
            target.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(target, Mapping) else None
        )
    if not isinstance(target, Mapping):
        raise ValueError(f"$ref {reference!r} points to nothing")
    return target


def _name(path: Path) -> str:
    return ".".join(map(str, path)) or "(root)"
