"""Writes together what arrives together: while one batch is on its way, the next one gathers."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from judge_agent.errors import StoreError

T = TypeVar("T")
R = TypeVar("R")


class Unreachable(StoreError):
    """The database does not answer: what is asked of it now fails, in whatever parts it comes."""


class Batches(Generic[T, R]):
    """Give items to `add`; `write` gets them in the order in which they came, and gives a result or an error for each.

    A batch ends at `max_items`, or where its items weigh `max_weight` together. Where a batch of several fails, its
    items are written one by one, so that one that cannot be kept takes no others with it.
    """

    def __init__(
        self,
        write: Callable[[Sequence[T]], Awaitable[Sequence[R | StoreError]]],
        *,
        weight: Callable[[T], int],
        max_items: int = 256,
        max_weight: int = 4_000_000,
    ) -> None:
        self._write = write
        self._weight = weight
        self._max_items = max_items
        self._max_weight = max_weight
        self._waiting: deque[tuple[T, asyncio.Future[R]]] = deque()
        self._writing: asyncio.Task[None] | None = None

    async def add(self, item: T) -> R:
        """Write one item; returns after its batch is kept, also where the caller is cancelled before."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_on(), name="store-batches")
        return await future

    async def aclose(self) -> None:
        """Wait until everything that was added is written, or has failed."""
        while self._writing is not None:
            await asyncio.wait((self._writing,))

    async def _write_on(self) -> None:
        try:
            while self._waiting:
                await self._write_some(self._taken())
        finally:
            self._writing = None

    def _taken(self) -> list[tuple[T, asyncio.Future[R]]]:
        taken = [self._waiting.popleft()]
        weight = self._weight(taken[0][0])
        while self._waiting and len(taken) < self._max_items:
            weight += self._weight(self._waiting[0][0])
            if weight > self._max_weight:
                break
            taken.append(self._waiting.popleft())
        return taken

    async def _write_some(self, batch: Sequence[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            outcomes = await self._write([item for item, _ in batch])
        except StoreError as error:
            if len(batch) > 1 and not isinstance(error, Unreachable):
                for one in batch:
                    await self._write_some([one])
                return
            outcomes = [error] * len(batch)
        except BaseException as error:
            # Whoever waits must not wait for ever for a writer that is gone.
            for _, future in batch:
                _settle(future, StoreError(f"the batch was not written: {type(error).__name__}: {error}"))
            raise
        for (_, future), outcome in zip(batch, outcomes, strict=True):
            _settle(future, outcome)


def _settle(future: asyncio.Future[R], outcome: R | StoreError) -> None:
    if future.done():  # its caller was cancelled; the row is kept all the same
        return
    if isinstance(outcome, StoreError):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
