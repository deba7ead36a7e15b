"""Stands between a client and PostgreSQL, and loses answers: what was asked is done, and nobody is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit


class CuttingProxy:
    """Forwards every connection until an answer comes that holds the bytes it was told to lose."""

    def __init__(self, folder: Path, url: str) -> None:
        parts = urlsplit(url)
        self.url = f"postgresql://judge@{parts.path}?host={folder}"
        self.lost = 0
        self._target = f"{parse_qs(parts.query)['host'][0]}/.s.PGSQL.5432"
        self._marker: bytes | None = None

    def lose(self, command: str) -> None:
        """Lose the next answer that says this was done (`UPDATE 1`), and the connection with it."""
        self._marker = command.encode() + b"\0"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_unix_connection(self._target)
        try:
            asked = asyncio.create_task(_forward(reader, to_server))
            await self._answers(from_server, writer)
            asked.cancel()
            await asyncio.wait([asked])
        finally:
            for one in (writer, to_server):
                one.close()

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                if self._marker is not None and self._marker in data:
                    self._marker = None
                    self.lost += 1
                    return
                writer.write(data)
                await writer.drain()


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def cutting(folder: Path, url: str) -> AsyncIterator[CuttingProxy]:
    """A proxy on a socket in `folder`, before the server on whose socket the database `url` is."""
    proxy = CuttingProxy(folder, url)
    server = await asyncio.start_unix_server(proxy.serve, folder / ".s.PGSQL.5432")
    try:
        yield proxy
    finally:
        server.close()
        await server.wait_closed()
