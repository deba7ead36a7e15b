"""Documents that a request brings along: inline, by the hash of an uploaded blob, or by name under the root."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from judge_agent.schema.base import Envelope
from judge_agent.schema.files import check_source
from judge_agent.schema.refusals import Refused

MAX_CORPORA = 32
MAX_DOCUMENTS = 20_000
MAX_INLINE_CHARS = 8_000_000
DocumentFormat = Literal["text", "markdown", "html", "pdf", "jsonl"]
_SOURCES = ("text", "base64", "documents", "blob", "root_name")
_Title = Annotated[str, Field(max_length=500)]
_Url = Annotated[str, Field(max_length=2000)]


class CorpusDocument(Envelope):
    """One document of an inline corpus. Its id in answers, citations and results is `<corpus>/<id>`."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,127}$")]
    text: Annotated[str, Field(max_length=MAX_INLINE_CHARS)]
    format: Literal["text", "markdown", "html"] = "text"
    title: _Title | None = None
    url: _Url | None = None


class Corpus(Envelope):
    """Documents with exactly one source. Whatever the format, they are parsed in a box only.

    `text` is one document in its own words, `base64` one as bytes (a PDF), `documents` a list of them, `blob` the
    SHA-256 of a file uploaded by `POST /v1/blobs`, `root_name` the name of a file under the folder that the operator
    configured. `format` is the file's; a file of `jsonl` has one document a line: {id, title, url, text}.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$")]
    format: DocumentFormat = "text"
    text: Annotated[str, Field(max_length=MAX_INLINE_CHARS)] | None = None
    base64: Annotated[str, Field(max_length=MAX_INLINE_CHARS, pattern=r"^[A-Za-z0-9+/]*={0,2}$")] | None = (
        None
    )
    documents: Annotated[tuple[CorpusDocument, ...], Field(max_length=MAX_DOCUMENTS)] | None = None
    blob: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    root_name: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    title: _Title | None = None
    url: _Url | None = None

    @model_validator(mode="before")
    @classmethod
    def _documents_are_bounded(cls, value: Any) -> Any:
        """Each of many wrong documents would be an error to keep."""
        given = value.get("documents") if isinstance(value, dict) else None
        if isinstance(given, (list, tuple)) and len(given) > MAX_DOCUMENTS:
            raise ValueError(
                f"documents: {len(given)} documents; the limit is {MAX_DOCUMENTS}, upload them as one file of jsonl"
            )
        return value

    @model_validator(mode="after")
    def _one_source(self) -> Corpus:
        check_source(self, _SOURCES)
        if self.text is not None and self.format == "pdf":
            raise Refused("format", "a pdf is no text: give base64, blob or root_name", self.format)
        if self.base64 is not None and len(self.base64) % 4:
            raise Refused("base64", f"has {len(self.base64)} characters, which is no multiple of 4", None)
        self._check_documents()
        return self

    def _check_documents(self) -> None:
        if self.documents is None:
            return
        if self.format != "text":
            raise Refused("format", "of documents is told by each of them: leave it out here", self.format)
        seen = set[str]()
        for index, document in enumerate(self.documents):
            if document.id in seen:
                raise Refused(
                    f"documents.{index}.id", f"{document.id!r} is given more than once", document.id
                )
            seen.add(document.id)
