"""The seams to what is kept: the journal of finished calls, results shared by posts, the audit log."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol


@dataclass(frozen=True)
class JournalEntry:
    """One finished model or tool call. `elapsed_seconds` is the judgment's own clock when it finished."""

    key: str
    node: str
    kind: Literal["model", "tool"]
    result: Mapping[str, Any]
    elapsed_seconds: float


class Journal(Protocol):
    """Every finished call, appended before its result is used; read back when a judgment resumes."""

    async def load(self, judgment_id: str) -> Mapping[str, JournalEntry]:
        """Return the finished calls of a judgment by key; empty for a new one."""
        ...

    async def append(self, judgment_id: str, entry: JournalEntry, *, lease: int | None = None) -> None:
        """Keep one finished call. It is committed on return, and on disk no later than the judgment's end.

        `lease` is the fencing token of the worker that judges; None where nobody else can. Raises LeaseLost where
        another worker has a later one, and StoreError.
        """
        ...

    async def held(self, judgment_id: str, lease: int) -> None:
        """Raise LeaseLost where another worker judges this judgment now, or it has ended; and StoreError."""
        ...


class SharedResults(Protocol):
    """Results that several judgments of one tenant share, such as a task's generated principles."""

    async def get(self, tenant: str, key: str) -> Mapping[str, Any] | None: ...

    async def put(
        self, tenant: str, key: str, value: Mapping[str, Any], *, replace: bool = False
    ) -> Mapping[str, Any]:
        """Keep `value` unless the key is there already, or it is to replace that; return what is kept.

        Raises StoreError.
        """
        ...

    async def drop(self, tenant: str, key: str, value: Mapping[str, Any]) -> None:
        """Forget what is kept of a key, where it is this value. Raises StoreError."""
        ...


EventType = Literal[
    "judgment.accepted",
    "judgment.resumed",
    "judgment.done",
    "judgment.cancelled",
    "judgment.superseded",
    "node.finished",
    "model.call",
    "tool.call",
    "content.redacted",
    "group.settled",
]


# What is told to who follows a judgment, and is no line of the log.
ToldType = Literal["tool.started", "tool.progress"]


@dataclass(frozen=True)
class AuditEvent:
    """One line of the log. `fields` are facts without content; `contents` are texts, kept apart by salted hash."""

    type: EventType | ToldType
    judgment_id: str
    tenant: str
    node: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    contents: Mapping[str, Any] = field(default_factory=dict)


class AuditLog(Protocol):
    async def append(self, event: AuditEvent, *, after: Sequence[Awaitable[None]] = ()) -> None:
        """Write one event. Returns when the line is on disk (group-committed). Raises StoreError.

        `after`: notes that were made before. Where one of them is lost, this event is not written, which raises too.
        """
        ...

    async def end(self, judgment_id: str, since: float) -> Mapping[str, Any] | None:
        """Return the record of a judgment whose end the log holds, None where it holds none; `{}` for one that cannot
        be read any more. `since`: when it was accepted, in Unix seconds. Raises StoreError."""
        ...

    def note(self, event: AuditEvent) -> Awaitable[None]:
        """Write one event soon, in the order of the calls; awaiting what it returns writes now, as `append` does."""
        ...
