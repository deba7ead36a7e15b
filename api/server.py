"""Serves the application with uvicorn: binds first, says where, and stops without losing a judgment."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator

import uvicorn

from api.app import create_app
from api.collecting import Collecting
from api.open_requests import SWEEP_TICKS, IdleConnections
from api.parts import Parts
from api.wire import ProblemProtocol
from judge_agent.errors import InvalidRequest

KEEP_ALIVE_SECONDS = 30
STOP_SECONDS = 10


class JudgeServer(uvicorn.Server):
    """Answers who waits with 503 before it closes: uvicorn by itself would wait for every judgment to end."""

    def __init__(self, parts: Parts, listener: socket.socket, *, started: Callable[[str], None]) -> None:
        config = uvicorn.Config(
            create_app(parts),
            http=ProblemProtocol,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        super().__init__(config)
        self._parts = parts
        self._listener = listener
        self._announce = started
        self._idle = IdleConnections(2 * parts.settings.max_connections)

    async def run_until_stopped(self) -> None:
        """Serve until SIGTERM, SIGINT or `stop()`; a second signal does not wait for open connections."""
        await self.serve(sockets=[self._listener])

    def stop(self) -> None:
        self.should_exit = True

    def abandon(self) -> None:
        """Stop because nobody is left to serve for. The port is free at once: who starts the service again needs it."""
        for server in self.servers:
            server.close()
        self._listener.close()
        self.stop()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._collecting = Collecting()
        self._announce(url_of(self._listener))

    async def on_tick(self, counter: int) -> bool:
        if counter % SWEEP_TICKS == 0:
            self._idle.sweep(self.server_state.connections)
            self._collecting.look(self._parts.queue.running, self._parts.queue.begun)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._parts.runs.stop()
        await self._parts.groups.drain()
        await self._parts.queue.drain()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals without raising them again at the end, so that the store is closed in order."""
        loop = asyncio.get_running_loop()
        taken = list[signal.Signals]()
        for number in (signal.SIGINT, signal.SIGTERM):
            # Only the main thread may take signals; a server in another is stopped by `stop()`.
            with contextlib.suppress(ValueError, RuntimeError):
                loop.add_signal_handler(number, self.handle_exit, number, None)
                taken.append(number)
        try:
            yield
        finally:
            for number in taken:
                loop.remove_signal_handler(number)


def bind(host: str, port: int) -> socket.socket:
    """Take the address. Raises InvalidRequest when it cannot be had."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        reason = f"cannot listen on {host}:{port}: {error.strerror or error}"
        raise InvalidRequest("JUDGE_PORT", f"{reason}; choose another with --port") from error
    listener.set_inheritable(False)
    return listener


def url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
