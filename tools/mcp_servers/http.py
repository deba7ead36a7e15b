"""The wire to a server at a URL (streamable HTTP): answers of a bounded size, and none that unpacks to more.

Redirects are followed within the server's own origin only, as the package does it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx2
from mcp.client._transport import TransportStreams
from mcp.client.streamable_http import streamable_http_client

STREAMED = 16  # times as much may come in one response that is a stream of messages
CONNECT_SECONDS = 10.0


@asynccontextmanager
async def opened_http(
    url: str, headers: Mapping[str, str], *, message_bytes: int, call_seconds: float
) -> AsyncGenerator[TransportStreams]:
    """Connect to the server."""
    timeout = httpx2.Timeout(CONNECT_SECONDS, read=call_seconds)
    async with (
        httpx2.AsyncClient(
            headers={**headers, "Accept-Encoding": "identity"},
            timeout=timeout,
            transport=_Bounded(message_bytes),
        ) as client,
        streamable_http_client(url, http_client=client, max_sse_event_size=message_bytes) as streams,
    ):
        yield streams


class _Bounded(httpx2.AsyncHTTPTransport):
    def __init__(self, message_bytes: int) -> None:
        super().__init__()
        self._message_bytes = message_bytes

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        encoding = response.headers.get("content-encoding", "identity")
        if encoding != "identity":
            await response.aclose()
            raise httpx2.DecodingError(f"the answer is packed ({encoding[:40]!r}), which was not asked for")
        is_stream = response.headers.get("content-type", "").startswith("text/event-stream")
        most = self._message_bytes * (STREAMED if is_stream else 1)
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        return httpx2.Response(
            response.status_code,
            headers=response.headers,
            stream=_Counted(response.stream, most),
            extensions=response.extensions,
        )


class _Counted(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, most: int) -> None:
        self._stream, self._most = stream, most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        count = 0
        async for chunk in self._stream:
            count += len(chunk)
            if count > self._most:
                raise httpx2.ReadError(f"the answer has more than {self._most} bytes (message_bytes)")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
