"""The document tools with a real box, and requests made short."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from judge_agent.schema import Message, Reference, Resources, Task, Trajectory
from judge_agent.seams.tool import ToolView
from tools.documents.limits import CorpusLimits
from tools.documents.shelf import Shelf


@pytest.fixture
async def shelf_of(sandbox):
    """Make shelves with limits of their own; all are closed at the end."""
    made: list[Shelf] = []

    def make(**limits: Any) -> Shelf:
        made.append(Shelf(sandbox, None, CorpusLimits(**limits)))
        return made[-1]

    yield make
    for shelf in made:
        await shelf.aclose()


@pytest.fixture
def view():
    def make(
        corpora: Sequence[Mapping[str, Any]] = (),
        *,
        answer: str | None = None,
        messages: Sequence[Mapping[str, Any]] = (),
        prompt: str = "What do the documents say?",
        reference: str | None = None,
    ) -> ToolView:
        trajectory = Trajectory(
            messages=tuple(Message.model_validate(one) for one in messages), final_answer=answer
        )
        task = Task(prompt=prompt, reference=Reference(answer=reference))
        return ToolView(task, trajectory, 0, Resources.model_validate({"corpora": list(corpora)}), "t")

    return make


def pdf_of(contents: Sequence[bytes], *, compress: bool = False) -> bytes:
    """A PDF with one page for each content stream; `compress` writes them with FlateDecode."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    kids = []
    for content in contents:
        stream = zlib.compress(content, 9) if compress else content
        filter_ = b" /Filter /FlateDecode" if compress else b""
        objects.append(b"<< /Length %d%s >>\nstream\n%s\nendstream" % (len(stream), filter_, stream))
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R "
            b"/Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>"
            % len(objects)
        )
        kids.append(b"%d 0 R" % len(objects))
    objects[1] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (b" ".join(kids), len(kids))
    out, offsets = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


def words_on_page(text: str) -> bytes:
    return b"BT /F1 12 Tf 72 700 Td (%s) Tj ET" % text.encode()


@pytest.fixture
def pdf():
    return pdf_of


@pytest.fixture
def page_of():
    return words_on_page


@asynccontextmanager
async def provider_of(body: bytes, head: bytes = b"HTTP/1.1 200 OK") -> AsyncIterator[tuple[str, list[str]]]:
    """A server on loopback that answers everything alike, and keeps what it was asked."""
    asked: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(head + b"\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/search", asked


@pytest.fixture
def provider():
    return provider_of
