"""A log folder with a writer, and its heads where the database would keep them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from judge_agent.log import AuditLogWriter, Head
from judge_agent.seams.storage import AuditEvent


@dataclass
class Logged:
    """A folder, and what was anchored of it."""

    folder: Path
    heads: dict[tuple[str, str], Head] = field(default_factory=dict)

    async def anchor(self, writer: str, segment: str, count: int, head: str) -> None:
        self.heads[writer, segment] = Head(count, head)

    async def last_anchored(self, writer: str) -> str | None:
        return max((segment for name, segment in self.heads if name == writer), default=None)

    def writer(self, segment_max_bytes: int = 64_000_000) -> AuditLogWriter:
        return AuditLogWriter(
            self.folder,
            anchor=self.anchor,
            last_anchored=self.last_anchored,
            segment_max_bytes=segment_max_bytes,
        )

    def append(self, events: Sequence[AuditEvent], segment_max_bytes: int = 64_000_000) -> None:
        """Write events one after the other, as a service that starts and stops does."""

        async def run() -> None:
            async with self.writer(segment_max_bytes) as log:
                for event in events:
                    await log.append(event)

        asyncio.run(run())

    @property
    def segments(self) -> list[Path]:
        return sorted(self.folder.glob("*.jsonl"))


def event(
    number: int = 0,
    judgment: str = "jdg_1",
    fields: Mapping[str, Any] | None = None,
    contents: Mapping[str, Any] | None = None,
) -> AuditEvent:
    given = {"prompt": f"text {number}"} if contents is None else contents
    return AuditEvent("model.call", judgment, "tenant", "critique", fields or {"number": number}, given)


@pytest.fixture
def logged(tmp_path: Path) -> Logged:
    return Logged(tmp_path / "log")


@pytest.fixture
def make_event() -> Any:
    return event
