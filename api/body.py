"""Reads a JSON body that may be meant to hurt: too large, too deep, no JSON, no UTF-8, NaN, keys given twice."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import sys
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, NamedTuple

from fastapi import Request
from starlette.requests import ClientDisconnect

from api.large_bodies import LargeBodies, has_read
from api.problems import Problem, bounded, invalid

MAX_DEPTH = 100
MAX_CONTAINERS = 200_000
MAX_VALUES = 500_000
MAX_MEMBERS = 20_000
# A client that is still sending reads no answer: so this much is thrown away before a 413 is sent.
MAX_DISCARDED_BYTES = 64_000_000
# What is thrown away has this time.
DISCARD_SECONDS = 30.0
MIN_BYTES_PER_SECOND = 20_000
# Larger bodies are parsed in a thread, so that the loop goes on serving.
THREAD_BYTES = 100_000
_SURROGATE_MARKS = (b"\\ud", b"\\uD")


class JsonBody(NamedTuple):
    """A body as it was sent, and parsed."""

    text: str
    data: Any

    def sha256(self) -> str:
        """The hash of the canonical form: white space and key order do not matter."""
        canonical = json.dumps(self.data, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


async def read_json(request: Request, max_bytes: int, large_bodies: LargeBodies) -> JsonBody:
    """Read the body. Raises Problem: 400, 408, 413, 415, 422, and 503 where there is no room for a large one."""
    _check_headers(request)
    if not _is_too_large(request, max_bytes):
        try:
            await large_bodies.hold(request, max_bytes)
        except Problem:
            await discard_body(request)
            raise
    raw = bytearray()
    async for chunk in read_chunks(request, max_bytes, "JUDGE_MAX_BODY_BYTES"):
        raw += chunk
    if len(raw) <= THREAD_BYTES:
        body = parse(raw)
    else:
        async with large_bodies.parsing:
            body = await asyncio.to_thread(parse, raw)
    has_read(request.scope, len(raw))
    return body


def parse(raw: bytes | bytearray) -> JsonBody:
    """Parse JSON strictly (RFC 8259). Raises Problem: 400 for malformed text, 422 for a refused value."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _malformed(f"the body is not UTF-8: {error.reason} at byte {error.start}") from None
    try:
        data = json.loads(text, object_pairs_hook=_unique_keys)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise _malformed(f"the body is not JSON: {error.msg} at {place}") from None
    except RecursionError:
        raise _too_deep("") from None
    except ValueError:
        limit = sys.get_int_max_str_digits()
        raise invalid(
            "body", f"holds a whole number of more than {limit} digits", limit=limit, status=400
        ) from None
    _check_values(data, any(mark in raw for mark in _SURROGATE_MARKS))
    return JsonBody(text, data)


def _check_headers(request: Request) -> None:
    content_type = ", ".join(request.headers.getlist("content-type"))
    media_type, _, parameters = content_type.partition(";")
    if media_type.strip().lower() != "application/json":
        detail = f"the body must be application/json, not {bounded(content_type)!r}"
        raise Problem(415, "unsupported_media_type", detail, headers={"Accept": "application/json"})
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if charset and charset not in ("utf-8", "utf8"):
        raise Problem(415, "unsupported_media_type", f"the body must be UTF-8, not {bounded(charset)!r}")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem(415, "unsupported_media_type", "compressed bodies are not read; send it as it is")


async def read_chunks(request: Request, max_bytes: int, setting: str) -> AsyncIterator[bytes]:
    """Yield the body as it comes. Raises Problem: 400, 408, or 413 that names the `setting` of the limit."""
    if _is_too_large(request, max_bytes):
        await discard_body(request)
        raise _too_large(max_bytes, int(request.headers["content-length"]), setting)
    patience = request.app.state.parts.settings.body_seconds
    size, stream, began = 0, request.stream(), time.monotonic()
    try:
        while True:
            # Drop by drop a body may not come either: the whole of it has its time, by its size.
            left = began + patience + size / MIN_BYTES_PER_SECOND - time.monotonic()
            async with asyncio.timeout(min(patience, left)):
                chunk = await anext(stream, None)
            if chunk is None:
                return
            size += len(chunk)
            if size > max_bytes:
                await _discard(request, stream)
                raise _too_large(max_bytes, None, setting)
            yield chunk
    except TimeoutError:
        raise _too_slow(size, patience) from None
    except ClientDisconnect:
        raise _malformed("the client went away before the whole body had come") from None


def _is_too_large(request: Request, max_bytes: int) -> bool:
    declared = request.headers.get("content-length", "")
    return declared.isdigit() and int(declared) > max_bytes


def _too_slow(size: int, seconds: float) -> Problem:
    detail = (
        f"{size} bytes of the body came, and no more in time: it may pause for {seconds:g} s, and the whole has as "
        f"long and a second more for each {MIN_BYTES_PER_SECOND} bytes (JUDGE_BODY_SECONDS)"
    )
    return Problem(408, "body_timeout", detail, headers={"Connection": "close"})


async def discard_body(request: Request, rest: AsyncIterator[bytes] | None = None) -> None:
    """Read and forget a body that will not be needed, within bounds, unless its client waits to be asked for it.

    `rest` are the chunks of `read_chunks` that have not come yet, where some have.
    """
    if request.headers.get("expect", "").lower() != "100-continue":
        with suppress(Problem):
            await _discard(request, rest)


async def _discard(request: Request, stream: Any = None) -> None:
    """Read and forget what the client still sends, within a bound of bytes and time."""
    dropped = 0
    try:
        async with asyncio.timeout(DISCARD_SECONDS):
            async for chunk in stream or request.stream():
                dropped += len(chunk)
                if dropped > MAX_DISCARDED_BYTES:
                    return
    except (TimeoutError, ClientDisconnect):
        return


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen = set[str]()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise invalid(
            str(bounded(twice)) or "body",
            "the key is given twice in one object",
            limit="each key once",
            status=400,
        )
    return found


def _check_values(data: Any, look_for_surrogates: bool) -> None:
    """Refuse what JSON or UTF-8 cannot carry on: depth, NaN, infinities, lone surrogates. Names the path."""
    stack: list[tuple[Any, tuple[Any, ...] | None, int]] = [(data, None, 1)]
    containers, values = 0, 0
    while stack:
        value, path, depth = stack.pop()
        if isinstance(value, (dict, list)):
            containers, values = containers + 1, values + len(value)
            if depth > MAX_DEPTH:
                raise _too_deep(_dotted(path))
            _check_count(containers, MAX_CONTAINERS, "objects and lists")
            _check_count(values, MAX_VALUES, "values")
            if isinstance(value, dict):
                _check_count(len(value), MAX_MEMBERS, "members in one object")
            items = value.items() if isinstance(value, dict) else enumerate(value)
            for key, child in items:
                if look_for_surrogates and isinstance(key, str):
                    _check_text(key, path)
                if isinstance(child, (dict, list, float)) or (look_for_surrogates and isinstance(child, str)):
                    stack.append((child, (path, key), depth + 1))
        elif isinstance(value, float):
            if not math.isfinite(value):
                limit = "a finite number"
                raise invalid(_dotted(path), f"{value} is not {limit}", value=str(value), limit=limit)
        elif isinstance(value, str):
            _check_text(value, path)


def _check_count(count: int, limit: int, what: str) -> None:
    """Bound what a body weighs once it is parsed: ten megabytes of `[],` would be a gigabyte of objects."""
    if count > limit:
        raise invalid("body", f"the body holds more than {limit} {what}", limit=limit)


def _check_text(text: str, path: tuple[Any, ...] | None) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        detail = f"the text holds half of a character (a lone surrogate) at {error.start}"
        raise invalid(_dotted(path) or "body", detail, value=text, limit="valid Unicode") from None


def _dotted(path: tuple[Any, ...] | None) -> str:
    """Write a path, which is linked from leaf to root; a very long one is cut in the middle."""
    keys = list[str]()
    while path is not None:
        path, key = path
        keys.append(str(bounded(str(key))))
    keys.reverse()
    return ".".join(keys if len(keys) <= 12 else [*keys[:8], "...", keys[-1]])


def _malformed(detail: str) -> Problem:
    return Problem(400, "malformed_json", detail)


def _too_deep(path: str) -> Problem:
    detail = f"the body is nested deeper than {MAX_DEPTH} levels"
    return invalid(path or "body", detail, limit=MAX_DEPTH, status=422)


def _too_large(limit: int, size: int | None, setting: str) -> Problem:
    detail = f"the body is larger than {limit} bytes ({setting})"
    problem = invalid("body", detail, value=size, limit=limit, status=413)
    problem.code = "body_too_large"
    return problem
