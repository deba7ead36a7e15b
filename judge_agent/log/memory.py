"""An audit log that lives as long as the process; for tests and for one-off judging."""

from __future__ import annotations

import asyncio

from judge_agent.seams.storage import AuditEvent


class MemoryLog:
    """Fulfils `seams.storage.AuditLog`; `events` holds what was written, in order."""

    def __init__(self) -> None:
        self.events: list[AuditEvent] = []

    async def append(self, event: AuditEvent) -> None:
        self.events.append(event)

    def note(self, event: AuditEvent) -> asyncio.Future[None]:
        self.events.append(event)
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        written.set_result(None)
        return written
