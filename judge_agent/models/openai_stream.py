"""A streamed answer, put together piece by piece into the form of a whole one, so that a cut keeps the beginning.

Pieces are `data:` lines of server-sent events, one JSON object each. One of another shape ends the reading.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx2

# More per token than any tokenizer makes of prose: a server that ignores max_tokens is cut off here.
MAX_CHARS_PER_TOKEN = 32
MAX_CALLS = 64
_END = object()
# How long to wait for the token counts and `[DONE]` once every choice has ended: some servers send neither.
LAST_WORDS_SECONDS = 0.5
# Token counts with every piece, where the server can: an answer that is cut off has no last piece.
OPTIONS = {"include_usage": True, "continuous_usage_stats": True}


class StreamFailed(ValueError):
    """The stream told of an error, or broke its own form."""


@dataclass
class _Written:
    content: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    calls: dict[int, dict[str, Any]] = field(default_factory=dict)
    finish_reason: str | None = None
    pieces: int = 0

    @property
    def begun(self) -> bool:
        return bool(self.content or self.reasoning or self.calls)


class StreamedAnswer:
    """Collects `wanted` choices of at most `max_tokens` each. `begun` says whether any text has come."""

    def __init__(self, wanted: int, max_tokens: int) -> None:
        self._choices = [_Written() for _ in range(wanted)]
        self._chars_left = wanted * max_tokens * MAX_CHARS_PER_TOKEN
        self._usage: Mapping[str, Any] | None = None
        self._model: object = None
        self._fingerprint: object = None

    @property
    def begun(self) -> bool:
        return any(choice.begun for choice in self._choices)

    @property
    def ended(self) -> bool:
        return all(choice.finish_reason for choice in self._choices)

    async def read(self, response: httpx2.Response) -> Any:
        """Read to the end, and return the whole answer; a server that does not stream sends it at once.

        Raises StreamFailed for what is no such stream, httpx2.HTTPError when the connection breaks.
        """
        if "json" in response.headers.get("content-type", ""):
            return json.loads(await response.aread())
        try:
            async with asyncio.timeout(None) as patience, aclosing(_lines(response)) as lines:
                async for line in lines:
                    if (event := _event(line)) is _END:
                        break
                    self._take(event)
                    if self._chars_left < 0:
                        return self.whole("length")
                    if self.ended and patience.when() is None:
                        patience.reschedule(asyncio.get_running_loop().time() + LAST_WORDS_SECONDS)
        except TimeoutError:
            if not self.ended:
                raise
        if not self.begun and not any(choice.finish_reason for choice in self._choices):
            raise StreamFailed("the stream ended before an answer began")
        # A server that cannot sample never speaks of the other choices: then they are missing, not empty.
        self._choices = [choice for choice in self._choices if choice.pieces]
        return self.whole("deadline")

    def whole(self, finish_reason: str) -> dict[str, Any]:
        """What has come so far as a whole answer; choices that did not end get `finish_reason`."""
        pieces = sum(choice.pieces for choice in self._choices)
        return {
            "model": self._model,
            "system_fingerprint": self._fingerprint,
            "choices": [_as_choice(choice, finish_reason) for choice in self._choices],
            "usage": self._usage or {"completion_tokens": pieces},
        }

    def _take(self, event: object) -> None:
        if event is None:
            return
        if not isinstance(event, Mapping):
            raise StreamFailed(f"an event of the stream is no object: {str(event)[:200]!r}")
        if event.get("error"):
            raise StreamFailed(f"the stream tells of an error: {str(event['error'])[:300]}")
        self._model = event.get("model") or self._model
        self._fingerprint = event.get("system_fingerprint") or self._fingerprint
        if isinstance(event.get("usage"), Mapping):
            self._usage = event["usage"]
        choices = event.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            self._take_choice(choice)

    def _take_choice(self, choice: object) -> None:
        index = choice.get("index", 0) if isinstance(choice, Mapping) else None
        if (
            not isinstance(choice, Mapping)
            or not isinstance(index, int)
            or isinstance(index, bool)
            or not 0 <= index < len(self._choices)
        ):
            raise StreamFailed(f"an event of the stream is for no choice: {str(choice)[:200]!r}")
        written, delta = self._choices[index], choice.get("delta")
        if isinstance(delta, Mapping):
            self._take_text(written.reasoning, delta.get("reasoning_content") or delta.get("reasoning"))
            self._take_text(written.content, delta.get("content"))
            calls = delta.get("tool_calls")
            for call in calls if isinstance(calls, list) else ():
                self._take_call(written, call)
            written.pieces += 1
        # Some servers send an empty one with every piece.
        if isinstance(choice.get("finish_reason"), str) and choice["finish_reason"]:
            written.finish_reason = choice["finish_reason"]

    def _take_text(self, parts: list[str], text: object) -> None:
        """Keep a piece of text; some servers send a list of parts, of which those without text are thoughts."""
        if isinstance(text, list):
            for part in text:
                self._take_text(parts, part.get("text") if isinstance(part, Mapping) else part)
            return
        if not isinstance(text, str | None):
            raise StreamFailed(f"a text of the stream is {type(text).__name__}")
        if text:
            parts.append(text)
            self._chars_left -= len(text)

    def _take_call(self, written: _Written, call: object) -> None:
        function = call.get("function") if isinstance(call, Mapping) else None
        index = call.get("index", 0) if isinstance(call, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(call, Mapping) or not isinstance(index, int):
            raise StreamFailed(f"a call in the stream has the wrong shape: {str(call)[:200]!r}")
        if index not in written.calls and len(written.calls) >= MAX_CALLS:
            raise StreamFailed(f"the stream holds more than {MAX_CALLS} calls")
        known = written.calls.setdefault(
            index, {"id": call.get("id"), "function": {"name": "", "arguments": ""}}
        )
        for part in ("name", "arguments"):
            if isinstance(text := function.get(part), str):
                known["function"][part] += text
                self._chars_left -= len(text)


def _as_choice(written: _Written, finish_reason: str) -> dict[str, Any]:
    message = {
        "content": "".join(written.content) or None,
        "reasoning_content": "".join(written.reasoning) or None,
        "tool_calls": [written.calls[index] for index in sorted(written.calls)],
    }
    return {"message": message, "finish_reason": written.finish_reason or finish_reason}


def _event(line: bytes) -> object:
    """The object of a line; None for one that holds nothing: comments, other fields, blank lines."""
    name, _, data = line.partition(b":")
    if name != b"data" or not data.strip():
        return None
    try:
        return _END if data.strip() == b"[DONE]" else json.loads(data)
    except (ValueError, RecursionError) as error:
        raise StreamFailed(f"an event of the stream is no JSON: {data.strip()[:200]!r}") from error


async def _lines(response: httpx2.Response) -> AsyncGenerator[bytes, None]:
    """Lines end with a line feed alone: servers leave other separators unescaped inside their JSON."""
    parts: list[bytes] = []
    async for part in response.aiter_bytes():
        *lines, rest = part.split(b"\n")
        for line in lines:
            yield b"".join((*parts, line))
            parts = []
        parts.append(rest)
    yield b"".join(parts)
