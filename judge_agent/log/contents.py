"""The side file of a segment: the texts that its lines only name by salted hash.

One JSON line per text: `{"line", "name", "salt", "text"}`. The salt lies with the text and goes with it, so
that nobody can guess a redacted text from its hash. Redacting overwrites the record in place.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from judge_agent.log.lines import dumps, loads, written

SUFFIX = ".contents"


class Sealed(NamedTuple):
    """`named` is what the log line says of a text; `record` is the side file's line."""

    named: dict[str, Any]
    record: bytes


class Content(NamedTuple):
    """One record of a side file. `text` is None where it was redacted; offsets are bytes in the file."""

    line: int
    name: str
    salt: str
    text: str | None
    is_json: bool
    start: int
    end: int

    @property
    def value(self) -> Any:
        """The content as it was appended: text, or JSON data; None where it was redacted."""
        if self.text is None or not self.is_json:
            return self.text
        wrapped = loads(b'{"value":' + self.text.encode() + b"}")
        return wrapped["value"] if wrapped else None


def seal(line: int, name: str, value: Any) -> Sealed:
    """Return what the line says of a content, text or JSON data, and the record that holds it."""
    is_json = not isinstance(value, str)
    text = written(value) if is_json else value
    salt, data = secrets.token_hex(16), _bytes(text)
    named = {"sha256": _digest(salt, data), "bytes": len(data), "json": is_json}
    # Canonical JSON is printable ASCII: as a string in JSON it needs two replacements, no second pass of an encoder.
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' if is_json else written(text)
    kind = '"json":true,' if is_json else ""
    record = f'{{{kind}"line":{line},"name":{written(name)},"salt":"{salt}","text":{quoted}}}\n'
    return Sealed(named, record.encode("ascii"))


def digest(salt: str, text: str) -> str:
    return _digest(salt, _bytes(text))


def blank(content: Content) -> bytes:
    """Return a record of the same length that says the text is gone."""
    record = dumps({"line": content.line, "name": content.name, "gone": 1}).encode("ascii")
    return record.ljust(content.end - content.start - 1) + b"\n"


def contents(path: Path) -> Iterator[Content]:
    """Yield the readable records of a side file in order; a torn or broken one is passed over."""
    if not path.exists():
        return
    start = 0
    with path.open("rb") as file:
        for raw in file:
            end = start + len(raw)
            content = _content(loads(raw), start, end)
            if content is not None and raw.endswith(b"\n"):
                yield content
            start = end


def _content(data: Mapping[str, Any] | None, start: int, end: int) -> Content | None:
    if data is None or not isinstance(data.get("line"), int) or not isinstance(data.get("name"), str):
        return None
    text, salt = data.get("text"), data.get("salt", "")
    if not isinstance(salt, str) or not (isinstance(text, str) or "gone" in data):
        return None
    return Content(
        data["line"],
        data["name"],
        salt,
        text if isinstance(text, str) else None,
        bool(data.get("json")),
        start,
        end,
    )


def _digest(salt: str, data: bytes) -> str:
    return hashlib.sha256(salt.encode("ascii", "replace") + data).hexdigest()


def _bytes(text: str) -> bytes:
    # Judged texts may hold lone surrogates, which UTF-8 has no bytes for.
    return text.encode("utf-8", "surrogatepass")
