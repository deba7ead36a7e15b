"""Many requests in one: JSON lines in, one JSON line out for each, as it ends.

The lines are put aside before the first answer is sent: a client that reads nothing before it has sent everything
would otherwise wait for us, and we for it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import IO, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.accepting import accepted
from api.auth import Calling
from api.body import THREAD_BYTES, JsonBody, discard_body, parse, read_chunks
from api.callers import Caller
from api.described_answers import IDEMPOTENCY_KEY, header
from api.judgments import idempotency_key
from api.large_bodies import announced
from api.parts import Parts
from api.problems import Problem, body_of, bounded, busy, invalid
from api.queries import no_query
from api.spools import Spool
from judge_agent.errors import StoreError
from judge_agent.store import StoredJudgment

router = APIRouter(prefix="/v1/judgments", tags=["judgments"])
MEDIA_TYPES = (
    "application/jsonl",
    "application/x-ndjson",
    "application/x-jsonlines",
    "application/json-lines",
    "application/octet-stream",
)
FIRST_BLANK_BYTES = 1000
MOST_BLANK_BYTES = 1_000_000
FULL_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 15.0
MAX_CUSTOM_ID_CHARS = 200
_log = logging.getLogger("judge_agent.service")
_SAMPLE = (
    '{"custom_id": "a", "body": {"recipe": "verify", "task": {"prompt": "2+2?"}, '
    '"candidates": [{"id": "a", "trajectory": {"text": "4"}}]}}\n'
)
_DOCUMENTED = {
    "requestBody": {
        "required": True,
        "description": "One request a line, as it would be posted by itself, or `{custom_id, body}` around it.",
        "content": {
            "application/jsonl": {"schema": {"type": "string"}},
            "application/octet-stream": {
                "schema": {"type": "string", "format": "binary"},
                "example": _SAMPLE,
            },
        },
    },
    "parameters": [
        header(
            "Idempotency-Key",
            "Gives each line a key of its own, so that a batch that was cut off can be sent again.",
            IDEMPOTENCY_KEY,
        )
    ],
}


@dataclass(frozen=True)
class Line:
    index: int
    custom_id: str | None
    body: JsonBody


@router.post(
    "/batch",
    response_class=StreamingResponse,
    openapi_extra=_DOCUMENTED,
    responses={200: {"content": {"application/jsonl": {"schema": {"type": "string"}}}}},
)
async def judge_batch(request: Request, caller: Calling) -> Response:
    """Judge one request a line; answer one line for each as it ends, in whatever order.

    A line of the answer has `index` (from 0; blank lines are not counted), `custom_id`, `status` (as a post by itself
    would have had) and `judgment`, or `error`: one that is refused stops no other. With an `Idempotency-Key` each line
    has a key of its own, so that a batch that was cut off can be sent again. What was accepted is judged, read or not.
    """
    no_query(request)
    parts: Parts = request.app.state.parts
    _check_media_type(request)
    key = idempotency_key(request)
    lines = await _spooled(request, parts, caller)
    return _Answers(lines, _answers(parts, caller, lines, key))


class _Answers(StreamingResponse):
    """Lets its lines go at its end, also where its client had gone before the first of them was read."""

    def __init__(self, lines: Spool, answers: AsyncGenerator[bytes]) -> None:
        super().__init__(answers, media_type="application/jsonl", headers={"Cache-Control": "no-store"})
        self._lines, self._answers = lines, answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            try:
                await self._answers.aclose()
            finally:
                self._lines.close()


def _check_media_type(request: Request) -> None:
    given = ", ".join(request.headers.getlist("content-type"))
    if given.partition(";")[0].strip().lower() not in MEDIA_TYPES:
        detail = f"the body must be {MEDIA_TYPES[0]} (one JSON request a line), not {bounded(given)!r}"
        raise Problem(415, "unsupported_media_type", detail, headers={"Accept": ", ".join(MEDIA_TYPES)})


async def _spooled(request: Request, parts: Parts, caller: Caller) -> Spool:
    """Put the body aside. Raises Problem: 400, 408, 413, and 503 where there is no room for it."""
    limit = parts.settings.max_batch_bytes
    size = announced(request, limit + 1) if "content-length" in request.headers else 0
    chunks = read_chunks(request, limit, "JUDGE_MAX_BATCH_BYTES")
    try:
        # Of what is too large nothing is read: it takes no room, and is not asked to come again.
        spool = parts.spools.open(caller.key_id, size if size <= limit else 0)
        try:
            async for chunk in chunks:
                await spool.write(chunk)
            await spool.rewind()
        except BaseException:
            spool.close()
            raise
    except Problem as problem:
        if problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
            await discard_body(request, chunks)
        raise
    return spool


async def _answers(parts: Parts, caller: Caller, lines: Spool, key: str | None) -> AsyncGenerator[bytes]:
    """Judge so many lines at one time as the service judges; hand on each answer as it comes.

    A line keeps its place until its answer is taken, so that a slow reader slows the reading of lines.
    """
    ended: asyncio.Queue[bytes | None] = asyncio.Queue()
    places = asyncio.Semaphore(parts.settings.max_running)

    async def answer(line: Line | bytes) -> None:
        ended.put_nowait(line if isinstance(line, bytes) else await _answer(parts, caller, line, key))

    async def answer_all() -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                async for line in _read(lines.file, parts):
                    await places.acquire()
                    tasks.create_task(answer(line))
        finally:
            ended.put_nowait(None)

    answering = asyncio.create_task(answer_all(), name="batch")
    try:
        while (found := await ended.get()) is not None:
            yield found
            places.release()
        await answering
    finally:
        answering.cancel()


async def _read(lines: IO[bytes], parts: Parts) -> AsyncIterator[Line | bytes]:
    """Each line parsed, or the answer to one that cannot be read; blank lines are none."""
    limit, index = parts.settings.max_body_bytes, 0
    while raw := await asyncio.to_thread(_next_line, lines, limit + 1):
        if len(raw) > limit and not raw.endswith(b"\n"):
            while (rest := await asyncio.to_thread(lines.readline, limit)) and not rest.endswith(b"\n"):
                continue
            detail = f"the line is larger than {limit} bytes (JUDGE_MAX_BODY_BYTES)"
            problem = invalid("line", detail, limit=limit, status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            yield _refused(index, None, problem)
        else:
            # Without its end, or what is cut off would be missed on a second line.
            yield await _parsed(index, raw.rstrip(b"\r\n"), parts)
        index += 1


def _next_line(lines: IO[bytes], limit: int) -> bytes:
    """The next line that is not blank, up to `limit` bytes of it."""
    while raw := lines.readline(limit):
        if not raw.isspace():
            return raw
        _pass_blanks(lines)
    return b""


def _pass_blanks(lines: IO[bytes]) -> None:
    """Go on to what is no white space. A gigabyte of line ends is passed in a second, not in as many steps."""
    size = FIRST_BLANK_BYTES
    while chunk := lines.read(size):
        if rest := chunk.lstrip():
            lines.seek(-len(rest), os.SEEK_CUR)
            return
        size = min(2 * size, MOST_BLANK_BYTES)


async def _parsed(index: int, raw: bytes, parts: Parts) -> Line | bytes:
    custom_id: str | None = None
    try:
        if len(raw) <= THREAD_BYTES:
            body = parse(raw)
        else:
            async with parts.large_bodies.parsing:
                body = await asyncio.to_thread(parse, raw)
        if isinstance(body.data, dict) and "body" in body.data:
            custom_id = _custom_id(body.data)
            inner = body.data["body"]
            body = JsonBody(json.dumps(inner), inner)
    except Problem as problem:
        return _refused(index, custom_id, problem)
    return Line(index, custom_id, body)


def _custom_id(line: dict[str, Any]) -> str | None:
    """The caller's own name of a line. `method` and `url`, which batches of OpenAI's form have, may stand beside it."""
    unknown = sorted(set(line) - {"custom_id", "body", "method", "url"})
    if unknown:
        raise invalid(unknown[0], "there is no such field beside custom_id and body", value=line[unknown[0]])
    given = line.get("custom_id")
    if given is not None and not (isinstance(given, str) and 0 < len(given) <= MAX_CUSTOM_ID_CHARS):
        limit = f"a text of 1 to {MAX_CUSTOM_ID_CHARS} characters"
        raise invalid("custom_id", f"must be {limit}", value=given, limit=limit)
    return given


async def _answer(parts: Parts, caller: Caller, line: Line, key: str | None) -> bytes:
    # No Idempotency-Key holds a line end: nothing else has this key, whatever the line is called.
    own_key = None if key is None else f"{key}\n{line.index}\n{line.custom_id or ''}"
    try:
        row = (await _patiently(parts, caller, line, own_key)).row
        ended: StoredJudgment | None = row if row.judgment is not None else await parts.queue.ended(row.id)
    except Problem as problem:
        return _refused(line.index, line.custom_id, problem)
    except StoreError as error:
        _log.error("the store failed: %s", error)
        return _refused(line.index, line.custom_id, busy("the database failed", status=503))
    assert ended is not None
    head = json.dumps({"index": line.index, "custom_id": line.custom_id, "status": 200})
    return f'{head[:-1]}, "judgment": {ended.judgment}}}\n'.encode("utf-8", "replace")


async def _patiently(parts: Parts, caller: Caller, line: Line, key: str | None) -> Any:
    """Have a line accepted; while the service or its key has no room, wait: the client has handed its lines in."""
    while True:
        try:
            return await accepted(parts, caller, line.body, key, is_awaited=True)
        except Problem as problem:
            if problem.status != HTTPStatus.TOO_MANY_REQUESTS:
                raise
            wanted = float(problem.extra.get("retry_seconds", FULL_PAUSE_SECONDS))
        # Limits may be raised and others may go away: who is to wait for hours looks again before that.
        await asyncio.sleep(min(max(wanted, FULL_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS))


def _refused(index: int, custom_id: str | None, problem: Problem) -> bytes:
    answer = {"index": index, "custom_id": custom_id, "status": problem.status, "error": body_of(problem)}
    return (json.dumps(answer) + "\n").encode()
