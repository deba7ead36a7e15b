"""The arguments of a tool, out of the signature and the docstring of the function that takes them.

The signature is the JSON Schema that models are shown and held to, the docstring's first paragraph says what the tool
does, and its lines `name: text` (indented lines go on with them) say what an argument is. What is annotated as
`ToolView` or `Sandbox`, or is named as given by the judge, is no argument of the model's.
"""

from __future__ import annotations

import inspect
import json
import re
import typing
from collections.abc import Callable, Collection, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from judge_agent.schema.refusals import message_of

_ARGUMENT_LINE = re.compile(r"(\w+)(?: \([^)]*\))?: +(\S.*)")
_MAX_SHOWN = 80
_PLAIN_TYPES = frozenset(("string", "integer", "number", "boolean", "array", "object"))


class Signature:
    """What a function takes of a model.

    `description` and `parameters` (a JSON Schema without references) are what the model is shown; `given` are the
    parameters that the judge gives, by what they are annotated with.
    """

    def __init__(
        self, function: Callable[..., Any], *, kinds: Collection[type] = (), left_out: Collection[str] = ()
    ) -> None:
        """`kinds` are the annotations, `left_out` the names of what the judge gives.

        Raises ValueError for a function without a docstring, and for an argument without a type or a name.
        """
        self._function = function
        self._hints = typing.get_type_hints(function, include_extras=True)
        names = [name for name in inspect.signature(function).parameters if name not in left_out]
        self.given: dict[str, type] = {
            name: self._hints[name] for name in names if self._hints.get(name) in kinds
        }
        self.description, described = _described(function, names)
        self._model = self._made([name for name in names if name not in self.given], described)
        self.parameters: Mapping[str, Any] = _schema(self._model)

    def read(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the function's keyword arguments. Raises ValueError that names argument, value and limit."""
        unknown = sorted(set(arguments) - set(self._model.model_fields))
        if unknown:
            known = ", ".join(self._model.model_fields) or "no arguments"
            raise ValueError(f"unknown argument {unknown[0]!r:.100}; {self._function_name} takes {known}")
        try:
            read = self._model.model_validate_json(_as_json(arguments))
        except ValidationError as error:
            raise ValueError(_told(error)) from None
        return {name: getattr(read, name) for name in type(read).model_fields}

    @property
    def _function_name(self) -> str:
        name = self._function.__name__
        return "it" if name == "asked" else name

    def _made(self, names: Collection[str], described: Mapping[str, str]) -> type[BaseModel]:
        fields: dict[str, Any] = {}
        for name in names:
            parameter = inspect.signature(self._function).parameters[name]
            if parameter.kind in (
                parameter.VAR_POSITIONAL,
                parameter.VAR_KEYWORD,
                parameter.POSITIONAL_ONLY,
            ):
                raise ValueError(f"{self._function.__name__}: {name!r} must be a named argument")
            if name not in self._hints:
                raise ValueError(f"{self._function.__name__}: the argument {name!r} has no type")
            default = ... if parameter.default is parameter.empty else parameter.default
            fields[name] = (self._hints[name], Field(default, description=described.get(name)))
        config = ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=False)
        return create_model(f"{self._function.__name__}_arguments", __config__=config, **fields)


def _as_json(arguments: Mapping[str, Any]) -> bytes:
    """The arguments as JSON. Raises ValueError for numbers and texts that JSON has not, though models write them."""
    try:
        return json.dumps(dict(arguments), ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"arguments: there is half a character ({error.object[error.start]!r})") from None
    except ValueError:
        raise ValueError("arguments: numbers must be finite, there is nan or infinity") from None


def _told(error: ValidationError) -> str:
    """The first problem: which argument, what is wrong with it, and what it is."""
    first = error.errors(include_url=False)[0]
    where = ".".join(map(str, first["loc"])) or "arguments"
    value = "" if first["type"] == "missing" else f", not {_shown(first['input'])}"
    return f"{where}: {message_of(first)}{value}"


def _shown(value: object) -> str:
    written = repr(value)
    return written if len(written) <= _MAX_SHOWN else f"{written[:_MAX_SHOWN]} [cut]"


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema of the arguments: no titles made of names, no references, no defaults of null.

    A schema of arguments is shown within larger ones, where its references would lead nowhere.
    """
    schema = model.model_json_schema()
    schema.setdefault("properties", {})
    definitions = schema.pop("$defs", {})
    found: dict[str, Any] = _plain({**schema, "title": ""}, definitions, True)
    return found


def _plain(value: Any, definitions: Mapping[str, Any], is_schema: bool) -> Any:
    """`is_schema`: the keys are a schema's words, not names of arguments, of which one may be `title`."""
    if isinstance(value, list):
        return [_plain(inner, definitions, True) for inner in value]
    if not isinstance(value, dict):
        return value
    if not is_schema:
        return {name: _plain(inner, definitions, True) for name, inner in value.items()}
    if "$ref" in value:
        meant = definitions[value["$ref"].rpartition("/")[2]]
        return _plain({**meant, **{k: v for k, v in value.items() if k != "$ref"}}, definitions, True)
    plain = {
        key: _plain(inner, definitions, key != "properties")
        for key, inner in value.items()
        if key != "title" and not (key == "default" and inner is None)
    }
    return _or_null(plain)


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    """`{"anyOf": [{"type": X, ...}, {"type": "null"}]}` as `{"type": [X, "null"], ...}`: models read it better."""
    branches = schema.get("anyOf", [])
    others = [one for one in branches if one != {"type": "null"}]
    if len(branches) != 2 or len(others) != 1 or others[0].get("type") not in _PLAIN_TYPES:
        return schema
    (other,) = others
    merged = {**other, "type": [other["type"], "null"]}
    if "enum" in other:
        merged["enum"] = [*other["enum"], None]
    if "const" in other:
        merged["enum"] = [merged.pop("const"), None]
    return {**merged, **{key: value for key, value in schema.items() if key != "anyOf"}}


def _described(function: Callable[..., Any], names: Collection[str]) -> tuple[str, dict[str, str]]:
    """The description, and what is said of each argument."""
    said = inspect.getdoc(function) or ""
    first = " ".join(said.partition("\n\n")[0].split())
    if not first:
        raise ValueError(f"{function.__name__} has no docstring: its first paragraph is shown to the model")
    described, current = dict[str, str](), None
    for line in said.partition("\n\n")[2].splitlines():
        found = _ARGUMENT_LINE.fullmatch(line.rstrip())
        if found and found.group(1) in names:
            current = found.group(1)
            described[current] = found.group(2)
        elif current is not None and line.startswith("  "):
            described[current] += f" {line.strip()}"
        else:
            current = None
    return first, described
