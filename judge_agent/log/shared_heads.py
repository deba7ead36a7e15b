"""The heads of one log folder in a database that several folders share.

Writers are named within their folder (w1, w2), so two machines have writers of one name. In a shared database each
folder's heads stand under a name that the folder was given when its first writer came. Whoever removes that name
leaves a log whose ends are anchored nowhere, which `verify` says.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from judge_agent.errors import StoreError
from judge_agent.log.heads import Head, Heads

NAME_FILE = "folder.id"


class KeptHead(Protocol):
    """A head as a store keeps it."""

    @property
    def writer(self) -> str: ...
    @property
    def segment(self) -> str: ...
    @property
    def count(self) -> int: ...
    @property
    def head(self) -> str: ...


class HeadStore(Protocol):
    async def set_head(self, writer: str, segment: str, count: int, head: str) -> bool: ...

    async def last_segment(self, writer: str) -> str | None: ...

    async def heads(self) -> Sequence[KeptHead]: ...


class SharedHeads:
    """The heads of the log in `folder`. Raises StoreError where the folder or the store cannot be used."""

    def __init__(self, store: HeadStore, folder: Path) -> None:
        self._store = store
        self._folder = folder

    async def set_head(self, writer: str, segment: str, count: int, head: str) -> bool:
        """What an `AuditLogWriter` takes as its anchor."""
        return await self._store.set_head(f"{_named(self._folder)}/{writer}", segment, count, head)

    async def last_segment(self, writer: str) -> str | None:
        """What it takes as its last anchored segment."""
        return await self._store.last_segment(f"{_named(self._folder)}/{writer}")

    async def heads(self) -> Heads:
        """Return what `verify` takes. Raises StoreError for a folder that never had a name."""
        prefix = f"{_name_of(self._folder)}/"
        return {
            (kept.writer.removeprefix(prefix), kept.segment): Head(kept.count, kept.head)
            for kept in await self._store.heads()
            if kept.writer.startswith(prefix)
        }


def _name_of(folder: Path) -> str:
    try:
        return (folder / NAME_FILE).read_text().strip()
    except OSError as error:
        raise StoreError(
            f"the log folder {str(folder)!r} has no name ({NAME_FILE}): {error.strerror}"
        ) from error


def _named(folder: Path) -> str:
    """The folder's name; a new one where it has none. Of processes that begin together one gives it, complete."""
    if not (folder / NAME_FILE).exists():
        draft = folder / f"{NAME_FILE}.{uuid.uuid4().hex}"
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(f"{uuid.uuid4().hex}\n")
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(draft, folder / NAME_FILE)
            draft.unlink()
        except OSError as error:
            raise StoreError(f"the log folder {str(folder)!r} cannot be named: {error.strerror}") from error
    return _name_of(folder)
