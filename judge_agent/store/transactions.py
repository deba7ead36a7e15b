"""Pieces of work on SQLite, each all or nothing, several in one transaction; and the errors that come of them."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from judge_agent.errors import StoreError

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]


@dataclass(frozen=True)
class Item:
    """`work` None does nothing: who gave it waits for the disk."""

    work: Work[Any] | None
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop


@dataclass(frozen=True)
class Outcome:
    item: Item
    value: Any = None
    error: Exception | None = None


def begin(connection: sqlite3.Connection) -> None:
    """Begin a transaction that may write. Raises sqlite3.Error where another one does for too long."""
    connection.execute("BEGIN IMMEDIATE")


def commit(connection: sqlite3.Connection, batch: Sequence[Item], name: str) -> list[Outcome]:
    """Do a batch in the transaction that has begun, and commit it; `name` is what errors call the database."""
    try:
        if len(batch) == 1:
            return [_run_alone(connection, batch[0], name)]
        outcomes = [_run_one(connection, item, name) for item in batch]
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        return undone(connection, batch, name, error)
    return outcomes


def undone(
    connection: sqlite3.Connection, batch: Sequence[Item], name: str, error: Exception
) -> list[Outcome]:
    """What becomes of a batch whose transaction failed as a whole."""
    with contextlib.suppress(sqlite3.Error):
        connection.execute("ROLLBACK")
    failure = StoreError(f"the database {name} could not keep its rows: {error}")
    failure.__cause__ = error
    return [Outcome(item, error=failure) for item in batch]


def settle(outcomes: Sequence[Outcome]) -> None:
    """Tell those who wait, on the thread of their loop."""
    for outcome in outcomes:
        future = outcome.item.future
        if future.done():  # its caller was cancelled; the row is kept all the same
            continue
        if outcome.error is not None:
            future.set_exception(outcome.error)
        else:
            future.set_result(outcome.value)


def _run_one(connection: sqlite3.Connection, item: Item, name: str) -> Outcome:
    """Run an item among others, which its failure must not undo."""
    connection.execute("SAVEPOINT one")
    outcome = _outcome(connection, item, name)
    if outcome.error is not None:
        connection.execute("ROLLBACK TO one")
    connection.execute("RELEASE one")
    return outcome


def _run_alone(connection: sqlite3.Connection, item: Item, name: str) -> Outcome:
    """Run the only item of a transaction: what it wrote is undone with it."""
    outcome = _outcome(connection, item, name)
    connection.execute("COMMIT" if outcome.error is None else "ROLLBACK")
    return outcome


def _outcome(connection: sqlite3.Connection, item: Item, name: str) -> Outcome:
    try:
        return Outcome(item, item.work(connection) if item.work is not None else None)
    except Exception as error:
        # Nothing is swallowed: whoever awaits the result gets the error.
        if not connection.in_transaction:
            raise sqlite3.OperationalError(str(error)) from error
        return Outcome(item, error=_classified(error, name))


def _classified(error: Exception, name: str) -> Exception:
    # Half a surrogate pair and numbers of more than 64 bits fail before SQLite sees them.
    if not isinstance(error, (sqlite3.Error, UnicodeEncodeError, OverflowError)):
        return error
    failure = StoreError(f"the database {name} failed: {error}")
    failure.__cause__ = error
    return failure
