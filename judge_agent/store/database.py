"""One SQLite file behind one thread, which commits together what arrives together.

Every piece of work runs in a savepoint of its own inside a shared transaction, or has it to itself; its caller gets
the result after the commit, which is after the fsync (WAL, synchronous=FULL). With many callers one fsync serves all.

What is only looked up, by its key, is read where it is wanted, over a connection of its own: that takes a tenth of what
a turn of the thread takes, and no reader of a WAL waits for its writer.
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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from judge_agent.errors import StoreError
from judge_agent.store.tables import MIGRATIONS, SCHEMA_VERSION

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]
MAX_BATCH = 512
# SQLite's own 2 MB are too few after an hour's judgments: each commit then reads pages again.
CACHE_KB = 64_000
LOOK_CACHE_KB = 8_000
BUSY_SECONDS = 10.0
# How long what nobody is in a hurry for waits, to share the transaction of what comes next.
ALONG_SECONDS = 0.02


@dataclass(frozen=True)
class _Item:
    work: Work[Any]
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop


@dataclass(frozen=True)
class _Outcome:
    item: _Item
    value: Any = None
    error: Exception | None = None


class Database:
    """An open database. `path` None keeps it in memory.

    `exclusive` takes the lock that makes this process the only one that runs judgments from the file;
    without it, keys can be listed and changed beside a running service.
    """

    def __init__(self, path: Path | None, *, exclusive: bool = True) -> None:
        self._path = path
        self._exclusive = exclusive and path is not None
        self._lock_file: int | None = None
        self._queue: queue.SimpleQueue[Sequence[_Item] | None] = queue.SimpleQueue()
        self._along: list[_Item] = []
        self._along_due: asyncio.TimerHandle | None = None
        self._looking: sqlite3.Connection | None = None
        self._looks_in: int | None = None
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
                self._looking, self._looks_in = _reader(self._path), threading.get_ident()
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

    async def along(self, work: Work[T]) -> T:
        """As `run`, for what nobody is in a hurry for: with what is run next, or after `ALONG_SECONDS`."""
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
        if self._looking is not None and self._looks_in == threading.get_ident() and not self._closed:
            with contextlib.suppress(sqlite3.Error, UnicodeEncodeError, OverflowError):
                return self._looking.execute(statement, values).fetchall()
        return await self.fetch(statement, *values)

    def _item(self, work: Work[Any]) -> _Item:
        if self._closed or self._thread is None:
            raise StoreError(f"the database {self._name} is closed")
        loop = asyncio.get_running_loop()
        return _Item(work, loop.create_future(), loop)

    def _send(self, *items: _Item) -> None:
        """Hand work to the thread, behind what has waited for company."""
        if self._along_due is not None and (not items or items[0].loop is self._along[0].loop):
            self._along_due.cancel()
            self._along_due = None
            items, self._along = (*self._along, *items), []
        if items:
            self._queue.put(items)

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
        if self._looking is not None:
            self._looking.close()
            self._looking = None
        thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            await asyncio.to_thread(thread.join)
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
        while not self._queue.empty():
            failure = StoreError(f"the database {self._name} is closed")
            self._deliver([_Outcome(late, error=failure) for late in self._queue.get() or ()])

    def _take(self) -> list[_Item] | None:
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

    def _commit(self, connection: sqlite3.Connection, batch: Sequence[_Item]) -> list[_Outcome]:
        try:
            connection.execute("BEGIN IMMEDIATE")
            if len(batch) == 1:
                return [self._run_alone(connection, batch[0])]
            outcomes = [self._run_one(connection, item) for item in batch]
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            failure = StoreError(f"the database {self._name} could not keep its rows: {error}")
            failure.__cause__ = error
            return [_Outcome(item, error=failure) for item in batch]
        return outcomes

    def _run_one(self, connection: sqlite3.Connection, item: _Item) -> _Outcome:
        """Run an item among others, which its failure must not undo."""
        connection.execute("SAVEPOINT one")
        outcome = self._outcome(connection, item)
        if outcome.error is not None:
            connection.execute("ROLLBACK TO one")
        connection.execute("RELEASE one")
        return outcome

    def _run_alone(self, connection: sqlite3.Connection, item: _Item) -> _Outcome:
        """Run the only item of a transaction: what it wrote is undone with it."""
        outcome = self._outcome(connection, item)
        connection.execute("COMMIT" if outcome.error is None else "ROLLBACK")
        return outcome

    def _outcome(self, connection: sqlite3.Connection, item: _Item) -> _Outcome:
        try:
            return _Outcome(item, item.work(connection))
        except Exception as error:
            # Nothing is swallowed: whoever awaits the result gets the error.
            if not connection.in_transaction:
                raise sqlite3.OperationalError(str(error)) from error
            return _Outcome(item, error=self._classified(error))

    def _classified(self, error: Exception) -> Exception:
        # Half a surrogate pair and numbers of more than 64 bits fail before SQLite sees them.
        if not isinstance(error, (sqlite3.Error, UnicodeEncodeError, OverflowError)):
            return error
        failure = StoreError(f"the database {self._name} failed: {error}")
        failure.__cause__ = error
        return failure

    @staticmethod
    def _deliver(outcomes: Sequence[_Outcome]) -> None:
        loops = {outcome.item.loop for outcome in outcomes}
        for loop in loops:
            own = [outcome for outcome in outcomes if outcome.item.loop is loop]
            _call_in(loop, functools.partial(_settle, own))


def _settle(outcomes: Sequence[_Outcome]) -> None:
    for outcome in outcomes:
        future = outcome.item.future
        if future.done():  # its caller was cancelled; the row is kept all the same
            continue
        if outcome.error is not None:
            future.set_exception(outcome.error)
        else:
            future.set_result(outcome.value)


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
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute(f"PRAGMA cache_size=-{CACHE_KB}")
        _migrate(connection, str(path))
    except BaseException:
        connection.close()
        raise
    return connection


def _reader(path: Path) -> sqlite3.Connection:
    """A connection that writes nothing and waits for nobody."""
    connection = sqlite3.connect(str(path), timeout=0, isolation_level=None)
    connection.execute("PRAGMA query_only=ON")
    connection.execute(f"PRAGMA cache_size=-{LOOK_CACHE_KB}")
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
