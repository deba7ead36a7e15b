"""One SQLite file behind one thread, which commits together what arrives together.

Every piece of work runs in a savepoint of its own inside a shared transaction, or has it to itself; its caller gets
the result after the commit, which is after the fsync (WAL, synchronous=FULL). With many callers one fsync serves all.

What takes a moment, reading or writing a few rows by their keys, needs no turn of the thread, which takes longer than
the work: it is done on the thread of the event loop, over connections of its own, and its result is there at once. A
commit is then in the WAL, where every process sees it and no killed one takes it along, but not on disk yet, which only
a machine that loses its power tells apart. For the disk waits who needs it (`on_disk`), in the thread: what the WAL
holds up to there is on disk then. Nothing that the thread returns rests on what is not.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import functools
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from judge_agent.errors import StoreError
from judge_agent.store.own_connections import OwnConnections
from judge_agent.store.tables import MIGRATIONS, SCHEMA_VERSION
from judge_agent.store.transactions import Item, Outcome, Work, begin, commit, settle, undone

T = TypeVar("T")
MAX_BATCH = 512
# SQLite's own 2 MB are too few after an hour's judgments: each commit then reads pages again.
CACHE_KB = 64_000
BUSY_SECONDS = 10.0
CHECKPOINT_SECONDS = 1.0
# A WAL that has grown to so many pages, because writes came during every checkpoint, is begun anew while they wait.
MAX_WAL_PAGES = 16_000
# How long what nobody is in a hurry for waits, to share the transaction of what comes next.
ALONG_SECONDS = 0.02


class Database:
    """An open database. `path` None keeps it in memory.

    `exclusive` takes the lock that makes this process the only one that runs judgments from the file;
    without it, keys can be listed and changed beside a running service.
    """

    def __init__(self, path: Path | None, *, exclusive: bool = True) -> None:
        self._path = path
        self._exclusive = exclusive and path is not None
        self._lock_file: int | None = None
        self._queue: queue.SimpleQueue[Sequence[Item] | None] = queue.SimpleQueue()
        self._along: list[Item] = []
        self._along_due: asyncio.TimerHandle | None = None
        self._own: OwnConnections | None = None
        # How many commits of the loop's thread have begun, are over, and are on disk.
        self._begun, self._committed, self._synced = 0, 0, 0
        self._is_in_doubt = False  # whether what the WAL holds was written to disk
        # The `data_version` up to which all is on disk: commits of other processes change it, too.
        self._synced_version = 0
        self._checkpoint_due = 0.0
        self._thread: threading.Thread | None = None
        self._closed = False

    async def open(self) -> None:
        """Open the file, bring its tables up to date and start the thread. Raises StoreError."""
        if self._path is not None:
            _create_private(self._path)
        if self._exclusive and self._path is not None:
            self._lock_file = _lock(self._path)
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        loop = asyncio.get_running_loop()
        self._thread = threading.Thread(
            target=self._serve, args=(loop, ready), name="judge-store", daemon=True
        )
        self._thread.start()
        try:
            await ready
            if self._path is not None:
                # A file system on which SQLite keeps no WAL has the thread alone read and write.
                with contextlib.suppress(OSError, sqlite3.Error):
                    self._own = OwnConnections(self._path)
        except BaseException:
            await self.aclose()
            raise

    async def run(self, work: Work[T]) -> T:
        """Run `work` in a transaction; what it wrote is on disk on return.

        Raises what `work` raises (its writes are undone), and StoreError for the database's own errors.
        """
        item = self._item(work)
        self._send(item)
        result: T = await item.future
        return result

    async def at_once(self, work: Work[T]) -> T:
        """As `run`, for work that takes a moment: committed on return, and on disk when `on_disk` has been waited for.

        While another writes, it is done by the thread, as `run` does.
        """
        if self._own is None or self._closed or not self._own.is_here:
            return await self.run(work)
        item = self._item(work)
        items = [*self._took_along(item.loop), item]
        self._begun += 1
        try:
            outcomes = self._own.commit(items, self._name)
        finally:
            self._committed = self._begun
        if outcomes is None:
            self._send(*items)
        else:
            settle(outcomes)
        result: T = await items[-1].future
        return result

    @property
    def answers_at_once(self) -> bool:
        """Whether `at_once` waits for nobody, where no other writes."""
        return self._own is not None

    async def on_disk(self) -> None:
        """Wait until all that was committed before, by any process, is on disk. Raises StoreError."""
        if self._synced < self._committed or (self._own is not None and not self._exclusive):
            item = self._item(None)
            self._send(item)
            await item.future

    async def along(self, work: Work[T]) -> T:
        """As `at_once`, for what nobody is in a hurry for: with what is run next, or after `ALONG_SECONDS`."""
        item = self._item(work)
        if item.loop is not (self._along[0].loop if self._along else item.loop):
            self._send(item)
        else:
            self._along.append(item)
            if self._along_due is None:
                self._along_due = item.loop.call_later(ALONG_SECONDS, self._send)
        result: T = await item.future
        return result

    async def look(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of a statement that finds few by their key: at once, on the thread of the event loop.

        What was committed before, by any process, is seen. What cannot be read at once is asked as `fetch` asks.
        """
        if self._own is not None and self._own.is_here and not self._closed:
            with contextlib.suppress(sqlite3.Error, UnicodeEncodeError, OverflowError):
                return self._own.reading.execute(statement, values).fetchall()
        return await self.fetch(statement, *values)

    def _item(self, work: Work[Any] | None) -> Item:
        if self._closed or self._thread is None:
            raise StoreError(f"the database {self._name} is closed")
        loop = asyncio.get_running_loop()
        return Item(work, loop.create_future(), loop)

    def _send(self, *items: Item) -> None:
        """Hand work to the thread, behind what has waited for company."""
        if together := (*self._took_along(items[0].loop if items else None), *items):
            self._queue.put(together)

    def _took_along(self, loop: asyncio.AbstractEventLoop | None) -> list[Item]:
        """What has waited for company, and has that of this loop's now."""
        if self._along_due is None or loop not in (None, self._along[0].loop):
            return []
        self._along_due.cancel()
        self._along_due = None
        items, self._along = self._along, []
        return items

    async def execute(self, statement: str, *values: object) -> int:
        """Run one writing statement; return how many rows it changed."""
        return await self.run(lambda connection: connection.execute(statement, values).rowcount)

    async def fetch(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Run one reading statement; return its rows."""
        return await self.run(lambda connection: connection.execute(statement, values).fetchall())

    async def aclose(self) -> None:
        """Finish what is queued, close the file and give back the lock; a second call does nothing."""
        self._closed = True
        self._send()
        thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            await asyncio.to_thread(thread.join)
        if self._own is not None:
            self._own.close()
            self._own = None
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None

    @property
    def _name(self) -> str:
        return repr(str(self._path)) if self._path is not None else "in memory"

    def _serve(self, loop: asyncio.AbstractEventLoop, ready: asyncio.Future[None]) -> None:
        try:
            connection = _connect(self._path)
        except (sqlite3.Error, StoreError) as error:
            failure = (
                error
                if isinstance(error, StoreError)
                else StoreError(f"the database {self._name} cannot be opened: {error}")
            )
            _call_in(loop, lambda: None if ready.done() else ready.set_exception(failure))
            return
        _call_in(loop, lambda: None if ready.done() else ready.set_result(None))
        with contextlib.closing(connection):
            while (batch := self._take()) is not None:
                self._deliver(self._commit(connection, batch))
                self._checkpoint(connection)
            self._on_disk(connection, [])
        while not self._queue.empty():
            failure = StoreError(f"the database {self._name} is closed")
            self._deliver([Outcome(late, error=failure) for late in self._queue.get() or ()])

    def _take(self) -> list[Item] | None:
        """Wait for work, and take what else is there; None ends the thread."""
        first = self._queue.get()
        if first is None:
            return None
        batch = list(first)
        while len(batch) < MAX_BATCH:
            try:
                more = self._queue.get_nowait()
            except queue.Empty:
                break
            if more is None:
                self._queue.put(None)
                break
            batch.extend(more)
        return batch

    def _commit(self, connection: sqlite3.Connection, batch: Sequence[Item]) -> list[Outcome]:
        works = [item for item in batch if item.work is not None]
        outcomes = [Outcome(item) for item in batch if item.work is None]
        if works:
            try:
                begin(connection)
            except sqlite3.Error as error:
                outcomes += undone(connection, works, self._name, error)
            else:
                outcomes += commit(connection, works, self._name)
        return self._on_disk(connection, outcomes)

    def _on_disk(self, connection: sqlite3.Connection, outcomes: list[Outcome]) -> list[Outcome]:
        """Have on disk what the outcomes rest on: what the loop's thread has committed until now, and what it is about
        to have committed, which others may have read already; and what other processes have, who may not have waited
        for the disk yet.
        """
        if self._own is None:
            return outcomes
        committed, begun = self._committed, self._begun
        try:
            version = 0 if self._exclusive else connection.execute("PRAGMA data_version").fetchone()[0]
            if self._synced == begun and self._synced_version == version:
                return outcomes
            self._write_out(connection, self._own)
        except (OSError, sqlite3.Error) as error:
            failure = StoreError(f"the database {self._name} could not be written to disk: {error}")
            failure.__cause__ = error
            return [one if one.error else Outcome(one.item, error=failure) for one in outcomes]
        self._synced, self._synced_version = committed, version
        return outcomes

    def _write_out(self, connection: sqlite3.Connection, own: OwnConnections) -> None:
        """Have what is committed on disk. A system tells once that it could not write, and takes it for written then
        (https://wiki.postgresql.org/wiki/Fsync_Errors): what the WAL holds is written anew, to the database itself.
        """
        if self._is_in_doubt:
            is_busy, pages, moved = connection.execute("PRAGMA wal_checkpoint(FULL)").fetchone()
            if is_busy or pages != moved:
                raise OSError("what could not be written once could not be written anew")
        self._is_in_doubt = True
        own.sync()
        self._is_in_doubt = False

    def _checkpoint(self, connection: sqlite3.Connection) -> None:
        """Move what the WAL holds into the database, now and then: here, where nobody waits for it."""
        if self._path is None or time.monotonic() < self._checkpoint_due:
            return
        self._checkpoint_due = time.monotonic() + CHECKPOINT_SECONDS
        with contextlib.suppress(sqlite3.Error):  # it is tried again
            _, pages, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if pages > MAX_WAL_PAGES:
                connection.execute("PRAGMA wal_checkpoint(RESTART)")

    @staticmethod
    def _deliver(outcomes: Sequence[Outcome]) -> None:
        loops = {outcome.item.loop for outcome in outcomes}
        for loop in loops:
            own = [outcome for outcome in outcomes if outcome.item.loop is loop]
            _call_in(loop, functools.partial(settle, own))


def _call_in(loop: asyncio.AbstractEventLoop, call: Callable[[], object]) -> None:
    # A closed loop has no one left to tell; the rows are kept all the same.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call)


def _create_private(path: Path) -> None:
    """Make the file before SQLite does, readable by its owner only; the WAL files take its mode."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"the database {str(path)!r} cannot be opened: {error.strerror}") from error
    try:
        if os.fstat(descriptor).st_mode & 0o077:
            os.fchmod(descriptor, 0o600)
    except PermissionError as error:
        raise StoreError(f"the database {str(path)!r} belongs to another user") from error
    finally:
        os.close(descriptor)


def _lock(path: Path) -> int:
    """Lock the database for this process; the kernel gives the lock back however the process ends."""
    name = path.with_name(path.name + ".lock")
    descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        owner = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise StoreError(
            f"the database {str(path)!r} is in use by another service (pid {owner}); "
            "stop it, or give this one another data directory"
        ) from error
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor


def _connect(path: Path | None) -> sqlite3.Connection:
    connection = sqlite3.connect(
        str(path) if path else ":memory:", timeout=BUSY_SECONDS, isolation_level=None
    )
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA wal_autocheckpoint=0")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute(f"PRAGMA cache_size=-{CACHE_KB}")
        _migrate(connection, str(path))
    except BaseException:
        connection.close()
        raise
    return connection


def _migrate(connection: sqlite3.Connection, name: str) -> None:
    # A file that is up to date is not locked for this: another process may hold its lock for long.
    if int(connection.execute("PRAGMA user_version").fetchone()[0]) == SCHEMA_VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > SCHEMA_VERSION:
        connection.execute("ROLLBACK")
        raise StoreError(
            f"the database {name!r} has schema version {version}, newer than {SCHEMA_VERSION}, "
            "which this judge-agent knows; upgrade judge-agent, or give it another data directory"
        )
    for script in MIGRATIONS[version:]:
        for statement in script.split(";"):
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    connection.execute("COMMIT")
