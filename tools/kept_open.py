"""Keeps a few things open that were dear to open, by a key, so that the next call finds them; closes what lies idle.

Does not know what they are: an index in a box, a decoded picture.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from judge_agent.errors import JudgeError

Thing = TypeVar("Thing")


@dataclass
class _Opened(Generic[Thing]):
    """An open thing, and what closes it. `idle` closes it when nobody asks."""

    thing: Thing
    stack: AsyncExitStack
    idle: asyncio.TimerHandle | None = None
    users: int = 0


class KeptOpen(Generic[Thing]):
    """At most `most` open things (more only while all are used), each closed after `idle_seconds` without a user.

    Bound to one event loop at a time: what another loop left is forgotten.
    """

    def __init__(self, *, most: int, idle_seconds: float) -> None:
        self._most, self._idle_seconds = most, idle_seconds
        self._loop: asyncio.AbstractEventLoop | None = None
        self._opening: dict[str, asyncio.Lock] = {}
        self._open: OrderedDict[str, _Opened[Thing]] = OrderedDict()
        self._closing: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def lent(
        self, key: str, open_one: Callable[[], AbstractAsyncContextManager[Thing]]
    ) -> AsyncIterator[Thing]:
        """The thing of this key, opened where it is not open. A user whom it fails closes it for all: the next user
        opens another. Raises what opening it raises.
        """
        self._attach()
        opened = await self._opened(key, open_one)
        opened.users += 1
        try:
            yield opened.thing
        except Exception:
            await self._drop(key, opened)
            raise
        finally:
            opened.users -= 1
            self._rest(key, opened)

    async def aclose(self) -> None:
        """Close all. Repeated calls do nothing; a call after it starts anew."""
        if self._loop is not asyncio.get_running_loop():
            return
        await asyncio.gather(*self._closing, return_exceptions=True)
        for key, opened in list(self._open.items()):
            await self._drop(key, opened)

    async def _opened(
        self, key: str, open_one: Callable[[], AbstractAsyncContextManager[Thing]]
    ) -> _Opened[Thing]:
        async with self._opening.setdefault(key, asyncio.Lock()):
            if key in self._open:
                self._open.move_to_end(key)
                return self._open[key]
            stack = AsyncExitStack()
            try:
                thing = await stack.enter_async_context(open_one())
            except BaseException:
                await stack.aclose()
                raise
            opened = self._open[key] = _Opened(thing, stack)
            self._make_room()
        self._opening.pop(key, None)
        return opened

    def _make_room(self) -> None:
        """Close what was asked for least lately, if nobody uses it; who opened another need not wait for that."""
        unused = [(key, opened) for key, opened in list(self._open.items())[:-1] if not opened.users]
        for key, opened in unused[: max(0, len(self._open) - self._most)]:
            del self._open[key]
            self._close_later(key, opened)

    def _rest(self, key: str, opened: _Opened[Thing]) -> None:
        if opened.idle is not None:
            opened.idle.cancel()
        if opened.users or self._open.get(key) is not opened:
            return
        loop = asyncio.get_running_loop()
        opened.idle = loop.call_later(self._idle_seconds, self._close_later, key, opened)

    def _close_later(self, key: str, opened: _Opened[Thing]) -> None:
        task = asyncio.get_running_loop().create_task(self._drop(key, opened))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _drop(self, key: str, opened: _Opened[Thing]) -> None:
        if self._open.get(key) is opened:
            del self._open[key]
        if opened.idle is not None:
            opened.idle.cancel()
        with suppress(JudgeError):
            await opened.stack.aclose()

    def _attach(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._open.clear()
            self._opening.clear()
            self._closing.clear()
            self._loop = loop
