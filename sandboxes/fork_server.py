"""The host's side of one fork server: starts the outer box, hands programs over, hears how they ended.

A program goes to its child in a sealed memory file, its lines and output come by descriptors of its own; the fork
server only sees numbers. It ends when the control socket closes, however the service ended.

Does NOT protect against: a fork server that a child has taken over; then every answer of this server is a claim.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import weakref
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from judge_agent.errors import SandboxError
from judge_agent.seams.sandbox import Limits, Program
from sandboxes.execution import Ended, Execution, request_of
from sandboxes.interpreter import Interpreter
from sandboxes.outer_box import OuterBox
from sandboxes.payloads import input_of, memory_file, payload_of
from sandboxes.waiting import look_of

START_SECONDS = 30.0
_MAX_MESSAGE = 1 << 16


class ForkServer:
    """One running fork server. Serves concurrent programs, in one event loop at a time."""

    def __init__(self, outer: OuterBox) -> None:
        self._outer = outer
        self._loop: asyncio.AbstractEventLoop | None = None
        self._executions: dict[int, Execution] = {}
        self._number = 0
        self._ready: asyncio.Future[Mapping[str, Any]] | None = None
        self._finalizer = weakref.finalize(self, outer.end_now)
        self.absent: tuple[str, ...] = ()
        self.dead = False

    @classmethod
    async def start(
        cls,
        bwrap: Path,
        interpreter: Interpreter,
        filters: Mapping[str, bytes],
        imports: Sequence[str],
        *,
        host_proc: bool = False,
    ) -> ForkServer:
        """Start one and wait until it can fork; `host_proc` as `outer_command` says. Raises SandboxError."""
        server = cls(OuterBox(bwrap, interpreter, host_proc=host_proc))
        setup = {
            "path": interpreter.path,
            "readable": interpreter.readable,
            "filters": {name: code.hex() for name, code in filters.items()},
            "imports": list(imports),
        }
        try:
            async with asyncio.timeout(START_SECONDS):
                await server._introduce(setup)
        except TimeoutError as error:
            await server.aclose()
            raise SandboxError(f"the box did not start within {START_SECONDS} s") from error
        except BaseException:
            await server.aclose()
            raise
        return server

    @property
    def busy(self) -> int:
        """Number of programs that run."""
        return len(self._executions)

    def attach(self) -> bool:
        """Serve the running event loop; False where another one, which still runs, is served."""
        loop = asyncio.get_running_loop()
        if self._loop is loop:
            return True
        if self._loop is not None and not self._loop.is_closed():
            return False
        for number, execution in self._executions.items():  # their loop has gone without ending them
            self._tell({"kill": number})
            execution.lost("the event loop that waited for it was closed")
            execution.close()
        self._executions.clear()
        self._loop = loop
        loop.add_reader(self._outer.control.fileno(), self._hear)
        return True

    async def begin(self, program: Program, limits: Limits, *, talks: bool) -> Execution:
        """Fork a child for a program. The caller closes what it gets. Raises SandboxError."""
        self._number += 1
        number = self._number
        with ExitStack() as handed, ExitStack() as kept:
            try:
                ours, theirs = _pair(kept, handed)
                streams, their_streams = zip(*(_pipe(kept, handed) for _ in range(2)), strict=True)
                payload = _owned(handed, memory_file(payload_of(program)))
                stdin = _owned(handed, input_of(program.stdin))
                execution = Execution(
                    program,
                    limits,
                    ours,
                    streams,
                    kill=lambda: self._tell({"kill": number}),
                    give_up=self.abandon,
                    ask=lambda: self._tell({"look": number}),
                )
                kept.pop_all()  # the execution closes them
                kept.callback(self._forget, number)
                self._executions[number] = execution
                request = request_of(number, program, limits, talks=talks)
                await self._hand_over(request, [payload, stdin, *their_streams, theirs.fileno()])
            except OSError as error:
                raise SandboxError(f"the box could not be started: {error}") from error
            kept.pop_all()
            return execution

    def abandon(self, why: str) -> None:
        """Kill a fork server that does not do its work, and tell whoever waits for it."""
        self._outer.kill()
        self._die(why)

    async def aclose(self) -> None:
        """End the fork server and all that runs in it, and wait until it is gone. Repeated calls do nothing."""
        self._die("the box was closed")
        if self._finalizer.alive:
            await self._outer.gone()

    async def _introduce(self, setup: Mapping[str, Any]) -> None:
        self.attach()
        self._ready = asyncio.get_running_loop().create_future()
        self._tell(setup)
        answer = await self._ready
        self.absent = tuple(answer["absent"])

    async def _hand_over(self, request: Mapping[str, Any], descriptors: Sequence[int]) -> None:
        """Send, and wait where the fork server has not read what was sent before."""
        message = json.dumps(request).encode()
        while not self.dead:
            try:
                socket.send_fds(self._outer.control, [message], descriptors)
                return
            except BlockingIOError:
                await asyncio.sleep(0.001)
        raise SandboxError("the box has ended")

    def _tell(self, message: Mapping[str, Any]) -> None:
        with contextlib.suppress(OSError):  # a server that has gone has killed all of its children
            self._outer.control.send(json.dumps(message).encode())

    def _hear(self) -> None:
        while not self.dead:
            try:
                message = self._outer.control.recv(_MAX_MESSAGE)
            except BlockingIOError:
                return
            except OSError:
                message = b""
            if not message:
                self._die(f"the box could not be made: {self._outer.complaint()}")
                return
            self._note(json.loads(message))

    def _note(self, message: Mapping[str, Any]) -> None:
        if "ready" in message:
            if self._ready is not None and not self._ready.done():
                self._ready.set_result(message)
            return
        number, told = message["number"], message.get("look")
        if "look" in message and "status" not in message:
            if number in self._executions:
                self._executions[number].seen(look_of(told))
            return
        execution = self._executions.pop(number, None)
        if execution is None:
            return
        if "error" in message:
            execution.lost(f"the box could not be made: {message['error']}")
            return
        execution.ended(
            Ended(
                message["status"],
                message["cpu_seconds"],
                message["peak_bytes"],
                message["limit"],
                look_of(told),
            )
        )

    def _forget(self, number: int) -> None:
        execution = self._executions.pop(number, None)
        if execution is not None:
            execution.lost("it was not started")
            execution.close()

    def _die(self, why: str) -> None:
        """Once: whoever waits is told."""
        if self.dead:
            return
        self.dead = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._outer.control.fileno())
        if self._ready is not None and not self._ready.done():
            self._ready.set_exception(SandboxError(why))
        for execution in self._executions.values():
            execution.lost(why)
        self._executions.clear()
        self._outer.control.close()


def _pair(kept: ExitStack, handed: ExitStack) -> tuple[socket.socket, socket.socket]:
    ours, theirs = socket.socketpair()
    kept.callback(ours.close)
    handed.callback(theirs.close)
    ours.setblocking(False)
    return ours, theirs


def _pipe(kept: ExitStack, handed: ExitStack) -> tuple[int, int]:
    read, write = os.pipe()
    os.set_blocking(_owned(kept, read), False)
    return read, _owned(handed, write)


def _owned(by: ExitStack, descriptor: int) -> int:
    by.callback(os.close, descriptor)
    return descriptor
