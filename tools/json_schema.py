"""Checks a value against a JSON Schema that may be hostile: bounded work, no network, linear-time patterns.

Three outcomes: valid, invalid (with problems), not checked (with the reason). What cannot be decided
within the limits, or not in the way that JSON Schema means it, is not checked; it is never called wrong.

Does NOT confine memory: callers cap the size of what they read from a request. `format` is not asserted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Literal

from jsonschema import exceptions
from jsonschema.validators import (
    Draft4Validator,
    Draft6Validator,
    Draft7Validator,
    Draft201909Validator,
    Draft202012Validator,
    extend,
)
from referencing import Registry
from referencing.exceptions import NoSuchResource, Unresolvable

from tools import json_work, linear_patterns

MAX_PROBLEMS = 5
MAX_MESSAGE_CHARS = 200
MAX_NAMES_CHARS = 100_000  # of the names of a value's outline
MAX_OUTLINE_WORK = 5_000
LONG_NUMBER = 10**4100  # stands for every number that is too long to be read
ProblemKind = Literal["missing_required", "wrong_type", "unexpected_argument", "invalid_value"]

_PROBLEM_KINDS: Mapping[str, ProblemKind] = {
    "required": "missing_required",
    "dependentRequired": "missing_required",
    "type": "wrong_type",
    "additionalProperties": "unexpected_argument",
    "unevaluatedProperties": "unexpected_argument",
}
_DRAFTS: Mapping[str, Any] = {
    "2020-12": Draft202012Validator,
    "2019-09": Draft201909Validator,
    "draft-07": Draft7Validator,
    "draft-06": Draft6Validator,
    "draft-04": Draft4Validator,
}
# Keywords whose failure stands whatever an undecided constraint elsewhere would have said.
_CONJUNCTIVE = {"properties", "items", "prefixItems", "allOf", "$ref", "$defs", "definitions"}
_SOUND = {
    "type", "required", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
    "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "multipleOf",
    "uniqueItems", "pattern", "dependentRequired",
}  # fmt: skip
_ABOUT_NAMES = {"type", "required", "dependentRequired", "minProperties", "maxProperties"}
# What a third-party walk over a hostile schema may end in; each means "not checked", none means "wrong".
_BROKEN_WALKS = (
    Unresolvable, NoSuchResource, exceptions.UnknownType, exceptions.SchemaError, RecursionError,
    TypeError, ValueError, AttributeError, LookupError, ArithmeticError,
)  # fmt: skip


@dataclass(frozen=True)
class Problem:
    """One way in which a value breaks its schema. `path` is dotted, '' for the whole value."""

    kind: ProblemKind
    path: str
    message: str


@dataclass(frozen=True)
class Checked:
    """`problems`: sound failures. `unchecked`: why the rest was not decided; both empty means valid.

    `units`: the work that it took.
    """

    problems: tuple[Problem, ...] = ()
    unchecked: tuple[str, ...] = ()
    units: int = 0


@dataclass(frozen=True)
class Schema:
    """A schema made ready once, to check many values; `broken` says why none can be checked."""

    validator: Any = None
    broken: str | None = None
    sizes: Mapping[int, int] = field(default_factory=dict)
    units: int = 0


def ready(schema: Mapping[str, Any] | bool, *, deadline: float | None = None) -> Schema:
    """Check the schema itself and pick its draft. Raises TimeoutError past `deadline`."""
    work = json_work.Work(deadline=deadline, limit=json_work.MAX_SCHEMA_WORK)
    try:
        work.measure(schema)
    except json_work.WorkExceeded as error:
        return Schema(broken=f"the schema could not be read: {error}")
    with json_work.counted(work):
        return replace(_of_some_draft(schema), sizes=work.sizes, units=work.units)


def check(value: Any, schema: Schema, *, deadline: float | None = None) -> Checked:
    """Check one value against one schema.

    `deadline` is a `time.monotonic()` moment, a last resort behind the work limit (which is the same on
    every machine). Raises TimeoutError past it.
    """
    if schema.broken is not None:
        return Checked(unchecked=(schema.broken,))
    work = json_work.Work(deadline=deadline, schema_sizes=schema.sizes)
    try:
        work.spend(work.measure(value) // json_work.CHARS_PER_UNIT)
    except json_work.WorkExceeded as error:
        return _outline_checked(value, schema, (f"the arguments could not be read: {error}",), deadline)
    if _holds_long_number(value):
        return _outline_checked(value, schema, ("the arguments hold a very long number",), deadline)
    with json_work.counted(work):
        errors, stopped = _walk(schema.validator, value)
    unchecked = tuple(dict.fromkeys((*work.notes, *stopped)))
    kept = [error for error in errors if not unchecked or _stands(error)]
    checked = Checked(tuple(_problem(error) for error in kept[:MAX_PROBLEMS]), unchecked, work.units)
    if kept or not unchecked:
        return checked
    outlined = _outline_checked(value, schema, unchecked, deadline)
    return replace(outlined, units=outlined.units + work.units)


def _outline_checked(
    value: Any, schema: Schema, unchecked: tuple[str, ...], deadline: float | None
) -> Checked:
    """Check only the outline of a value that cannot be checked as a whole: what fails there fails anyhow.

    So nobody hides a wrong argument behind a costly one.
    """
    if not isinstance(value, dict) or sum(map(len, value)) > MAX_NAMES_CHARS:
        return Checked(unchecked=unchecked)
    outline = {name: _outlined(inner) for name, inner in value.items()}
    work = json_work.Work(deadline=deadline, limit=MAX_OUTLINE_WORK, schema_sizes=schema.sizes)
    try:
        work.measure(outline)
        with json_work.counted(work):
            errors, _ = _walk(schema.validator, outline)
    except json_work.WorkExceeded:
        return Checked(unchecked=unchecked)
    kept = [error for error in errors if _stands_in_outline(error, value, outline)]
    return Checked(tuple(_problem(error) for error in kept[:MAX_PROBLEMS]), unchecked, work.units)


def _outlined(value: Any) -> Any:
    """A value of the same type that costs nothing; short ones stay."""
    if isinstance(value, (dict, list)):
        return type(value)()
    if isinstance(value, str) and len(value) > MAX_MESSAGE_CHARS:
        return ""
    return value


def _stands_in_outline(error: Any, value: Mapping[str, Any], outline: Mapping[str, Any]) -> bool:
    """Whether an error of the outline is one of the whole: it rests on names, types or values that stayed."""
    path = list(error.absolute_path)
    if not path:
        closed = error.validator == "additionalProperties" and "patternProperties" not in error.schema
        return _conjunctive(error) and (closed or error.validator in _ABOUT_NAMES)
    if len(path) > 1 or not _stands(error):
        return False
    inner = value[path[0]]
    return error.validator == "type" or (inner is outline[path[0]] and inner != LONG_NUMBER)


def _holds_long_number(value: Any) -> bool:
    stack = [value]
    while stack:
        node = stack.pop()
        if isinstance(node, (dict, list)):
            stack.extend(node if isinstance(node, list) else node.values())
        elif isinstance(node, int) and node == LONG_NUMBER:
            return True
    return False


def _of_some_draft(schema: Mapping[str, Any] | bool) -> Schema:
    """The draft that `$schema` names, else the newest, else an older one whose dialect fits."""
    name: str | None = _declared_draft(schema)
    first: str | None = None
    while name is not None:
        draft = _BOUNDED[name]
        errors, stopped = _walk(draft(draft.META_SCHEMA, registry=Registry()), schema)
        if stopped:
            return Schema(broken=f"the schema could not be checked: {stopped[0]}")
        if not errors:
            return Schema(validator=draft(schema, registry=Registry()))
        first = first or f"the schema is broken: {_problem(errors[0]).message}"
        name = _older_dialect(name, errors)
    return Schema(broken=first)


def _declared_draft(schema: Mapping[str, Any] | bool) -> str:
    declared = schema.get("$schema") if isinstance(schema, Mapping) else None
    named = [name for name in _DRAFTS if isinstance(declared, str) and name in declared]
    return named[0] if named else "2020-12"


def _older_dialect(name: str, errors: Sequence[Any]) -> str | None:
    """Lists of `items` are draft 7, true `exclusiveMinimum`s are draft 4; both are rarely declared."""
    if name == "2020-12":
        last = {error.absolute_path[-1] for error in errors if error.absolute_path}
        if last & {"exclusiveMinimum", "exclusiveMaximum"}:
            return "draft-04"
        if "items" in last:
            return "draft-07"
    return None


def _walk(validator: Any, value: Any, limit: int = 32) -> tuple[list[Any], tuple[str, ...]]:
    """Collect errors until the walk ends or breaks off; say why it broke off."""
    errors: list[Any] = []
    try:
        errors.extend(islice(validator.iter_errors(value), limit))
    except json_work.WorkExceeded as error:
        return errors, (str(error),)
    except _BROKEN_WALKS as error:
        return errors, (_why(error),)
    return errors, ()


def _why(error: Exception) -> str:
    if isinstance(error, (Unresolvable, NoSuchResource)):
        return f"a $ref does not resolve inside the schema: {getattr(error, 'ref', '')!r:.80}"
    if isinstance(error, RecursionError):
        return "the schema nests too deeply"
    return f"the schema could not be applied: {type(error).__name__}"


def _stands(error: Any) -> bool:
    """Whether this failure holds whatever the undecided constraints would say."""
    return error.validator in _SOUND and _conjunctive(error)


def _conjunctive(error: Any) -> bool:
    path = [part for part in error.absolute_schema_path if isinstance(part, str)]
    keywords = [part for part in path[:-1] if part in _APPLICATORS]
    return all(keyword in _CONJUNCTIVE for keyword in keywords)


def _problem(error: Any) -> Problem:
    path = ".".join(str(part) for part in error.absolute_path)
    message = " ".join(str(error.message).split())
    if len(message) > MAX_MESSAGE_CHARS:
        message = f"{message[: MAX_MESSAGE_CHARS // 2]} ... {message[-MAX_MESSAGE_CHARS // 2 :]}"
    return Problem(_PROBLEM_KINDS.get(error.validator, "invalid_value"), path, message)


_APPLICATORS = {
    "properties", "patternProperties", "additionalProperties", "unevaluatedProperties", "propertyNames",
    "items", "prefixItems", "additionalItems", "unevaluatedItems", "contains", "allOf", "anyOf", "oneOf",
    "not", "if", "then", "else", "dependentSchemas", "dependencies", "$ref", "$dynamicRef", "$recursiveRef",
}  # fmt: skip


def _bounded(draft: Any) -> Any:
    """The draft with every keyword counted, and those replaced that run patterns or compare pairs."""
    replaced = {
        name: keyword for name, keyword in linear_patterns.KEYWORDS.items() if name in draft.VALIDATORS
    }
    keywords = {**draft.VALIDATORS, **replaced}
    for name in ("type", "enum"):
        keywords[name] = _nullable(keywords[name])
    bounded = extend(
        draft, {name: json_work.charged(keyword, _units(name)) for name, keyword in keywords.items()}
    )
    bounded.evolve = _evolve
    return bounded


def _units(keyword: str) -> int:
    """Looking a reference up costs several times what other keywords cost."""
    return 4 if keyword.lower().endswith("ref") else 1


def _evolve(self: Any, **changes: Any) -> Any:
    """Keep to this class: the library's own `evolve` leaves it for the stock one at a nested `$schema`."""
    kept = {"schema": self.schema, "registry": self._registry, "_resolver": self._resolver}
    return type(self)(**{**kept, **changes})


def _nullable(keyword: json_work.Keyword) -> json_work.Keyword:
    """OpenAPI 3.0 writes `nullable: true` where JSON Schema adds 'null' to the type."""

    def checked(validator: Any, value: Any, instance: Any, schema: Any) -> Any:
        if instance is None and isinstance(schema, dict) and schema.get("nullable") is True:
            return
        yield from keyword(validator, value, instance, schema) or ()

    return checked


_BOUNDED: Mapping[str, Any] = {name: _bounded(draft) for name, draft in _DRAFTS.items()}
