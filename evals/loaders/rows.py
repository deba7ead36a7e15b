"""Rows of benchmark files with the line that each stands on: JSON lines, one JSON list, or CSV.

Every error is an InvalidRequest that names file, line and field, so that a broken row is found and not skipped.
"""

from __future__ import annotations

import csv
import io
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

    def texts(self, field: str, *, least: int = 1, may_be_empty: bool = False) -> list[str]:
        """The field's list of at least `least` texts. Raises InvalidRequest."""
        value = self.data.get(field)
        if not isinstance(value, list) or len(value) < least:
            self.refuse(field, f"a list of {least} or more texts")
        parts = Row(self.path, self.number, self.line, {f"{field}.{at}": one for at, one in enumerate(value)})
        return [parts.text(name, may_be_empty=may_be_empty) for name in parts.data]

    def whole(self, field: str, least: int = 0) -> int:
        """The field's whole number, also where it stands as text. Raises InvalidRequest."""
        value = self.data.get(field)
        if isinstance(value, str) and value.strip().lstrip("-").isdecimal():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            self.refuse(field, f"a whole number of at least {least}")
        return value

    def truth(self, field: str) -> bool:
        """The field's true or false; 1 and 0 count as such. Raises InvalidRequest."""
        value = self.data.get(field)
        if value not in (True, False, 0, 1) or isinstance(value, str):
            self.refuse(field, "true or false")
        return bool(value)

    def part(self, field: str) -> Row:
        """The object that stands in a field, as a row of its own. Raises InvalidRequest."""
        value = self.data.get(field)
        if not isinstance(value, dict):
            self.refuse(field, "an object")
        return Row(self.path, self.number, self.line, {str(key): one for key, one in value.items()})

    def parts(self, field: str, least: int = 1) -> list[Row]:
        """The objects of the list in a field. Raises InvalidRequest."""
        value = self.data.get(field)
        if (
            not isinstance(value, list)
            or len(value) < least
            or not all(isinstance(one, dict) for one in value)
        ):
            self.refuse(field, f"a list of {least} or more objects")
        return [Row(self.path, self.number, self.line, one) for one in value]

    def label(self, field: str, options: Mapping[str, Any]) -> Any:
        """What the field's text stands for. Raises InvalidRequest for any other text."""
        value = self.data.get(field)
        if not isinstance(value, str) or value not in options:
            self.refuse(field, f"one of {', '.join(map(repr, options))}")
        return options[value]

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


def table_of(path: Path) -> list[Row]:
    """Read a CSV file whose first line names the columns. Raises InvalidRequest."""
    text = io.StringIO(_text_of(path), newline="")
    try:
        table = csv.DictReader(text)
        # A quoted cell may hold line breaks: the reader knows on which line a row ended.
        return [Row(path, number, table.line_num, row) for number, row in enumerate(table, start=1)]
    except csv.Error as error:
        raise InvalidRequest(str(path), f"is no CSV: {error}") from error


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
