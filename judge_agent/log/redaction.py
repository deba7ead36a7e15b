"""Deletes the texts of a judgment from the log; the chain stays verifiable, for it holds only their hashes."""

from __future__ import annotations

import os
from pathlib import Path

from judge_agent.log.contents import Content, blank, contents
from judge_agent.log.lines import loads
from judge_agent.log.segments import raw_lines, segment_files


def redact(folder: Path, judgment_id: str) -> int:
    """Overwrite every content of a judgment, and its salt, in place; returns how many. Raises OSError.

    Safe beside a running writer, which only appends. The lines themselves (ids, times, token counts,
    hashes) stay. Copies elsewhere, the journal's among them, are not touched.
    """
    count = 0
    for file in segment_files(folder):
        lines = {
            entry["line"]
            for raw in raw_lines(file.path)
            if (entry := loads(raw)) is not None and entry.get("judgment_id") == judgment_id
        }
        wanted = [item for item in contents(file.contents) if item.line in lines and item.text is not None]
        if wanted:
            _overwrite(file.contents, wanted)
            count += len(wanted)
    return count


def _overwrite(path: Path, wanted: list[Content]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        for content in wanted:
            os.pwrite(descriptor, blank(content), content.start)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
