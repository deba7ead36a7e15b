"""The files of a request's corpora as bytes, whatever their source; and what names them by their content."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from judge_agent.errors import ToolError
from judge_agent.resources.checking import MAX_CORPUS_BYTES
from judge_agent.schema import Corpus
from judge_agent.seams.resources import ResourceFiles, ResourceMissing


@dataclass(frozen=True)
class SourceFile:
    """One file to read. `id` is its document's id, or what the ids of its lines begin with."""

    corpus: str
    id: str
    format: str
    content: bytes
    title: str = ""
    url: str = ""


async def files_of(
    corpora: Sequence[Corpus], files: ResourceFiles | None, tenant: str, max_bytes: int
) -> tuple[SourceFile, ...]:
    """Read what the request names. Raises ToolError for a file that is gone, or for more bytes than the limit."""
    found, total = list[SourceFile](), 0
    for corpus in corpora:
        given = await _named(corpus, files, tenant) if corpus.blob or corpus.root_name else None
        made = await asyncio.to_thread(_inline, corpus) if given is None else (given,)
        total += sum(len(one.content) for one in made)
        if total > max_bytes:
            raise ToolError(
                f"the corpora have {total} bytes or more; the limit is max_total_bytes={max_bytes}"
            )
        found += made
    return tuple(found)


def content_key(files: Sequence[SourceFile]) -> str:
    """One hash for all that can be found in these files."""
    digest = hashlib.sha256()
    for file in files:
        for part in (file.corpus, file.id, file.format, file.title, file.url):
            digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
        digest.update(len(file.content).to_bytes(8) + file.content)
    return digest.hexdigest()


def _inline(corpus: Corpus) -> tuple[SourceFile, ...]:
    name, title, url = corpus.name, corpus.title or "", corpus.url or ""
    if corpus.documents is not None:
        return tuple(
            SourceFile(name, f"{name}/{one.id}", one.format, _bytes(one.text), one.title or "", one.url or "")
            for one in corpus.documents
        )
    if corpus.text is not None:
        return (SourceFile(name, name, corpus.format, _bytes(corpus.text), title, url),)
    content = base64.b64decode(corpus.base64 or "")
    return (SourceFile(name, name, corpus.format, content, title, url),)


async def _named(corpus: Corpus, files: ResourceFiles | None, tenant: str) -> SourceFile:
    if files is None:
        raise ToolError(f"corpus {corpus.name!r}: this judge has no store of files; give it inline")
    try:
        if corpus.blob is not None:
            content = await files.read_blob(tenant, corpus.blob)
        else:
            content = await files.read_root(corpus.root_name or "", max_bytes=MAX_CORPUS_BYTES)
    except (ResourceMissing, ValueError) as error:
        raise ToolError(f"corpus {corpus.name!r}: {error}") from error
    return SourceFile(corpus.name, corpus.name, corpus.format, content, corpus.title or "", corpus.url or "")


def _bytes(text: str) -> bytes:
    """Marked as UTF-8, so that no charset that a page declares is believed of text that is decoded already."""
    return b"\xef\xbb\xbf" + text.encode("utf-8", "replace")
