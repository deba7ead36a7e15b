"""Starts `vllm serve`, waits until it answers, starts it again when it dies, and stops it with all its children.

The server listens on a free port of 127.0.0.1 with a random key in its environment. What this does not protect
against: vLLM asks for the key under /v1 alone, so any local user can reach its other routes (/tokenize, /metrics);
and a user who can read this process's memory reads the key. The log holds what vLLM prints, not the prompts.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import socket
import time
from collections import deque
from typing import Literal

import httpx

from judge_agent.errors import ModelError
from judge_agent.models.kept_process import KeptProcess
from judge_agent.models.vllm_arguments import HOST, vllm_arguments
from judge_agent.models.vllm_family import model_family
from judge_agent.models.vllm_files import ModelFiles, find_files, is_cpu_build
from judge_agent.models.vllm_settings import VllmSettings, inherited_environment, server_environment

log = logging.getLogger(__name__)
State = Literal["starting", "up", "restarting", "failed", "stopped"]
POLL_SECONDS = 0.1
SLOW_POLL_SECONDS = 1.0


class VllmServer:
    """A supervised vLLM: `async with VllmServer(settings) as server` returns when it answers.

    Entering raises ModelError('model_unreachable') with the time and the log's last lines when it does not come
    up, ValueError for arguments that are refused. `base_url` changes when a restart finds the port taken.
    """

    def __init__(self, settings: VllmSettings) -> None:
        self.settings = settings
        self.files = self._find_files()
        # Read once: files that come with the first start must not give a later one other parsers.
        self.family = model_family(self.files.name, self.files.folder)
        self.served_name = settings.served_name or self.files.short_name
        self.api_key = secrets.token_urlsafe(32)
        self.starts = 0
        self._commit: str | None = None
        self._state: State = "stopped"
        self._reason = "it was not started"
        self._settled = asyncio.Event()
        self._port = 0
        self._process: KeptProcess | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._probe: httpx.AsyncClient | None = None

    @property
    def state(self) -> State:
        return self._state

    @property
    def base_url(self) -> str:
        return f"http://{HOST}:{self._port}/v1"

    @property
    def pid(self) -> int | None:
        """The keeper's process id; the server is its child."""
        return self._process.pid if self._process else None

    async def __aenter__(self) -> VllmServer:
        self._probe = httpx.AsyncClient(trust_env=False, timeout=self.settings.probe_seconds)
        try:
            self._move("starting", "it is starting")
            log.info("starting vLLM for %s; its log: %s", self.settings.model, self.settings.log_file)
            await self._start()
        except BaseException:
            await self._close()
            raise
        self._supervisor = asyncio.create_task(self._supervise(), name="vllm supervisor")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    async def until_up(self) -> None:
        """Wait while it starts again. Raises ModelError('model_unreachable') when it is given up or stopped."""
        while self._state in ("starting", "restarting"):
            await self._settled.wait()
        if self._state != "up":
            raise ModelError("model_unreachable", f"vLLM is {self._state}: {self._reason}")

    async def answers(self) -> bool:
        """Ask `/health` once: whether the server is up and says so."""
        if self._state != "up" or self._process is None or self._process.returncode is not None:
            return False
        return await self._is_healthy() is True

    async def _start(self) -> None:
        """Start the process and wait until it is healthy; the process is ended when it is not."""
        settings = self.settings
        self._port = _usable_port(self._port)
        arguments = vllm_arguments(
            self.files.name,
            self.family,
            port=self._port,
            served_name=self.served_name,
            revision=self._commit or settings.revision,
            max_model_len=settings.max_model_len,
            on_cpu=is_cpu_build(settings.program),
            extra=settings.extra_arguments,
        )
        self.starts += 1
        try:
            self._process = await KeptProcess.started(
                (settings.program, *arguments),
                environment=server_environment(settings, api_key=self.api_key, is_local=self.files.is_local),
                log_file=settings.log_file,
                grace_seconds=settings.stop_seconds,
            )
            await self._wait_until_healthy(self._process)
        except OSError as error:
            raise ModelError("model_unreachable", f"vLLM cannot be started: {error}") from error
        except BaseException:
            await self._end_process()
            raise
        # Pinned from the first start on: a restart must not serve what was pushed to the hub in between.
        self.files = self._find_files()
        self._commit = self.files.commit
        self._move("up", "")

    def _find_files(self) -> ModelFiles:
        settings = self.settings
        return find_files(settings.model, settings.revision, inherited_environment(settings))

    async def _wait_until_healthy(self, process: KeptProcess) -> None:
        began, pause = time.monotonic(), POLL_SECONDS
        while (waited := time.monotonic() - began) < self.settings.start_seconds:
            if process.returncode is not None:
                raise self._no_start(f"ended with code {process.returncode} after {waited:.1f} s", process)
            if await self._is_healthy() and process.returncode is None:
                log.info("vLLM serves %s after %.1f s", self.served_name, waited)
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await process.wait()
            pause = min(pause * 1.5, SLOW_POLL_SECONDS)
        raise self._no_start(f"did not answer within start_seconds={self.settings.start_seconds:g}", process)

    def _no_start(self, what: str, process: KeptProcess) -> ModelError:
        lines = process.last_lines().replace(self.api_key, "[redacted]")
        return ModelError(
            "model_unreachable",
            f"vLLM for {self.settings.model!r} {what}; the end of {self.settings.log_file}:\n{lines}",
        )

    async def _is_healthy(self) -> bool | None:
        """True for 200, False for another answer, None for none."""
        assert self._probe is not None
        try:
            response = await self._probe.get(f"http://{HOST}:{self._port}/health")
        except httpx.HTTPError:
            return None
        return response.status_code == httpx.codes.OK

    async def _supervise(self) -> None:
        """Start again after each death, until there were too many."""
        deaths: deque[float] = deque()
        try:
            while True:
                reason = await self._death()
                self._move("restarting", reason)
                log.warning("vLLM %s; starting it again", reason)
                await self._end_process()
                await self._restart(reason, deaths)
        except (ModelError, ValueError) as error:
            log.error("vLLM is not started again: %s", error)
            self._move("failed", str(error))

    async def _death(self) -> str:
        """Wait until the server ends or stops answering; says which."""
        process, missed = self._process, 0
        assert process is not None
        while missed < self.settings.max_missed:
            try:
                async with asyncio.timeout(self.settings.probe_seconds):
                    return f"ended with code {await process.wait()}"
            except TimeoutError:
                healthy = await self._is_healthy()
            if healthy is False:
                return "says that it cannot serve"
            missed = 0 if healthy else missed + 1
        return f"did not answer {missed} times in a row"

    async def _restart(self, reason: str, deaths: deque[float]) -> None:
        """Try to start, with growing pauses. Raises ModelError when the window's restarts are used up."""
        settings = self.settings
        while True:
            now = time.monotonic()
            while deaths and deaths[0] < now - settings.restart_window_seconds:
                deaths.popleft()
            if len(deaths) >= settings.max_restarts:
                window = f"{settings.max_restarts} restarts within {settings.restart_window_seconds:g} s"
                raise ModelError("model_unreachable", f"{window} did not help; last, it {reason}")
            await asyncio.sleep(settings.first_pause_seconds * 2 ** len(deaths))
            deaths.append(time.monotonic())
            try:
                return await self._start()
            except ModelError as error:
                reason = str(error)
                log.warning("%s", reason)
                self._port = 0

    def _move(self, state: State, reason: str) -> None:
        self._state, self._reason = state, reason
        if state in ("starting", "restarting"):
            self._settled.clear()
        else:
            self._settled.set()

    async def _close(self) -> None:
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is not None:
            supervisor.cancel()
            await asyncio.wait([supervisor])
        await self._end_process()
        if self._probe is not None:
            await self._probe.aclose()
        self._move("stopped", "it was stopped")

    async def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            await process.stop()


def _usable_port(port: int) -> int:
    """Keep `port` when it is free, else take a free one."""
    for wanted in (port, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, wanted))
            return int(probe.getsockname()[1])
    raise ModelError("model_unreachable", f"no free port on {HOST}")
