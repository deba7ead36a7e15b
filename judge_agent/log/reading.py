"""Reads the log back: events in order, with their contents. Verifies nothing; torn lines are passed over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from judge_agent.log.contents import contents
from judge_agent.log.lines import loads
from judge_agent.log.segments import SegmentFile, raw_lines, segment_files


@dataclass(frozen=True)
class Event:
    """One line. A content is its text or JSON data, or None where it was redacted or is missing."""

    type: str
    judgment_id: str
    tenant: str
    node: str | None
    time: float
    fields: Mapping[str, Any]
    contents: Mapping[str, Any]
    file: str
    line: int


def read(folder: Path, judgment_id: str | None = None) -> Iterator[Event]:
    """Yield the events of the log (of one judgment), in the order of writers, segments and lines."""
    for file in segment_files(folder):
        entries = [entry for raw in raw_lines(file.path) if (entry := _wanted(raw, judgment_id)) is not None]
        if entries:
            yield from _events(file, entries)


def _wanted(raw: bytes, judgment_id: str | None) -> dict[str, Any] | None:
    # Looking for the id in the raw bytes first spares parsing every other judgment's lines.
    if judgment_id is not None and judgment_id.isascii() and judgment_id.encode("ascii") not in raw:
        return None
    entry = loads(raw)
    if entry is None or entry.get("type") == "segment" or not isinstance(entry.get("line"), int):
        return None
    return entry if judgment_id is None or entry.get("judgment_id") == judgment_id else None


def _events(file: SegmentFile, entries: list[dict[str, Any]]) -> Iterator[Event]:
    lines = {entry["line"] for entry in entries}
    texts: dict[int, dict[str, Any]] = {}
    for content in contents(file.contents):
        if content.line in lines:
            texts.setdefault(content.line, {})[content.name] = content.value
    for entry in entries:
        named = entry.get("contents") or {}
        held = texts.get(entry["line"], {})
        yield Event(
            type=str(entry.get("type")),
            judgment_id=str(entry.get("judgment_id")),
            tenant=str(entry.get("tenant")),
            node=entry.get("node"),
            time=float(entry.get("time") or 0.0),
            fields=entry.get("fields") or {},
            contents={name: held.get(name) for name in named},
            file=file.path.name,
            line=entry["line"],
        )
