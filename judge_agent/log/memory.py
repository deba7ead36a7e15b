"""An audit log that lives as long as the process; for tests and for one-off judging."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

from judge_agent.log.ends import ENDS
from judge_agent.seams.storage import AuditEvent


class MemoryLog:
    """Fulfils `seams.storage.AuditLog`; `events` holds what was written, in order."""

    def __init__(self) -> None:
        self.events: list[AuditEvent] = []

    async def append(self, event: AuditEvent, *, after: Sequence[Awaitable[None]] = ()) -> None:
        for noted in after:
            await noted
        self.events.append(event)

    async def end(self, judgment_id: str, since: float) -> Mapping[str, Any] | None:
        ends = [one for one in self.events if one.judgment_id == judgment_id and one.type in ENDS]
        return ends[-1].contents["judgment"] if ends else None

    def note(self, event: AuditEvent) -> asyncio.Future[None]:
        self.events.append(event)
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        written.set_result(None)
        return written
