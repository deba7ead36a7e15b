"""One event loop of our own per process, in one daemon thread: what every call that blocks runs on.

A trainer calls from threads, from inside running loops, and from processes that it forked: a loop that nobody else
owns serves them all with one pool of connections. It starts with the first call. A forked child gets a loop of its
own; the parent's is left alone there, for its selector and its sockets are shared with the parent.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import contextlib
import os
import threading
import weakref
from collections.abc import Coroutine, Iterator
from typing import Any, Protocol, TypeVar

Result = TypeVar("Result")
CLOSING = "judge-agent-closing"
_STOP_SECONDS = 2.0


class Closing(Protocol):
    """What is open on a loop and must be closed there."""

    async def aclose(self) -> None: ...


class PrivateLoop:
    """An event loop in a daemon thread of this process."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._pools = weakref.WeakSet[Closing]()
        self._thread = threading.Thread(target=self._run, name="judge-agent-client", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive() and not self._loop.is_closed()

    @property
    def is_this_thread(self) -> bool:
        return threading.current_thread() is self._thread

    def start(self, work: Coroutine[Any, Any, Result]) -> concurrent.futures.Future[Result]:
        """Run `work` and return its future at once; cancelling that cancels the work."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def close_at_exit(self, loop: asyncio.AbstractEventLoop, pool: Closing) -> None:
        """Have `pool` closed before this loop ends, if `loop` is this one."""
        if loop is self._loop:
            self._pools.add(pool)

    def stop(self) -> None:
        """Cancel what runs, close what is open, and end the thread."""
        if self.is_alive:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.run_until_complete(self._finish())
            self._loop.close()

    async def _finish(self) -> None:
        running = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in running:
            # A pool that is being closed already would stay open, and say so, were that cut short.
            if task.get_name() != CLOSING:
                task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await asyncio.gather(*(pool.aclose() for pool in list(self._pools)), return_exceptions=True)
        await self._loop.shutdown_asyncgens()


class _Process:
    """The loop of this process. The one thing here that is global: a process has one, as it has one main thread."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._found: PrivateLoop | None = None
        self._inherited = list[PrivateLoop | None]()

    def loop(self) -> PrivateLoop:
        with self.lock:
            if self._found is None or not self._found.is_alive:
                self._found = PrivateLoop()
            return self._found

    @property
    def found(self) -> PrivateLoop | None:
        return self._found

    def before_fork(self) -> None:
        self.lock.acquire()

    def after_fork_in_parent(self) -> None:
        self.lock.release()

    def after_fork_in_child(self) -> None:
        """Start anew in a child. What is inherited is kept, so that nothing of the parent's is closed from here."""
        self.lock = threading.RLock()
        self._inherited.append(self._found)
        self._found = None

    def stop(self) -> None:
        with self.lock:
            found, self._found = self._found, None
        if found is not None:
            found.stop()


_process = _Process()
atexit.register(_process.stop)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_process.before_fork,
        after_in_parent=_process.after_fork_in_parent,
        after_in_child=_process.after_fork_in_child,
    )


def private_loop() -> PrivateLoop:
    """Return this process's loop; it is started where there is none."""
    return _process.loop()


@contextlib.contextmanager
def no_fork() -> Iterator[None]:
    """Keep this process from forking meanwhile, where a child would inherit a lock that nobody there lets go of."""
    with _process.lock:
        yield


def close_at_exit(loop: asyncio.AbstractEventLoop, pool: Closing) -> None:
    """Have `pool` closed at the end of the process, if `loop` is the private one."""
    if _process.found is not None:
        _process.found.close_at_exit(loop, pool)


def run(work: Coroutine[Any, Any, Result], timeout_seconds: float | None = None) -> Result:
    """Run `work` on the private loop and wait for it, also inside another running loop.

    Raises TimeoutError after `timeout_seconds` and RuntimeError when called on the private loop itself, which would
    wait for itself. An interrupt while waiting cancels the work.
    """
    loop = private_loop()
    if loop.is_this_thread:
        work.close()
        raise RuntimeError(
            "a blocking call on the client's own event loop would never end; await the async client"
        )
    future = loop.start(work)
    try:
        return future.result(timeout_seconds)
    except BaseException:
        future.cancel()
        raise
