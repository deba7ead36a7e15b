"""Shows one page of a document that a request brings along, or the part of it around a passage.

It informs and never decides. A document without pages of its own has pages of about 4,000 characters, cut between
paragraphs. Offsets are characters of the document's text, whose hash is told.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from judge_agent.seams.tool import Finding, ToolResult, ToolView
from tools.documents.asked import DocumentTool
from tools.documents.library import Document, Library
from tools.search import coverage, named_document, none_was_read

MAX_ID_CHARS = 300


class ReadPage(DocumentTool):
    """The tool `read_page`."""

    name = "read_page"

    async def asked(
        self,
        view: ToolView,
        *,
        document: Annotated[str, Field(min_length=1, max_length=MAX_ID_CHARS)],
        page: Annotated[int, Field(ge=1)] | None = None,
        offset: Annotated[int, Field(ge=0)] = 0,
        timeout_seconds: float,
    ) -> ToolResult:
        """Shows one page of a document of the task, by the document's or a passage's id. Use it to read around a
        passage that search found, or a page that an answer cites.

        document: The id of a document, or of a passage (document#number): then the page that holds it.
        page: From 1; the first without it.
        offset: Where to begin within a long page, in characters from its start.

        Raises ToolError, SandboxError, StoreError.
        """
        library = await self._shelf.library(view)
        if (refusal := none_was_read(library)) is not None:
            return refusal
        if (why := library.refused.get(document)) is not None:
            return ToolResult("refused", {"error": f"{document} {why}", **coverage(library)})
        found, held = _place(library, document)
        return _shown(found, page or held, offset, self.limits.max_shown_chars)


def _place(library: Library, name: str) -> tuple[Document, int]:
    """The document, and the page that the name means. Raises ValueError."""
    if library.named(name) is None and "#" in name:
        id_, _, number = name.rpartition("#")
        document = library.named(id_)
        wanted = f"{document.id}#{number}" if document is not None else name
        for passage in library.passages:
            if passage.id == wanted:
                return library.documents[passage.document], passage.page
        raise ValueError(f"document {name!r:.200}: there is no passage of this id")
    return library.by_id[named_document(library, name)], 1


def _shown(document: Document, page: int, offset: int, most: int) -> ToolResult:
    if page > len(document.pages):
        raise ValueError(f"page must be at most {len(document.pages)}, which {document.id} has, not {page}")
    start, end = document.page_span(page)
    if offset and offset >= end - start:
        raise ValueError(f"offset must be below {end - start}, the length of page {page}, not {offset}")
    first = start + offset
    last = min(end, first + most)
    output = {
        "document": document.id,
        "title": document.title[:160],
        "url": document.url[:300],
        "page": page,
        "pages": len(document.pages),
        "offsets": [first, last],
        "text": document.text[first:last],
        "sha256": document.sha256,
        "more_from_offset": last - start if last < end else None,
    }
    finding = Finding("none", "hint", None, f"page {page} of {len(document.pages)}")
    return ToolResult("ok", output, (finding,), truncated=last < end, checked={"pages": 1})
