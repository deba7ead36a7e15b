"""Deletes the texts of a judgment from the log; the chain stays verifiable, for it holds only their hashes.

A chained line says first which lines lose their texts: a text that is gone without one was tampered with.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from judge_agent.log.contents import Content, blank, contents
from judge_agent.log.lines import Line, loads
from judge_agent.log.segments import raw_lines, segment_files
from judge_agent.log.writer import Anchor, AuditLogWriter, LastAnchored
from judge_agent.seams.storage import AuditEvent, EventType

REDACTED: EventType = "content.redacted"


class RedactedLine(NamedTuple):
    """A line whose texts a chained line says were redacted. `file` is the name of its segment."""

    file: str
    line: int
    judgment_id: str


class _Found(NamedTuple):
    path: Path
    wanted: list[Content]


async def redact(
    folder: Path, judgment_id: str, *, anchor: Anchor, last_anchored: LastAnchored | None = None
) -> int:
    """Overwrite every content of a judgment, and its salt, in place; returns how many.

    Safe beside a running writer: this one takes a name of its own, and `anchor` keeps where its chain ends
    (`last_anchored`: as for an `AuditLogWriter`).
    The lines themselves (ids, times, token counts, hashes) stay. Copies elsewhere, the journal's among
    them, are not touched. Raises OSError, StoreError.
    """
    tenant, found = await asyncio.to_thread(_find, folder, judgment_id)
    if not found:
        return 0
    lines = {
        item.path.with_suffix(".jsonl").name: sorted({content.line for content in item.wanted})
        for item in found
    }
    async with AuditLogWriter(folder, anchor=anchor, last_anchored=last_anchored) as log:
        await log.append(AuditEvent(REDACTED, judgment_id, tenant, fields={"lines": lines}))
    for item in found:
        await asyncio.to_thread(_overwrite, item.path, item.wanted)
    return sum(len(item.wanted) for item in found)


def redacted_lines(lines: Iterable[Line]) -> frozenset[RedactedLine]:
    """What these lines of the chain say was redacted."""
    found = set()
    for line in lines:
        fields = line.data.get("fields")
        told = fields.get("lines") if isinstance(fields, Mapping) else None
        if line.data.get("type") != REDACTED or not isinstance(told, Mapping):
            continue
        judgment = str(line.data.get("judgment_id"))
        for file, numbers in told.items():
            found |= {RedactedLine(file, number, judgment) for number in _whole_numbers(numbers)}
    return frozenset(found)


def _whole_numbers(value: object) -> Sequence[int]:
    return [number for number in value if isinstance(number, int)] if isinstance(value, list) else ()


def _find(folder: Path, judgment_id: str) -> tuple[str, list[_Found]]:
    """The judgment's tenant, and its contents that are still there, file by file."""
    tenant, found = "", []
    for file in segment_files(folder):
        entries = [
            entry
            for raw in raw_lines(file.path)
            if (entry := loads(raw)) is not None and entry.get("judgment_id") == judgment_id
        ]
        lines = {entry.get("line") for entry in entries}
        tenant = next((str(entry.get("tenant")) for entry in entries), tenant)
        wanted = [item for item in contents(file.contents) if item.line in lines and item.text is not None]
        if wanted:
            found.append(_Found(file.contents, wanted))
    return tenant, found


def _overwrite(path: Path, wanted: list[Content]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        for content in wanted:
            os.pwrite(descriptor, blank(content), content.start)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
