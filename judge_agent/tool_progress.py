"""Tells who follows a judgment of tool calls that take long, while they do: `tool.started`, then `tool.progress`.

Of a call that ends within half a second nothing is told, and of a longer one twice a second at most. It is for who
looks on: the log has the call once it has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context
from typing import Any

from judge_agent.seams.progress import Done, Progress
from judge_agent.seams.storage import AuditEvent, ToldType

LOOK_SECONDS = 0.5
Tell = Callable[[AuditEvent], None]


class ToolProgress:
    """The long calls of one judgment. `tell` must neither block nor raise; None: nobody can follow it."""

    def __init__(self, tell: Tell | None, judgment_id: str, tenant: str) -> None:
        self._tell, self._judgment_id, self._tenant = tell, judgment_id, tenant

    @contextmanager
    def of(self, tool: str, key: str) -> Iterator[None]:
        """Around one call: what is said within it by `seams.progress` is told."""
        if self._tell is None:
            yield
            return
        looks = _Looks(self._told, tool, key)
        token = looks.progress.begun()
        try:
            yield
        finally:
            looks.end()
            looks.progress.ended(token)

    def _told(self, type_: ToldType, tool: str, fields: dict[str, Any]) -> None:
        assert self._tell is not None
        self._tell(AuditEvent(type_, self._judgment_id, self._tenant, f"gather/{tool}", fields))


class _Looks:
    """Looks twice a second at what one call has said."""

    def __init__(self, told: Callable[[ToldType, str, dict[str, Any]], None], tool: str, key: str) -> None:
        self.progress = Progress()
        self._told, self._tool, self._key = told, tool, key
        self._last: Done | None = None
        self._is_first = True
        self._loop = asyncio.get_running_loop()
        self._next = self._look_later()

    def end(self) -> None:
        self._next.cancel()

    def _look(self) -> None:
        facts: dict[str, Any] = {"tool": self._tool, "key": self._key}
        if self._is_first:
            self._is_first = False
            self._told("tool.started", self._tool, facts)
        said = self.progress.said
        if said is not None and said != self._last:
            self._last = said
            self._told("tool.progress", self._tool, {**facts, **said._asdict()})
        self._next = self._look_later()

    def _look_later(self) -> asyncio.TimerHandle:
        # In a context of its own: a loop keeps what is called off until it would have been due, and a judgment with it.
        return self._loop.call_later(LOOK_SECONDS, self._look, context=Context())
