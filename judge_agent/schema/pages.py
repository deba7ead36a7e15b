"""Web pages that a request brings along: one HTML text, a folder of files, or answers recorded from a site.

They are served to a browser in a box without network, at `https://site.test/` or, recorded, at their own addresses.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, model_validator

from judge_agent.schema.base import Envelope, Whole
from judge_agent.schema.files import refuse_climbing
from judge_agent.schema.refusals import Refused

MAX_SITES = 8
MAX_SITE_FILES = 200
MAX_PAGE_CHARS = 2_000_000
_SOURCES = ("text", "base64", "blob", "root_name")
_FORMS = ("html", "files", "recorded")
_MEDIA_TYPE = r"^[\w.+-]{1,60}/[\w.+-]{1,80}(; ?charset=[\w-]{1,40})?$"
_URL = re.compile(r"https?://[A-Za-z0-9.-]{1,200}(:\d{1,5})?(/[^\s#]*)?")


class PageContent(Envelope):
    """What a file or an answer holds: exactly one of text, base64, a blob's SHA-256, a name under the root."""

    text: Annotated[str, Field(max_length=MAX_PAGE_CHARS)] | None = None
    base64: Annotated[str, Field(max_length=2 * MAX_PAGE_CHARS, pattern=r"^[A-Za-z0-9+/]*={0,2}$")] | None = (
        None
    )
    blob: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    root_name: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    media_type: Annotated[str, Field(pattern=_MEDIA_TYPE)] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> PageContent:
        _exactly_one(_SOURCES, [name for name in _SOURCES if getattr(self, name) is not None])
        if self.root_name is not None:
            refuse_climbing(self.root_name)
        return self


class PageFile(PageContent):
    """A file of a site; `path` is relative to its top. The media type follows from the path where none is given."""

    path: Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\x00-\x1f?#\\]+$")]

    @model_validator(mode="after")
    def _plain_path(self) -> PageFile:
        if any(part in ("", ".", "..") for part in self.path.split("/")):
            raise Refused("path", f"{self.path!r} must be a plain relative path", self.path)
        return self


class RecordedAnswer(PageContent):
    """What a server once answered to a request; where several are alike the first is given."""

    url: Annotated[str, Field(max_length=2000)]
    method: Annotated[str, Field(pattern=r"^[A-Z]{3,10}$")] = "GET"
    status: Annotated[Whole, Field(ge=200, le=599)] = 200

    @model_validator(mode="after")
    def _an_address(self) -> RecordedAnswer:
        if not _URL.fullmatch(self.url):
            raise Refused(
                "url", f"{self.url[:80]!r} is no http or https address without a fragment", self.url
            )
        return self


class Site(Envelope):
    """One site with exactly one of `html`, `files` and `recorded`.

    `entry` is what is opened first: a path of `files` (omitted: index.html, else the only HTML file), or one of the
    recorded addresses (omitted: the first).
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$")]
    html: Annotated[str, Field(max_length=MAX_PAGE_CHARS)] | None = None
    files: Annotated[tuple[PageFile, ...], Field(min_length=1, max_length=MAX_SITE_FILES)] | None = None
    recorded: Annotated[tuple[RecordedAnswer, ...], Field(min_length=1, max_length=MAX_SITE_FILES)] | None = (
        None
    )
    entry: Annotated[str, Field(min_length=1, max_length=2000)] | None = None

    @property
    def contents(self) -> tuple[PageContent, ...]:
        """All that its files or answers hold or name."""
        return (*(self.files or ()), *(self.recorded or ()))

    @model_validator(mode="after")
    def _one_form(self) -> Site:
        _exactly_one(_FORMS, [name for name in _FORMS if getattr(self, name) is not None])
        paths = [file.path for file in self.files or ()]
        if twice := sorted({path for path in paths if paths.count(path) > 1}):
            raise Refused("files", f"{twice[0]!r} is given more than once", twice[0])
        known = paths if self.files else [answer.url for answer in self.recorded or ()]
        if self.entry is not None and self.entry not in known:
            raise Refused(
                "entry", f"{self.entry[:80]!r} is not among the site's {len(known)} files", self.entry
            )
        return self


def _exactly_one(names: Sequence[str], given: Sequence[str]) -> None:
    if len(given) != 1:
        listed = " and ".join(given) or "none"
        raise ValueError(f"exactly one of {', '.join(names)} must be given, not {listed}")
