"""Serves one port with several processes: starts them, starts those again that die, stops them together.

What a dead one was judging goes on in the others when its lease runs out. The database is shared: PostgreSQL, or one
SQLite file on this machine, which this process then holds the lock of.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from api.server import STOP_SECONDS
from api.settings import Settings
from api.worker_numbers import MULTIPROCESS, NumbersFolder
from judge_agent.errors import InvalidRequest, JudgeError, told_alone
from judge_agent.store.opening import opened_store

ROOT = Path(__file__).resolve().parent.parent
KILLED_STARTS = 3
READY_SECONDS = 120.0
ENDING_SECONDS = 2.0
FIRST_PAUSE_SECONDS = 0.5
MAX_PAUSE_SECONDS = 30.0
# One that has served this long was not broken from its start.
STEADY_SECONDS = 60.0
_log = logging.getLogger("judge_agent.service")


def check(settings: Settings) -> None:
    """Raise InvalidRequest for what several processes cannot share."""
    if settings.model == "vllm":
        reason = (
            "one vLLM cannot be started by several workers; start it by itself and give its URL with --model"
        )
        raise InvalidRequest("JUDGE_WORKERS", f"{reason}, or serve with one worker")


class Workers:
    """The processes of one service. Open it with `started`."""

    def __init__(self, settings: Settings, listener: socket.socket, overrides: Mapping[str, Any]) -> None:
        self._settings = settings
        self._listener = listener
        self._overrides = json.dumps({name: _plain(value) for name, value in overrides.items()})
        self._life, self._own_life = os.pipe()
        self._numbers = NumbersFolder()
        self._running: dict[int, Process] = {}
        self._stopping = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def started(
        cls, settings: Settings, listener: socket.socket, overrides: Mapping[str, Any]
    ) -> AsyncIterator[Workers]:
        """Start all and wait until they serve; stop them at the end. Raises JudgeError where one cannot start."""
        check(settings)
        listener.listen(4096)
        with told_alone():
            async with (
                opened_store(settings.database_path, settings.database) as store,
                asyncio.TaskGroup() as tasks,
            ):
                if settings.database is None:
                    await store.release_all()
                workers = cls(settings, listener, overrides)
                try:
                    async with asyncio.TaskGroup() as starting:
                        first = [starting.create_task(workers._first(at)) for at in range(settings.workers)]
                    for at, task in enumerate(first):
                        tasks.create_task(workers._keep(at, task.result()))
                    yield workers
                finally:
                    workers.stop()
                    await workers._end()

    async def until_stopped(self) -> None:
        """Wait for SIGTERM, SIGINT or `stop()`."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stop)
        try:
            await self._stopping.wait()
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    def stop(self) -> None:
        self._stopping.set()

    @property
    def pids(self) -> tuple[int, ...]:
        return tuple(process.pid for process in self._running.values())

    async def _first(self, at: int) -> Process:
        """Start one for the first time. One that is killed meanwhile, by whomever, is no reason to serve nobody."""
        for _ in range(KILLED_STARTS):
            try:
                return await self._start(at)
            except _Killed as error:
                _log.error("%s; it is started again", error)
        return await self._start(at)

    async def _start(self, at: int) -> Process:
        """Start one and wait until it serves. Raises JudgeError when it does not."""
        ready, told = os.pipe()
        descriptors = ["--listen", self._listener.fileno(), "--ready", told, "--life", self._life]
        given = [*descriptors, "--place", at]
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "api.worker", *map(str, given), "--overrides", self._overrides),
                pass_fds=(self._listener.fileno(), told, self._life),
                env={
                    **os.environ,
                    MULTIPROCESS: str(self._numbers.path),
                    "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
                },
                start_new_session=True,  # Ctrl-C is for the parent, which then stops them in order
            )
        finally:
            os.close(told)
        self._running[at] = process
        try:
            async with asyncio.timeout(READY_SECONDS):
                is_ready = await _read_one(ready)
        except TimeoutError:
            is_ready = False
        finally:
            os.close(ready)
        if not is_ready:
            raise await self._not_started(at, process)
        return process

    async def _not_started(self, at: int, process: Process) -> JudgeError:
        """What became of a worker that does not serve; one that has not ended by itself is ended."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ENDING_SECONDS):
                await process.wait()
        if process.returncode == -signal.SIGKILL:
            return _Killed(f"worker {at} (pid {process.pid}) was killed before it served")
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        return JudgeError(f"worker {at} did not start (exit {await process.wait()}); it said why above")

    async def _keep(self, at: int, process: Process) -> None:
        """Start a worker again whenever it dies, each time after a longer pause while it dies young."""
        pause, loop = FIRST_PAUSE_SECONDS, asyncio.get_running_loop()
        while not self._stopping.is_set():
            born = loop.time()
            if process.returncode is None:
                await process.wait()
                if self._stopping.is_set():
                    return
                _log.error("worker %d (pid %d) died with %s", at, process.pid, process.returncode)
                self._numbers.died(at)
            pause = FIRST_PAUSE_SECONDS if loop.time() - born > STEADY_SECONDS else pause
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()
            pause = min(2 * pause, MAX_PAUSE_SECONDS)
            if not self._stopping.is_set():
                try:
                    process = await self._start(at)
                except JudgeError as error:
                    _log.error("%s", error)

    async def _end(self) -> None:
        for process in self._running.values():
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        try:
            async with asyncio.timeout(2 * STOP_SECONDS):
                await asyncio.gather(*(process.wait() for process in self._running.values()))
        except TimeoutError:
            for process in self._running.values():
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
        self._numbers.remove()
        os.close(self._own_life)
        os.close(self._life)


class _Killed(JudgeError):
    """A worker was killed before it served: it says nothing of why it could not."""


async def _read_one(descriptor: int) -> bool:
    """Whether something comes before the other end is closed."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(descriptor, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(descriptor)
    return bool(os.read(descriptor, 1))


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value
