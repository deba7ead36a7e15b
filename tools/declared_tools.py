"""Reads the tools that a trajectory declares, whatever wrapper its framework writes them in.

Known wrappers: OpenAI chat `{"type": "function", "function": {...}}`, OpenAI Responses (flat), a bare
`{name, description, parameters}`, Anthropic `input_schema`, MCP `inputSchema`, Bedrock `toolSpec`, Gemini
`functionDeclarations`. Does not check the schemas themselves.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_SCHEMA_KEYS = ("parameters", "input_schema", "inputSchema", "parametersJsonSchema", "arguments_schema")
_SEGMENTS = re.compile(r"[.:/]|__")
_KEYWORDS = {
    "type", "properties", "required", "additionalProperties", "$ref", "anyOf", "oneOf", "allOf", "not",
    "enum", "const", "items", "title", "description", "default", "$schema", "$defs", "definitions", "if",
    "patternProperties", "propertyNames", "minProperties", "maxProperties", "dependentRequired", "$id",
    "dependencies", "dependentSchemas", "unevaluatedProperties", "examples", "strict", "nullable", "$comment",
}  # fmt: skip


@dataclass(frozen=True)
class Declared:
    """One declared tool. `schema` is None where its arguments cannot be checked; `problem` says why."""

    name: str
    schema: Mapping[str, Any] | bool | None
    problem: str | None = None


@dataclass(frozen=True)
class Declarations:
    """The tools by name (one may be declared twice); `nameless` counts entries without a readable name."""

    by_name: Mapping[str, tuple[Declared, ...]]
    nameless: int

    def find(self, called: str) -> tuple[Declared, ...]:
        """Return the declarations of a called name; empty when it is unknown.

        A namespace that only one side writes (`functions.search`, `server__search`) is looked through
        where exactly one declared tool fits.
        """
        if called in self.by_name:
            return self.by_name[called]
        fitting = [name for name in self.by_name if _one_qualifies_the_other(name, called)]
        return self.by_name[fitting[0]] if len(fitting) == 1 else ()


def declarations(tools: Sequence[Mapping[str, Any]]) -> Declarations:
    """Read the tools of a trajectory; never raises, whatever they hold."""
    by_name: dict[str, tuple[Declared, ...]] = {}
    nameless = 0
    for entry in tools:
        for function in _functions(entry):
            name = function.get("name")
            if not isinstance(name, str) or not name.strip():
                nameless += 1
                continue
            by_name[name] = (*by_name.get(name, ()), _declared(name, function))
    return Declarations(by_name, nameless)


def _functions(entry: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Unwrap one entry into the functions that it declares."""
    several = entry.get("functionDeclarations", entry.get("function_declarations"))
    if isinstance(several, list):
        yield from (item if isinstance(item, dict) else {} for item in several)
        return
    for wrapper in ("function", "toolSpec"):
        inner = entry.get(wrapper)
        if isinstance(inner, dict):
            strict = {"strict": entry["strict"]} if "strict" in entry else {}
            yield {**strict, **inner}
            return
    yield entry


def _declared(name: str, function: Mapping[str, Any]) -> Declared:
    schema = next((function[key] for key in _SCHEMA_KEYS if key in function), None)
    if isinstance(schema, str):
        try:
            schema = json.loads(schema)
        except (ValueError, RecursionError):
            return Declared(name, None, "its schema is a text that is no JSON")
    if isinstance(schema, dict) and set(schema) == {"json"}:
        schema = schema["json"]
    if schema is None:
        return Declared(name, None, "it declares no schema")
    if isinstance(schema, bool):
        return Declared(name, schema)
    if not isinstance(schema, dict):
        return Declared(name, None, f"its schema is no object but {type(schema).__name__}")
    if schema and not _KEYWORDS & set(schema):
        return Declared(name, None, "its schema has no JSON Schema keyword")
    return Declared(name, _strict(schema) if function.get("strict") is True else schema)


def _strict(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """A strict function takes no undeclared argument, also where its schema forgets to say so."""
    if "properties" in schema and "additionalProperties" not in schema:
        return {**schema, "additionalProperties": False}
    return schema


def _one_qualifies_the_other(declared: str, called: str) -> bool:
    """Whether one name is the last segments of the other: `search` and `functions.search`."""
    first, second = _SEGMENTS.split(declared), _SEGMENTS.split(called)
    shorter, longer = sorted((first, second), key=len)
    return len(shorter) < len(longer) and longer[-len(shorter) :] == shorter
