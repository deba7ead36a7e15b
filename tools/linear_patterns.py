"""The JSON Schema keywords that run a pattern or compare pairs, in linear time.

Patterns run on RE2. What RE2 cannot compile (look-around, back-references), or reads otherwise than
ECMA-262 does, is noted as not checked, and the constraint counts as met.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import re2
from jsonschema import ValidationError

from tools.json_work import Keyword, current

MAX_PATTERN_CHARS = 4000
STEPS_PER_UNIT = 600
_UNICODE_ESCAPE = re.compile(r"(?<!\\)((?:\\\\)*)\\u([0-9a-fA-F]{4})")
# Escapes and groups that mean something else in RE2 than in ECMA-262.
_OTHER_MEANING = re.compile(r"(?<!\\)(?:\\\\)*\\[AzZQEaCGKXRpPc0-9]|\(\?[a-zA-Z-]+[:)]|\[\[:|\[\^?\]")
_READS_SPACE = re.compile(r"\\[sS]|\.")
# Characters on which `.` and `\s` differ between the two.
_DIFFERENT_SPACE = re.compile("[\r\v\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]")


def matches(pattern: Any, text: str) -> bool | None:
    """Return whether the pattern is found in the text; None (and a note) where that cannot be decided."""
    work = current()
    compiled = _compiled(pattern)
    if compiled is None or (_READS_SPACE.search(pattern) and _DIFFERENT_SPACE.search(text)):
        work.note(f"a pattern was not checked: {pattern!r:.80}")
        return None
    # At worst RE2 walks the whole program at every character: linear, and still much for `(a|b)*a(a|b){900}`.
    work.spend(1 + len(text) * compiled.programsize // STEPS_PER_UNIT)
    return compiled.search(text) is not None


def _compiled(pattern: Any) -> Any:
    """Return the pattern on RE2, or None; compiled ones last as long as the check."""
    work = current()
    if not isinstance(pattern, str) or len(pattern) > MAX_PATTERN_CHARS or _OTHER_MEANING.search(pattern):
        return None
    if pattern not in work.patterns:
        work.spend(20 + len(pattern))
        options = re2.Options()
        options.log_errors = False
        options.max_mem = 1 << 20
        try:
            work.patterns[pattern] = re2.compile(_UNICODE_ESCAPE.sub(r"\1\\x{\2}", pattern), options)
        except (re2.error, UnicodeError):
            work.patterns[pattern] = None
    return work.patterns[pattern]


def _pattern(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(instance, "string") and matches(value, instance) is False:
        yield ValidationError(f"{instance!r} does not match {value!r}")


def _pattern_properties(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if not validator.is_type(instance, "object"):
        return
    for pattern, subschema in value.items():
        for name, child in instance.items():
            if matches(pattern, name):
                yield from validator.descend(child, subschema, path=name, schema_path=pattern)


def _additional_properties(
    validator: Any, value: Any, instance: Any, schema: Any
) -> Iterator[ValidationError]:
    if not validator.is_type(instance, "object"):
        return
    extras = list(_extras(instance, schema))
    if validator.is_type(value, "object"):
        for extra in extras:
            yield from validator.descend(instance[extra], value, path=extra)
    elif not value and extras:
        named = ", ".join(repr(extra) for extra in sorted(extras)[:8])
        yield ValidationError(f"not in the schema, which allows no other: {named}")


def _extras(instance: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    declared = schema.get("properties", {})
    patterns = schema.get("patternProperties", {})
    for name in instance:
        # An undecided pattern may cover the name: then it is not an extra.
        if name not in declared and all(matches(pattern, name) is False for pattern in patterns):
            yield name


def _unevaluated(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """Which properties the subschemas evaluated is a walk of its own, exponential when nested: only noted."""
    if value is not True:
        current().note("unevaluatedProperties and unevaluatedItems are not checked")
    yield from ()


def _unique_items(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if not value or not validator.is_type(instance, "array"):
        return
    seen: set[Any] = set()
    for item in instance:
        key = _key(item)
        if key in seen:
            yield ValidationError(f"{item!r:.80} is in the list more than once")
            return
        seen.add(key)


def _key(item: Any) -> Any:
    """A hashable that is equal where JSON says equal: 1 and 1.0 are, 1 and true are not."""
    if isinstance(item, dict):
        return ("object", frozenset((name, _key(child)) for name, child in item.items()))
    if isinstance(item, list):
        return ("array", tuple(_key(child) for child in item))
    return (type(item).__name__ if isinstance(item, (bool, str)) else "other", item)


def _multiple_of(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """Exact in decimal: 0.3 is a multiple of 0.1, which binary division denies."""
    if not validator.is_type(instance, "number"):
        return
    step, number = _decimal(value), _decimal(instance)
    if step is None or number is None:
        current().note("a multipleOf was not checked: its numbers are too large")
        return
    scale = 10 ** max(step[1], number[1])
    if (number[0] * (scale // 10 ** number[1])) % (step[0] * (scale // 10 ** step[1])):
        yield ValidationError(f"{instance!r} is not a multiple of {value!r}")


_DECIMAL = re.compile(r"^(-?\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$")


def _decimal(number: Any) -> tuple[int, int] | None:
    """The number as (digits, places) of its shortest decimal form; None where that is over 400 digits."""
    if isinstance(number, int) and number.bit_length() > 1300:
        return None
    found = _DECIMAL.match(repr(number))
    if found is None:
        return None
    whole, fraction, exponent = found.group(1), found.group(2) or "", int(found.group(3) or 0)
    places = len(fraction) - exponent
    digits = int(whole + fraction)
    return (digits, places) if places >= 0 else (digits * 10**-places, 0)


KEYWORDS: Mapping[str, Keyword] = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "unevaluatedProperties": _unevaluated,
    "unevaluatedItems": _unevaluated,
    "uniqueItems": _unique_items,
    "multipleOf": _multiple_of,
}
