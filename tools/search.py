"""Searches the documents that a request brings along, and shows the passages that fit best.

It informs and never decides. Documents are read and indexed in boxes (`documents/`); words are matched by BM25 after
English stemming, so what is said in other words is not found; where the operator chose an embedding model, the hits are
put in another order by it, which is told. A file that could not be read is named beside the hits:
that nothing was found in it says nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from judge_agent.seams.tool import Finding, ToolResult, ToolView
from tools.documents.asked import DocumentTool
from tools.documents.index_box import Hit
from tools.documents.library import Library
from tools.documents.reranking import Reranker
from tools.documents.shelf import Shelf

DEFAULT_HITS = 5
_ROOMS = (900, 450, 200, 80)  # characters shown of each passage: the first that fits


class Search(DocumentTool):
    """The tool `search`."""

    name = "search"

    def __init__(self, shelf: Shelf) -> None:
        super().__init__(shelf)
        self.version += "" if shelf.rerank is None else f"/{shelf.rerank.words}"

    async def asked(
        self,
        view: ToolView,
        *,
        query: Annotated[str, Field(min_length=1, max_length=400)],
        limit: Annotated[int, Field(ge=1, le=10)] = DEFAULT_HITS,
        corpus: Annotated[str, Field(min_length=1, max_length=64)] | None = None,
        document: Annotated[str, Field(min_length=1, max_length=300)] | None = None,
        timeout_seconds: float,
    ) -> ToolResult:
        """Searches the documents of the task and shows the passages that fit a query best, each with its id, document,
        page and offsets. Use it to check what an answer claims; read_page shows more around a passage.

        query: Words to look for; "words in quotes" must stand together.
        limit: How many passages.
        corpus: Only this corpus.
        document: Only the document with this id.

        Raises ToolError, SandboxError, StoreError.
        """
        limits = self.limits
        check_query(query, limits.max_query_chars)
        within = _within(corpus, [one.name for one in view.resources.corpora])
        library = await self._shelf.library(view)
        if document is not None:
            within["document"] = named_document(library, document)
        hits = await self._shelf.search(view, query, limit=min(limit, limits.max_hits), within=within)
        return _told(library, query, hits, limits.max_output_chars, self._shelf.rerank)


def check_query(query: str, most: int) -> None:
    """Raise ValueError for a query that is empty or longer than what is taken."""
    if not query.strip():
        raise ValueError(f"query must be text that is not empty, not {query!r:.80}")
    if len(query) > most:
        raise ValueError(f"query has {len(query)} characters; the limit is {most}")


def named_document(library: Library, name: str) -> str:
    """The id of a document that the model names. Raises ValueError, with ids that there are."""
    document = library.named(name)
    if document is None:
        some = ", ".join([one.id for one in library.documents[:8]]) or "none that could be read"
        raise ValueError(f"document {name!r:.200} is unknown; there are {len(library.documents)}: {some}")
    return document.id


def coverage(library: Library) -> dict[str, Any]:
    """What was looked at, and what could not be."""
    told: dict[str, Any] = {"documents": len(library.documents), "passages": len(library.passages)}
    if library.refused:
        shown = dict(list(library.refused.items())[:8])
        told["not_read"] = {id_[:160]: why[:200] for id_, why in shown.items()}
        if len(library.refused) > len(shown):
            told["more_not_read"] = len(library.refused) - len(shown)
    if library.skipped:
        told["lines_without_text"] = dict(library.skipped)
    if library.without_text:
        told["without_text"] = [id_[:160] for id_ in library.without_text[:8]]
    return told


def none_was_read(library: Library) -> ToolResult | None:
    """A refusal where no file could be read; None where one could."""
    if library.documents or not library.refused:
        return None
    told = "; ".join(f"{id_} {why}" for id_, why in list(library.refused.items())[:4])
    return ToolResult("refused", {"error": f"no document could be read: {told}"[:2000], **coverage(library)})


def _within(corpus: str | None, corpora: Sequence[str]) -> dict[str, str]:
    if corpus is None:
        return {}
    if corpus not in corpora:
        raise ValueError(f"corpus {corpus!r} is unknown; there are {list(corpora)}")
    return {"corpus": corpus}


def _told(
    library: Library, query: str, hits: Sequence[Hit], room: int, rerank: Reranker | None
) -> ToolResult:
    if (refusal := none_was_read(library)) is not None:
        return refusal
    for chars in _ROOMS:
        shown = [_shown(library, hit, chars) for hit in hits]
        output = {"query": query, "hits": shown, "searched": coverage(library)}
        if rerank is not None:
            output["reranked"] = rerank.told()
        if len(json.dumps(output, ensure_ascii=False)) <= room:
            break
    cut = any(one["cut"] for one in shown)
    reason = f"{len(hits)} passages found" if hits else "no passage has any of these words"
    finding = Finding("none", "hint", None, reason)
    flags = {"documents_not_read": len(library.refused)} if library.refused else {}
    checked = {"documents": len(library.documents), "passages": len(library.passages)}
    return ToolResult("ok", output, (finding,), truncated=cut, checked=checked, flags=flags)


def _shown(library: Library, hit: Hit, chars: int) -> dict[str, Any]:
    passage = hit.passage
    document, text = library.documents[passage.document], library.text_of(passage)
    told: dict[str, Any] = {
        "id": passage.id,
        "document": document.id,
        "page": passage.page,
        "offsets": [passage.start, passage.end],
        "score": round(hit.score, 4),
        "text": text[:chars],
        "cut": len(text) > chars,
    }
    if hit.nearness is not None:
        told["nearness"] = round(hit.nearness, 4)
    if document.title:
        told["title"] = document.title[:160]
    if document.url:
        told["url"] = document.url[:300]
    return told
