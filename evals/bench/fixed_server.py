"""An OpenAI-compatible server that answers each call with the same text after a fixed time. As light as can be.

`python -m evals.bench.fixed_server LATENCY_SECONDS [ANSWER]` prints its port; it ends with its standard input, and
then prints how many completions it was asked for. A benchmark measures its client, so this server must not be what it
waits for: it parses nothing but lengths.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from dataclasses import dataclass
from typing import cast

import uvloop

ANSWER = "What was asked for was done, and nothing speaks against it. <score>8</score>"
_MODELS = json.dumps({"object": "list", "data": [{"id": "fixed", "max_model_len": 1_000_000}]}).encode()


@dataclass
class _Given:
    """What every connection answers with, and how many completions were asked for."""

    latency_seconds: float
    body: bytes
    asked: int = 0


class _Connection(asyncio.Protocol):
    """One keep-alive connection: requests one after the other, as clients of HTTP/1.1 send them."""

    def __init__(self, given: _Given) -> None:
        self._given = given
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._buffer[:end]).lower()
            length = _content_length(head)
            if len(self._buffer) < end + 4 + length:
                return
            del self._buffer[: end + 4 + length]
            self._answer(head)

    def _answer(self, head: bytes) -> None:
        loop = asyncio.get_running_loop()
        if head.startswith(b"get /v1/models"):
            self._send(b"200 OK", _MODELS)
        elif head.startswith(b"post /v1/chat/completions"):
            self._given.asked += 1
            loop.call_later(self._given.latency_seconds, self._send, b"200 OK", self._given.body)
        else:
            self._send(b"404 Not Found", b"{}")

    def _send(self, status: bytes, body: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            head = b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % (
                status,
                len(body),
            )
            self._transport.write(head + body)


def _content_length(head: bytes) -> int:
    at = head.find(b"content-length:")
    return int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


def _body(answer: str) -> bytes:
    message = {"role": "assistant", "content": answer}
    said = {
        "id": "c",
        "object": "chat.completion",
        "created": 0,
        "model": "fixed",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5000, "completion_tokens": 20, "total_tokens": 5020},
    }
    return json.dumps(said).encode()


async def _serve(given: _Given) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(given), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    print(given.asked, flush=True)


if __name__ == "__main__":
    gc.disable()  # nothing here is in a circle, and its pauses would count as its client's
    uvloop.run(_serve(_Given(float(sys.argv[1]), _body(sys.argv[2] if len(sys.argv) > 2 else ANSWER))))
