"""The host's side of an index: passages go into a box, queries are answered as places, which are checked here."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from judge_agent.errors import ToolError
from judge_agent.seams.sandbox import Box, BoxClosed, BoxResult, Limits, Program, Sandbox
from tools.documents.library import Library, Passage
from tools.documents.limits import CorpusLimits
from tools.documents.reading import INSTALL

_MEMORY_BYTES = 1500 * 2**20  # address space: the writer's arena, and some for each of tantivy's threads
_LIFE_SECONDS = 3600.0
_CPU_SECONDS = 300


class Hit(NamedTuple):
    passage: Passage
    score: float


class IndexClosed(Exception):
    """The box of the index has ended; another one can be opened."""


class IndexBox:
    """An index that is open in a box. Concurrent queries wait for each other."""

    def __init__(self, box: Box, library: Library, limits: CorpusLimits) -> None:
        self._box = box
        self._library = library
        self._limits = limits
        self._turn = asyncio.Lock()

    async def search(self, query: str, *, limit: int, within: Mapping[str, str]) -> tuple[Hit, ...]:
        """The best passages, best first. Raises IndexClosed; ToolError for a query that takes too long."""
        asked = json.dumps({"query": query, "limit": limit, "within": dict(within)}).encode()
        async with self._turn:
            line = await self._answer(asked)
        return tuple(self._hits(line, limit))

    async def _answer(self, asked: bytes) -> bytes:
        answered = False
        try:
            await self._box.send(asked)
            line = await self._box.receive(timeout_seconds=self._limits.query_seconds)
            answered = True
        except TimeoutError as error:
            raise ToolError(
                f"the query took longer than query_seconds={self._limits.query_seconds:g}"
            ) from error
        except BoxClosed as error:
            raise IndexClosed(str(error)) from error
        finally:
            if not answered:  # also where the asker was cancelled: the next one must not read its answer
                await self._box.stop()
        return line

    def _hits(self, line: bytes, limit: int) -> list[Hit]:
        passages = self._library.passages
        try:
            found = json.loads(line)["hits"][:limit]
            hits = [Hit(passages[_place(place, len(passages))], float(score)) for place, score in found]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ToolError(f"the index answered what is no list of hits: {error}") from error
        if len({hit.passage.id for hit in hits}) != len(hits):
            raise ToolError("the index named a passage twice")
        return hits


@asynccontextmanager
async def open_index(sandbox: Sandbox, library: Library, limits: CorpusLimits) -> AsyncIterator[IndexBox]:
    """Open an index over all passages. Raises ToolError where it cannot be made; SandboxError."""
    program = await asyncio.to_thread(_program, library)
    box_limits = Limits(
        wall_seconds=_LIFE_SECONDS,
        cpu_seconds=_CPU_SECONDS,
        memory_bytes=_MEMORY_BYTES,
        program_bytes=len(program.stdin) + 2_000_000,
    )
    async with sandbox.open(program, limits=box_limits) as box:
        try:
            reply = json.loads(await box.receive(timeout_seconds=limits.index_seconds))
        except TimeoutError as error:
            raise ToolError(f"indexing took longer than index_seconds={limits.index_seconds:g}") from error
        except (BoxClosed, ValueError, RecursionError) as error:
            why = _last_words(await box.stop()) or str(error)
            raise ToolError(f"the passages could not be indexed: {why}") from error
        if isinstance(reply, dict) and "missing" in reply:
            raise ToolError(f"search needs {str(reply['missing'])[:60]} in the box: {INSTALL}")
        if not isinstance(reply, dict) or reply.get("indexed") != len(library.passages):
            raise ToolError("the passages could not be indexed: the index counts others")
        yield IndexBox(box, library, limits)


def _program(library: Library) -> Program:
    lines = []
    for passage in library.passages:
        document = library.documents[passage.document]
        lines.append(json.dumps([library.text_of(passage), document.title, document.id, document.corpus]))
    stdin = "\n".join(lines).encode()
    return Program("from tools.documents.in_box.indexer import main", _modules(), stdin)


def _last_words(result: BoxResult) -> str:
    if result.limit is not None:
        return f"it hit the limit {result.limit} of its box"
    return result.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2][:200]


@cache
def _modules() -> dict[str, str]:
    folder = resources.files("tools.documents.in_box")
    text = folder.joinpath("indexer.py").read_text(encoding="utf-8")
    return {"tools.documents.in_box.indexer": text}


def _place(value: Any, count: int) -> int:
    if not isinstance(value, int) or not 0 <= value < count:
        raise ValueError(f"there is no passage {value!r}")
    return value
