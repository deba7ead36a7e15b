"""The wire to a server that is a command: one JSON message a line, over its standard input and output.

The package's own transport takes lines of any length and as many messages as come. Here a server that says too much, in
one message or in many that nobody asked for, is let go. It is a process group of its own, which ends with the session.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio

if TYPE_CHECKING:
    from mcp.client._transport import TransportStreams

END_SECONDS = 2.0


class Wire:
    """How much a server may say; `why` tells what it was let go for."""

    def __init__(self, command: str, args: Sequence[str], env: Mapping[str, str]) -> None:
        self._command, self._args, self._env = command, args, env
        self.why = ""
        self._unasked = 0

    @asynccontextmanager
    async def opened(self, *, message_bytes: int, unasked_messages: int) -> AsyncGenerator[TransportStreams]:
        """Start the command. Raises OSError where it cannot be."""
        process = await self._started(message_bytes)
        heard, for_session = anyio.create_memory_object_stream[Any](0)
        from_session, to_send = anyio.create_memory_object_stream[Any](0)
        reading = asyncio.create_task(self._read(process, heard, message_bytes, unasked_messages))
        writing = asyncio.create_task(self._write(process, to_send))
        try:
            yield for_session, from_session
        finally:
            for stream in (for_session, from_session, heard, to_send):
                stream.close()
            writing.cancel()
            await _ended(process, reading)
            await asyncio.wait([writing])

    async def _started(self, message_bytes: int) -> Process:
        """Start it. Where that is given up, it is ended once it has started: it would keep its pipes."""
        from mcp.client.stdio import get_default_environment

        command = asyncio.create_subprocess_exec(
            self._command,
            *self._args,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=get_default_environment() | dict(self._env),
            limit=message_bytes,
            start_new_session=True,
        )
        starting = asyncio.create_task(command)
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            with contextlib.suppress(OSError):
                await _killed(await starting)
            raise

    async def _read(self, process: Any, heard: Any, message_bytes: int, unasked_messages: int) -> None:
        from mcp.shared.message import SessionMessage
        from mcp_types import jsonrpc_message_adapter

        with contextlib.suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
            async with heard:
                while line := await self._line(process, message_bytes):
                    self._unasked += 1
                    if self._unasked > unasked_messages:
                        self.why = f"it sent more than unasked_messages={unasked_messages} messages"
                        return
                    try:
                        message = SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
                    except ValueError as error:
                        await heard.send(error)
                    else:
                        await heard.send(message)

    async def _line(self, process: Any, message_bytes: int) -> bytes:
        try:
            line: bytes = await process.stdout.readline()
        except ValueError:
            self.why = f"it sent a message of more than message_bytes={message_bytes}"
            return b""
        return line

    async def _write(self, process: Any, to_send: Any) -> None:
        with contextlib.suppress(anyio.ClosedResourceError, OSError):
            async with to_send:
                async for one in to_send:
                    self._unasked = 0
                    written = one.message.model_dump_json(by_alias=True, exclude_unset=True)
                    process.stdin.write(written.encode("utf-8", "replace") + b"\n")
                    await process.stdin.drain()


async def _ended(process: Any, reading: asyncio.Task[None]) -> None:
    """End the command and what it started: it is asked by the end of its input, then killed."""
    reading.cancel()
    await asyncio.wait([reading])
    drained = asyncio.create_task(_drained(process))
    process.stdin.close()
    try:
        async with asyncio.timeout(END_SECONDS):
            await process.wait()
    except TimeoutError:
        pass
    finally:
        try:
            await _killed(process)
        finally:
            drained.cancel()
    await asyncio.wait([drained])


async def _killed(process: Any) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process._transport.close()  # a child that left the group may hold its pipes open
    await process.wait()


async def _drained(process: Any) -> None:
    """Read what it still says: with its output full, a command cannot end, nor its end be seen."""
    while await process.stdout.read(65536):
        pass
