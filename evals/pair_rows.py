"""Rows of benchmark files with the line that each begins on: JSON lines, or one JSON list.

Every error is an InvalidRequest that names file, line and field, so that a broken row is found and not skipped.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from judge_agent.errors import InvalidRequest

_SPACE = re.compile(r"[ \t\r\n]*")
_MAX_SHOWN = 60


@dataclass(frozen=True)
class Row:
    """One row. `number` counts the file's rows from 1, `line` its lines from 1."""

    path: Path
    number: int
    line: int
    data: Mapping[str, Any]

    def text(self, field: str, *, may_be_empty: bool = False) -> str:
        """The field's text. Raises InvalidRequest for anything else, and for what UTF-8 cannot carry."""
        value = self.data.get(field)
        if not isinstance(value, str) or not (may_be_empty or value.strip()):
            self.refuse(field, "a text" if may_be_empty else "a text that is not empty")
        if any("\ud800" <= letter <= "\udfff" for letter in value):
            self.refuse(field, "Unicode text without lone surrogates")
        return value

    def one_of(self, field: str, options: tuple[Any, ...]) -> Any:
        """The field's value, equal to one of `options` and of its type. Raises InvalidRequest."""
        value = self.data.get(field)
        # True equals 1, and is no 1.
        if not any(type(value) is type(option) and value == option for option in options):
            self.refuse(field, f"one of {', '.join(map(repr, options))}")
        return value

    def refuse(self, field: str, expected: str) -> NoReturn:
        found = _shown(self.data[field]) if field in self.data else "nothing"
        raise self.error(field, f"must be {expected}, got {found}")

    def error(self, field: str, message: str) -> InvalidRequest:
        return InvalidRequest(f"{self.path}, line {self.line} (row {self.number}), field {field}", message)


def rows_of(path: Path) -> list[Row]:
    """Read a `.json` file that is one list, or a `.jsonl` file; blank lines are no rows. Raises InvalidRequest."""
    text = _text_of(path)
    found = _listed(path, text) if path.suffix == ".json" else _lines(path, text)
    rows = [
        Row(path, number, line, _object(path, number, line, data))
        for number, (line, data) in enumerate(found, start=1)
    ]
    if not rows:
        raise InvalidRequest(str(path), "holds no rows")
    return rows


def _text_of(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InvalidRequest(str(path), f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise InvalidRequest(f"{path}, line {line}", f"is not UTF-8: {error.reason}") from error


def _lines(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    # Not splitlines(): it also breaks at U+2028, which may stand inside of a JSON text.
    for line, content in enumerate(text.split("\n"), start=1):
        if content.strip():
            try:
                yield line, json.loads(content)
            except (ValueError, RecursionError) as error:
                raise _not_json(path, line, _reason(error)) from error


def _listed(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    """The items of a JSON list one by one, for the sake of their lines."""
    breaks = [found.start() for found in re.finditer("\n", text)]
    decoder = json.JSONDecoder()
    at = _after_space(text, 0)
    if not text.startswith("[", at):
        raise InvalidRequest(str(path), "must be a JSON list of rows")
    at = _after_space(text, at + 1)
    ended = text.startswith("]", at)
    while not ended:
        line = bisect_left(breaks, at) + 1
        try:
            data, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise _not_json(path, getattr(error, "lineno", line), _reason(error)) from error
        yield line, data
        at = _after_space(text, at)
        ended = text.startswith("]", at)
        if not ended and not text.startswith(",", at):
            raise _not_json(path, bisect_left(breaks, at) + 1, "a comma or the end of the list is missing")
        at = at if ended else _after_space(text, at + 1)
    at = _after_space(text, at + 1)
    if at < len(text):
        raise _not_json(path, bisect_left(breaks, at) + 1, "something follows the list")


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _not_json(path: Path, line: int, reason: str) -> InvalidRequest:
    return InvalidRequest(f"{path}, line {line}", f"is not JSON: {reason}")


def _reason(error: ValueError | RecursionError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at column {error.colno}"
    return str(error)


def _object(path: Path, number: int, line: int, data: Any) -> Mapping[str, Any]:
    if not isinstance(data, dict):
        raise InvalidRequest(f"{path}, line {line} (row {number})", f"must be an object, got {_shown(data)}")
    return data


def _shown(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."
