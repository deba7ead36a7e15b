"""Streams of the fake model server: a whole answer as server-sent events, and the ways in which one breaks off."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from typing import Any

from aiohttp import web

PIECE_CHARACTERS = 8
PIECES_BEFORE_BREAK = 3
DRIP_SECONDS = 0.05

# name: what the server does once a few pieces of a stream are sent; a request for no stream is left waiting
STREAM_MODES: dict[str, str] = {
    "stream_stalls": "sends no more, and does not end",
    "stream_drips": "goes on for ever, a piece now and then",
    "stream_floods": "goes on for ever, as fast as it can",
    "stream_garbage": "sends an event that is no JSON",
    "stream_shapes": "sends an event that is a list",
    "stream_error": "sends an error event",
    "stream_closes": "breaks the connection",
    "stream_ends": "ends without a finish_reason and without [DONE]",
    "stream_comments": "sends comments for ever",
    "stream_no_end": "sends all of the answer but neither token counts nor [DONE], and does not end",
}


async def send_stream(
    request: web.Request, answer: Mapping[str, Any], mode: str = "none"
) -> web.StreamResponse:
    """Send a whole answer in pieces, or break off in the way of `mode`."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
    await response.prepare(request)
    for count, event in enumerate(_events(answer)):
        if mode == "stream_no_end" and not event["choices"]:
            await asyncio.Event().wait()
        elif mode in STREAM_MODES and mode != "stream_no_end" and count == PIECES_BEFORE_BREAK:
            await _break_off(request, response, mode)
            return response
        await _send(response, event)
    await _send(response, "[DONE]")
    return response


async def _break_off(request: web.Request, response: web.StreamResponse, mode: str) -> None:
    if mode == "stream_stalls":
        await asyncio.Event().wait()
    while mode in ("stream_drips", "stream_floods", "stream_comments"):
        await asyncio.sleep(0 if mode == "stream_floods" else DRIP_SECONDS)
        if mode == "stream_comments":
            await response.write(b": still here\n\n")
        else:
            await _send(response, _delta(0, {"content": " and so on" * 100}))
    if mode == "stream_garbage":
        await response.write(b'data: {"choices": [{"delta": \n\n')
    if mode == "stream_shapes":
        await _send(response, ["no", "object"])
    if mode == "stream_error":
        await _send(response, {"error": {"message": "the engine died", "code": 500}})
    if mode == "stream_closes" and request.transport is not None:
        request.transport.abort()


async def _send(response: web.StreamResponse, event: object) -> None:
    # Like vLLM, what is no ASCII goes as it stands, line separators inside of texts included.
    text = event if isinstance(event, str) else json.dumps(event, ensure_ascii=False)
    await response.write(f"data: {text}\n\n".encode("utf-8", "replace"))


def _events(answer: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for choice in answer["choices"]:
        index, message = choice["index"], choice["message"]
        yield _delta(index, {"role": "assistant", "content": ""})
        for name in ("reasoning_content", "reasoning", "content"):
            text = message.get(name) or ""
            for start in range(0, len(text), PIECE_CHARACTERS):
                yield _delta(index, {name: text[start : start + PIECE_CHARACTERS]})
        for place, call in enumerate(message.get("tool_calls") or ()):
            numbered = {"index": place, **call} if isinstance(call, Mapping) else call
            yield _delta(index, {"tool_calls": [numbered]})
        yield _delta(index, {}) | {
            "choices": [{"index": index, "delta": {}, "finish_reason": choice["finish_reason"]}]
        }
    yield {"object": "chat.completion.chunk", "choices": [], "usage": answer.get("usage")}


def _delta(index: int, delta: Mapping[str, Any]) -> dict[str, Any]:
    choice = {"index": index, "delta": dict(delta), "finish_reason": None}
    return {"object": "chat.completion.chunk", "model": "fake", "choices": [choice]}
