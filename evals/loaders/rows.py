"""Rows of benchmark files with the line that each stands on: JSON lines, one JSON list or object, or CSV.

Any of them may be compressed (`.gz`), begin with a byte order mark, or end its lines with CRLF. Every error is an
InvalidRequest that names file, line and field, so that a broken row is found and not skipped.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zlib
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from judge_agent.errors import InvalidRequest

_SPACE = re.compile(r"[ \t\r\n]*")
_COMPRESSED = ".gz"
_MAX_SHOWN = 60


@dataclass(frozen=True)
class Row:
    """One row. `number` counts the file's rows from 1, `line` its lines from 1. `folder` is the set's own."""

    path: Path
    number: int
    line: int
    data: Mapping[str, Any]
    folder: Path | None = None

    @property
    def file(self) -> str:
        """The file's name without its suffixes, with the folders of the set that it lies in."""
        path = self.path.relative_to(self.folder) if self.folder else Path(self.path.name)
        return str(path.with_name(plain_name(path).rpartition(".")[0]).as_posix())

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


def plain_name(path: Path) -> str:
    """The name of a file without what says that it is compressed."""
    return path.name.removesuffix(_COMPRESSED)


def rows_of(path: Path, folder: Path | None = None) -> list[Row]:
    """Read a `.json` file that is one list, or a `.jsonl` file; blank lines are no rows. Raises InvalidRequest."""
    text = _text_of(path)
    found = _listed(path, text) if plain_name(path).endswith(".json") else _lines(path, text)
    rows = [
        Row(path, number, line, _object(path, number, line, data), folder)
        for number, (line, data) in enumerate(found, start=1)
    ]
    if not rows:
        raise InvalidRequest(str(path), "holds no rows")
    return rows


def object_of(path: Path, folder: Path | None = None) -> Row:
    """Read a file that is one JSON object. Raises InvalidRequest."""
    return Row(path, 1, 1, {name: data for _, name, data in members_of(path)}, folder)


def members_of(path: Path) -> Iterator[tuple[int, str, Any]]:
    """Read the members of a file that is one JSON object, with the line that each begins on. Raises InvalidRequest."""
    reader = _Reader(path, _text_of(path))
    reader.begin("{", "must be one object")
    for line in reader.parts("}"):
        name = reader.value()
        if not isinstance(name, str) or not reader.skips(":"):
            raise _not_json(path, line, "a name or its colon is missing")
        yield line, name, reader.value()


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
        content = path.read_bytes()
        if path.suffix == _COMPRESSED:
            content = gzip.decompress(content)
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise InvalidRequest(f"{path}, line {line}", f"is not UTF-8: {error.reason}") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InvalidRequest(str(path), f"is no whole gzip file: {error}") from error
    except OSError as error:
        raise InvalidRequest(str(path), f"cannot be read: {error.strerror}") from error


def _lines(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    # Not splitlines(): it also breaks at U+2028, which may stand inside of a JSON text.
    for line, content in enumerate(text.split("\n"), start=1):
        if content.strip():
            try:
                yield line, json.loads(content)
            except (ValueError, RecursionError) as error:
                raise _not_json(path, line, _reason(error)) from error


def _listed(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    reader = _Reader(path, text)
    reader.begin("[", "must be a JSON list of rows")
    for line in reader.parts("]"):
        yield line, reader.value()


class _Reader:
    """Reads a JSON list or object part by part, for the sake of the lines that they stand on."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._text = text
        self._at = 0
        self._breaks = [found.start() for found in re.finditer("\n", text)]
        self._decoder = json.JSONDecoder()

    def begin(self, mark: str, message: str) -> None:
        """Step over what the text begins with. Raises InvalidRequest."""
        if not self.skips(mark):
            raise InvalidRequest(str(self._path), message)

    def parts(self, end: str) -> Iterator[int]:
        """The line of each part up to the end of the text; who asks reads the part before the next one."""
        ended = self.skips(end)
        while not ended:
            yield self._line
            ended = self.skips(end)
            if not ended and not self.skips(","):
                raise _not_json(self._path, self._line, f"a comma or the closing {end} is missing")
        if self._at < len(self._text):
            raise _not_json(self._path, self._line, f"something follows the closing {end}")

    def skips(self, mark: str) -> bool:
        """Whether a mark comes next, which is stepped over then, with the space around it."""
        self._skip_space()
        found = self._text.startswith(mark, self._at)
        if found:
            self._at += len(mark)
            self._skip_space()
        return found

    def value(self) -> Any:
        """Read one value. Raises InvalidRequest."""
        line = self._line
        try:
            value, self._at = self._decoder.raw_decode(self._text, self._at)
        except (ValueError, RecursionError) as error:
            raise _not_json(self._path, getattr(error, "lineno", line), _reason(error)) from error
        return value

    @property
    def _line(self) -> int:
        return bisect_left(self._breaks, self._at) + 1

    def _skip_space(self) -> None:
        found = _SPACE.match(self._text, self._at)
        self._at = found.end() if found else self._at


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
