"""Checks that need a library: patterns on RE2, JSON and its schemas, languages. Each is imported where it is asked for.

Does not know every language: close ones (Danish and Norwegian, Croatian and Serbian) are often left open.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from tools.text_checks.in_box.outcomes import Check, Count, Outcome, exactly
from tools.text_checks.in_box.units import lines_of

PATTERN_MEMORY_BYTES = 8 << 20
MAX_MATCHES = 100_000
MAX_NUMBER_DIGITS = 4000
CHUNK_LETTERS = 600
MAX_CHUNKS = 24
MIN_LETTERS = 24
MIN_WIDE_LETTERS = 8
SURE, SURELY_NOT = 0.95, 0.001
# Written alike: a short text of the one is taken for a bit of the other.
_VARIETIES = {"zh": ("wuu", "yue"), "en": ("pcm",), "no": ("nb", "nn"), "nb": ("no",), "nn": ("no",)}
# An address begins a word: tried at every letter of a long one, it would take quadratic time.
_NOT_PROSE = re.compile(r"https?://\S+|www\.\S+|`[^`\n]*`|(?<!\S)[^\s@]{1,200}@\S+")


class Missing(Exception):
    """A package that this box lacks; its name."""


def matches(text: str, check: Check) -> Outcome:
    found = _pattern(check).search(text)
    return Outcome(
        "fail" if found is None else "pass", "the pattern is found" if found else "the pattern is not found"
    )


def full_match(text: str, check: Check) -> Outcome:
    found = _pattern(check).fullmatch(text.strip())
    return Outcome(
        "fail" if found is None else "pass", f"the whole text {'matches' if found else 'does not match'}"
    )


def count_matches(text: str, check: Check) -> Count:
    pattern, count = _pattern(check), 0
    for _ in pattern.finditer(text):
        count += 1
        if count >= MAX_MATCHES:
            break
    return exactly(count)


class Unreadable(Exception):
    """A pattern, schema or language of the check that cannot be used here; says why."""


def _pattern(check: Check) -> Any:
    re2 = _imported("re2")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = PATTERN_MEMORY_BYTES
    options.case_sensitive = check.get("case") != "ignore"
    try:
        return re2.compile(check["pattern"], options)
    except (re2.error, UnicodeError) as error:
        raise Unreadable(
            f"the pattern is none of RE2 (no look-around, no back-references): {error!s:.120}"
        ) from error


def is_json(text: str, check: Check) -> Outcome:
    try:
        _parsed(text)
    except ValueError as error:
        return Outcome("fail", f"it is no JSON: {error!s:.120}")
    except RecursionError:
        return Outcome("undecided", "it is nested too deeply to be read")
    return Outcome("pass", "it is JSON")


def fits_schema(text: str, check: Check) -> Outcome:
    try:
        value = _parsed(text)
    except ValueError as error:
        return Outcome("fail", f"it is no JSON: {error!s:.120}")
    except RecursionError:
        return Outcome("undecided", "it is nested too deeply to be read")
    try:
        from tools import json_schema
    except ModuleNotFoundError as error:
        raise Missing(error.name or "jsonschema") from error
    schema = json_schema.ready(check["schema"])
    if schema.broken is not None:
        raise Unreadable(schema.broken)
    checked = json_schema.check(value, schema)
    if checked.problems:
        first = checked.problems[0]
        return Outcome("fail", f"{first.path or 'the value'}: {first.message}"[:160])
    if checked.unchecked:
        return Outcome("undecided", f"not all of it was checked: {checked.unchecked[0]:.120}")
    return Outcome("pass", "it is valid against the schema")


def _parsed(text: str) -> Any:
    """JSON as the standard has it, alone or in one fence that is the whole text. Raises ValueError, RecursionError."""
    return json.loads(
        _unfenced(text.strip()), parse_constant=_no_constant, parse_int=_integer, parse_float=_float
    )


def _unfenced(text: str) -> str:
    lines = lines_of(text)
    whole = len(lines) > 1 and all(line.fenced for line in lines) and lines[-1].text.strip() in ("```", "~~~")
    return "\n".join(line.text for line in lines[1:-1]) if whole else text


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number in JSON")


def _integer(digits: str) -> int:
    return int(digits) if len(digits) <= MAX_NUMBER_DIGITS else 10**4100


def _float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        return 1.7e308 if value > 0 else -1.7e308
    return value


def in_language(text: str, check: Check) -> Outcome:
    """Every longer piece of the prose is in the language. Short texts and close languages are left open."""
    prose = "\n".join(_NOT_PROSE.sub(" ", line.text) for line in lines_of(text) if not line.fenced)
    chunks = _chunks(prose)
    if not chunks:
        return Outcome("undecided", "too little text to tell its language", True)
    identifier = _identifier()
    if check["language"] not in set(identifier.labels):
        raise Unreadable(f"the language {check['language']!r} is not known here")
    shares = [dict(identifier.rank(chunk)) for chunk in chunks]
    meant = (check["language"], *_VARIETIES.get(check["language"], ()))
    of_it = [sum(float(share.get(one, 0.0)) for one in meant) for share in shares]
    told = f"{sum(one >= SURE for one in of_it)} of {len(of_it)} pieces are surely in it"
    if all(one >= SURE for one in of_it):
        return Outcome("pass", told)
    others = [
        one <= SURELY_NOT and max(map(float, share.values())) >= SURE
        for one, share in zip(of_it, shares, strict=True)
    ]
    return Outcome("fail", told) if all(others) else Outcome("undecided", told, True)


def _chunks(prose: str) -> list[str]:
    """Paragraphs gathered to pieces of some hundred letters, evenly taken where there are many."""
    found: list[str] = []
    gathered = ""
    for line in prose.splitlines():
        for start in range(0, len(line), 2 * CHUNK_LETTERS):
            gathered += line[start : start + 2 * CHUNK_LETTERS] + " "
            if len(gathered) >= CHUNK_LETTERS:
                found.append(gathered)
                gathered = ""
    if _is_enough(gathered) or not found:
        found.append(gathered)
    found = [one for one in found if _is_enough(one)]
    step = max(1, -(-len(found) // MAX_CHUNKS))
    return found[::step]


def _is_enough(text: str) -> bool:
    letters = [char for char in text if char.isalpha()]
    wide = sum(ord(char) > 0x2E7F for char in letters)
    return len(letters) >= MIN_LETTERS or wide >= MIN_WIDE_LETTERS


_LOADED: list[Any] = []


def _identifier() -> Any:
    if not _LOADED:
        langid = _imported("py3langid.langid")
        _LOADED.append(langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True))
    return _LOADED[0]


def _imported(name: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise Missing(name.partition(".")[0]) from error
