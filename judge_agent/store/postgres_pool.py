"""A pool of connections to PostgreSQL that outlives the server's restarts.

Every piece of work is one statement, or several that may each stand alone: no transaction is open while this process
thinks (or is stopped), so that nothing that others wait for is ever held by a paused worker.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import asyncpg

from judge_agent.errors import StoreError
from judge_agent.store.batching import Unreachable
from judge_agent.store.postgres_migrating import brought_up_to_date
from judge_agent.store.postgres_text import given_back, kept

T = TypeVar("T")
CONNECTIONS = 8
CONNECT_SECONDS = 5.0
STATEMENT_SECONDS = 30.0
RETRY_SECONDS = 30.0
STARTING_FACTOR = 4
OPEN_SECONDS = 10.0
FIRST_PAUSE_SECONDS = 0.02
MAX_PAUSE_SECONDS = 1.0
CLOSE_SECONDS = 5.0
_log = logging.getLogger("judge_agent.store")

# Nothing is known of what was asked, or nothing was done: asking again is right.
_AGAIN = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that was lost in the middle of something
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.TransactionRollbackError,
    asyncpg.InsufficientResourcesError,
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,
)
# Of the kinds above, those that a second try does not change.
_NOT_AGAIN = (
    ValueError,
    asyncpg.DiskFullError,
    asyncpg.OutOfMemoryError,
    asyncpg.DatabaseDroppedError,
)
_FAILURES = (*_AGAIN, asyncpg.PostgresError, ValueError)
# After these nobody knows in what state the connection is.
_BROKEN = (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError)
# Every statement is written for an index; a plan that was made while the tables were empty must not stay without one.
# Bitmap scans do not mark the entries of rows that have ended as dead, and walk through them again and again.
_SESSION = {
    "application_name": "judge-agent",
    "default_transaction_isolation": "read committed",
    "idle_in_transaction_session_timeout": "10s",
    "lock_timeout": "10s",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    # A plan that has to read a whole table is given an absurd cost by the line above, and each run of it would be
    # compiled at length; no statement here is worth compiling.
    "jit": "off",
    "tcp_keepalives_idle": "30",
}


class Session:
    """One connection for one piece of work; text goes in and comes out as PostgreSQL can hold it.

    `is_repeated`: an earlier try was lost on its way, and may have been kept all the same.
    """

    def __init__(self, connection: Any, is_repeated: bool) -> None:
        self._connection = connection
        self.is_repeated = is_repeated

    async def fetch(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Run one statement; return its rows."""
        rows = await self._connection.fetch(statement, *map(_kept, values))
        return [
            tuple(given_back(value) if isinstance(value, str) else value for value in row) for row in rows
        ]


Work = Callable[[Session], Awaitable[T]]


class PostgresPool:
    """Connections to one database. Open it with `open`, which brings the tables up to date."""

    def __init__(
        self, url: str, *, connections: int = CONNECTIONS, retry_seconds: float = RETRY_SECONDS
    ) -> None:
        self._url = url
        self._retry_seconds = retry_seconds
        self._connections = connections
        self._pool: Any = None
        self._working: set[asyncio.Task[Any]] = set()

    async def open(self) -> None:
        """Connect and migrate; waits a short time for a server that is starting. Raises StoreError."""
        await _patiently(self._migrate, seconds=min(self._retry_seconds, OPEN_SECONDS))
        # Every statement is a transaction of its own, so that a connection comes back as it went.
        self._pool = await asyncpg.create_pool(
            self._url,
            min_size=0,
            max_size=self._connections,
            timeout=CONNECT_SECONDS,
            command_timeout=STATEMENT_SECONDS,
            server_settings=_SESSION,
            init=_keep_commits,
            reset=_as_it_is,
        )

    async def run(self, work: Work[T]) -> T:
        """Run `work` to its end, also where the caller is cancelled before.

        It is run again where the connection is lost, so it must be safe to repeat. Raises what `work` raises, and
        StoreError: Unreachable where the server has not answered for so long.
        """
        if self._pool is None:
            raise StoreError("the PostgreSQL store is closed")
        task = asyncio.create_task(self._worked(work))
        self._working.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    async def fetch(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Run one statement, which must be safe to repeat; return its rows."""
        return await self.run(lambda session: session.fetch(statement, *values))

    async def listening(self) -> Any:
        """Open a connection beside the pool; the caller closes it. Raises what asyncpg does."""
        return await asyncpg.connect(
            self._url, timeout=CONNECT_SECONDS, command_timeout=CONNECT_SECONDS, server_settings=_SESSION
        )

    async def aclose(self) -> None:
        """Finish what was begun, and close; a second call does nothing."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        if self._working:
            await asyncio.wait(tuple(self._working), timeout=self._retry_seconds)
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await pool.close()
        except TimeoutError:
            pool.terminate()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._working.discard(task)
        # The caller may be gone; then nobody else asks for the error.
        if not task.cancelled():
            task.exception()

    async def _worked(self, work: Work[T]) -> T:
        pool = self._pool

        async def once(is_repeated: bool) -> T:
            async with pool.acquire(timeout=self._retry_seconds) as connection:
                try:
                    return await work(Session(connection, is_repeated))
                except _BROKEN:
                    connection.terminate()
                    raise

        return await _patiently(once, seconds=self._retry_seconds)

    async def _migrate(self, _is_repeated: bool) -> None:
        connection = await self.listening()
        try:
            await brought_up_to_date(connection)
        finally:
            await connection.close(timeout=CLOSE_SECONDS)


def _kept(value: object) -> object:
    if isinstance(value, str):
        return kept(value)
    if isinstance(value, (list, tuple)):
        return [kept(one) if isinstance(one, str) else one for one in value]
    return value


async def _patiently(call: Callable[[bool], Awaitable[T]], *, seconds: float) -> T:
    """Call until it is answered; the argument says whether an earlier call was lost. Raises StoreError."""
    began, pause, is_repeated = time.monotonic(), FIRST_PAUSE_SECONDS, False
    while True:
        try:
            return await call(is_repeated)
        except _FAILURES as error:
            if not isinstance(error, _AGAIN) or isinstance(error, _NOT_AGAIN):
                raise StoreError(f"PostgreSQL refused: {_said(error)}") from error
            # One that says that it is starting is on its way: recovery after a crash takes its time.
            patience = STARTING_FACTOR if isinstance(error, asyncpg.CannotConnectNowError) else 1
            if time.monotonic() + pause > began + patience * seconds:
                raise Unreachable(f"PostgreSQL did not answer: {_said(error)}") from error
            _log.info("PostgreSQL is asked again in %.2f s: %s", pause, _said(error))
        is_repeated = True
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads the load, hides nothing
        pause = min(2 * pause, MAX_PAUSE_SECONDS)


def _said(error: BaseException) -> str:
    """What an error says, without the rows that PostgreSQL quotes in details, and without the URL."""
    if isinstance(error, asyncpg.ClientConfigurationError) or type(error) is ValueError:
        return "its URL cannot be read; it has the form postgresql://user:password@host:port/name"
    if isinstance(error, ValueError):
        return "a value does not fit its column"
    message = getattr(error, "message", None) or (str(error.args[-1]) if error.args else "")
    return f"{type(error).__name__}: {message}"


async def _keep_commits(connection: Any) -> None:
    """A commit is on disk when it is answered, whatever the database's default; a stronger default stays."""
    await connection.fetch(
        "SELECT set_config('synchronous_commit', 'on', false) "
        "WHERE current_setting('synchronous_commit') = 'off'"
    )


async def _as_it_is(_connection: Any) -> None:
    """Save the round trip that would undo settings which nobody has made."""
