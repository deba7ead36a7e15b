"""What a file of a site, or a recorded answer, holds."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, model_validator

from judge_agent.schema.base import Envelope, Whole
from judge_agent.schema.files import check_source
from judge_agent.schema.refusals import Refused

MAX_PAGE_CHARS = 2_000_000
MEDIA_TYPE = r"^[\w.+-]{1,60}/[\w.+-]{1,80}(; ?charset=[\w-]{1,40})?$"
_SOURCES = ("text", "base64", "blob", "root_name")
_URL = re.compile(r"https?://[A-Za-z0-9.-]{1,200}(:\d{1,5})?(/[^\s#]*)?")
_MAX_URL_CHARS = 2000


def is_address(url: str) -> bool:
    """Whether it is an http or https address without a fragment that an answer can be recorded for."""
    return len(url) <= _MAX_URL_CHARS and _URL.fullmatch(url) is not None


class PageContent(Envelope):
    """What a file or an answer holds: exactly one of text, base64, a blob's SHA-256, a name under the root."""

    text: Annotated[str, Field(max_length=MAX_PAGE_CHARS)] | None = None
    base64: Annotated[str, Field(max_length=2 * MAX_PAGE_CHARS, pattern=r"^[A-Za-z0-9+/]*={0,2}$")] | None = (
        None
    )
    blob: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    root_name: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    media_type: Annotated[str, Field(pattern=MEDIA_TYPE)] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> PageContent:
        check_source(self, _SOURCES)
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

    url: Annotated[str, Field(max_length=_MAX_URL_CHARS)]
    method: Annotated[str, Field(pattern=r"^[A-Z]{3,10}$")] = "GET"
    status: Annotated[Whole, Field(ge=200, le=599)] = 200

    @model_validator(mode="after")
    def _an_address(self) -> RecordedAnswer:
        if not is_address(self.url):
            raise Refused(
                "url", f"{self.url[:80]!r} is no http or https address without a fragment", self.url
            )
        return self
