"""Keeps what was read of corpora, and a few open indexes, so that the next question finds them.

What is kept is a tenant's own, named by the content of its files. Equal requests at one time read once. Indexes that
nobody asks for a while are closed.
"""

from __future__ import annotations

import asyncio
import weakref
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from functools import partial

from judge_agent.errors import ToolError
from judge_agent.schema import Resources
from judge_agent.seams.resources import ResourceFiles
from judge_agent.seams.sandbox import Sandbox
from judge_agent.seams.tool import ToolView
from tools.documents.index_box import Hit, IndexBox, IndexClosed, open_index
from tools.documents.library import Library
from tools.documents.limits import CorpusLimits
from tools.documents.reading import read_library
from tools.documents.reranking import Reranker
from tools.documents.sources import SourceFile, content_key, files_of
from tools.kept_open import KeptOpen


class Shelf:
    """The libraries and indexes that `search`, `read_page` and `check_citations` share. Bound to one event loop at a
    time: what another loop left is forgotten."""

    def __init__(
        self,
        sandbox: Sandbox | None,
        files: ResourceFiles | None,
        limits: CorpusLimits | None = None,
        rerank: Reranker | None = None,
    ) -> None:
        """`rerank` puts the hits of every search in another order; None leaves them in that of BM25."""
        self._sandbox = sandbox
        self._files = files
        self.limits = limits or CorpusLimits()
        self.rerank = rerank
        self._loop: asyncio.AbstractEventLoop | None = None
        # By the identity of a judgment's resources: hashing megabytes for every query would cost more than the query.
        self._keys: dict[int, tuple[weakref.ref[Resources], str]] = {}
        self._reading: dict[str, asyncio.Task[Library]] = {}
        self._libraries: OrderedDict[str, Library] = OrderedDict()
        self._indexes = KeptOpen[IndexBox](
            most=self.limits.kept_indexes, idle_seconds=self.limits.idle_seconds
        )

    @property
    def box(self) -> str:
        """The box's name and version, for the versions of tools."""
        return f"{self._sandbox.name}-{self._sandbox.version}" if self._sandbox is not None else "no box"

    async def library(self, view: ToolView) -> Library:
        """What the request's corpora hold. Raises ToolError, SandboxError, StoreError."""
        return (await self._found(view))[1]

    async def search(
        self, view: ToolView, query: str, *, limit: int, within: Mapping[str, str]
    ) -> tuple[Hit, ...]:
        """The best passages, best first. Raises ToolError, SandboxError, StoreError."""
        key, library = await self._found(view)
        if not library.passages:
            return ()
        opens = partial(
            open_index, self._required_box(), library, self.limits, rerank=self.rerank is not None
        )
        for _ in range(2):
            with suppress(IndexClosed):
                async with self._indexes.lent(key, opens) as index:
                    return await index.search(query, limit=limit, within=within)
        raise ToolError("the index ended twice during one query")

    async def aclose(self) -> None:
        """Close every index and stop reading. Repeated calls do nothing; a call after it starts anew."""
        if self._loop is not asyncio.get_running_loop():
            return
        tasks = list(self._reading.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._indexes.aclose()

    async def _found(self, view: ToolView) -> tuple[str, Library]:
        self._attach()
        key, files = await self._key(view)
        if key in self._libraries:
            self._libraries.move_to_end(key)
            return key, self._libraries[key]
        if key not in self._reading:
            if files is None:
                files = await self._files_of(view)
            if key not in self._reading:
                self._reading[key] = asyncio.create_task(self._read(key, files))
                self._reading[key].add_done_callback(_seen)
        # Whoever is cancelled meanwhile must not take the library from the others who wait for it.
        return key, await asyncio.shield(self._reading[key])

    async def _key(self, view: ToolView) -> tuple[str, tuple[SourceFile, ...] | None]:
        known = self._keys.get(id(view.resources))
        if known is not None and known[0]() is view.resources:
            return f"{view.tenant}\0{known[1]}", None
        files = await self._files_of(view)
        content = await asyncio.to_thread(content_key, files)
        place = id(view.resources)
        self._keys[place] = (weakref.ref(view.resources, lambda _: self._keys.pop(place, None)), content)
        return f"{view.tenant}\0{content}", files

    async def _files_of(self, view: ToolView) -> tuple[SourceFile, ...]:
        corpora = view.resources.corpora
        return await files_of(corpora, self._files, view.tenant, self.limits.max_total_bytes)

    async def _read(self, key: str, files: tuple[SourceFile, ...]) -> Library:
        try:
            library = await read_library(self._required_box(), files, self.limits)
            self._libraries[key] = library
            while sum(one.chars for one in self._libraries.values()) > self.limits.kept_chars:
                self._libraries.popitem(last=False)
                if len(self._libraries) < 2:
                    break
            return library
        finally:
            self._reading.pop(key, None)

    def _attach(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._reading.clear()
            self._loop = loop

    def _required_box(self) -> Sandbox:
        if self._sandbox is None:
            raise ToolError(
                "documents are read in a box; JUDGE_SANDBOX names none that works here (judge-agent doctor)"
            )
        return self._sandbox


def _seen(task: asyncio.Task[Library]) -> None:
    """Take note of a failure that nobody waits for any more."""
    if not task.cancelled():
        task.exception()
