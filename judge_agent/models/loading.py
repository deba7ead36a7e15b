"""Loads what a model in this process needs: once, with the first call, in a thread that no caller can cancel."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

from judge_agent.errors import ModelError

Loaded = TypeVar("Loaded")


class Loading(Generic[Loaded]):
    """What `load` returns, for all who wait for it; an error of it is raised to each of them, and not tried again.

    `load` and `close` run in threads. `name` is who says that it is closed.
    """

    def __init__(self, name: str, load: Callable[[], Loaded], close: Callable[[Loaded], None]) -> None:
        self._name, self._load, self._close = name, load, close
        self._lock = threading.Lock()
        self._future: Future[Loaded] | None = None
        self._closed = False

    async def loaded(self) -> Loaded:
        """Wait for it, and start it where nobody did. Raises ModelError('model_unreachable') once it is closed."""
        with self._lock:
            if self._closed:
                raise ModelError("model_unreachable", f"{self._name} is closed")
            if self._future is None:
                self._future = Future()
                self._future.set_running_or_notify_cancel()
                threading.Thread(target=self._run, args=(self._future,), daemon=True).start()
            future = self._future
        return await asyncio.wrap_future(future)

    async def aclose(self) -> None:
        """Close what was loaded, or is being loaded, as soon as that is done. It does not load again."""
        with self._lock:
            future, self._future, self._closed = self._future, None, True
            done = future is not None and future.done()
        if future is not None and done and future.exception() is None:
            await asyncio.to_thread(self._close, future.result())

    def _run(self, future: Future[Loaded]) -> None:
        try:
            loaded = self._load()
        except Exception as error:  # noqa: BLE001 - raised to every caller that waits
            future.set_exception(error)
            return
        with self._lock:
            future.set_result(loaded)
            late = self._closed
        if late:
            self._close(loaded)
