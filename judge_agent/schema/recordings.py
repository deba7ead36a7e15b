"""A site as a browser recorded it: HTTP Archive 1.2 (HAR), of which the answers with their contents are taken.

Source: http://www.softwareishard.com/blog/har-12-spec/ . What else an archive holds (headers, cookies, timings, pages)
is passed over. Redirections, sockets and answers whose content was not recorded cannot be served, and are left out.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from judge_agent.schema.base import Whole
from judge_agent.schema.page_contents import MEDIA_TYPE, RecordedAnswer, is_address
from judge_agent.schema.refusals import Refused, message_of

MAX_ENTRIES = 1000
_EMPTY = frozenset((204, 205))


class _Taken(BaseModel):
    """Somebody else's format: what is not named here is no part of the request."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class HarRequest(_Taken):
    method: Annotated[str, Field(max_length=20)] = "GET"
    url: Annotated[str, Field(max_length=20_000)]


class HarContent(_Taken):
    mimeType: Annotated[str, Field(max_length=400)] = ""
    text: str | None = None
    encoding: Annotated[str, Field(max_length=40)] | None = None


class HarResponse(_Taken):
    status: Whole
    content: HarContent = HarContent()


class HarEntry(_Taken):
    request: HarRequest
    response: HarResponse


class HarLog(_Taken):
    entries: Annotated[tuple[HarEntry, ...], Field(min_length=1, max_length=MAX_ENTRIES)]


class Har(_Taken):
    """An archive: `{"log": {"entries": [...]}}`."""

    log: HarLog

    def answers(self) -> tuple[RecordedAnswer, ...]:
        """What can be served, in the archive's order. Raises Refused for contents that cannot be read, or where
        nothing is left.
        """
        found = [
            _answer(number, entry) for number, entry in enumerate(self.log.entries) if _can_be_served(entry)
        ]
        if not found:
            raise Refused("har.log.entries", "none of them is an answer with its content", None)
        return tuple(found)


def _can_be_served(entry: HarEntry) -> bool:
    status, content = entry.response.status, entry.response.content
    has_body = content.text is not None or status in _EMPTY or status >= 400
    moved = 300 <= status < 400
    return is_address(_address(entry)) and 200 <= status <= 599 and has_body and not moved


def _answer(number: int, entry: HarEntry) -> RecordedAnswer:
    content = entry.response.content
    kind = content.mimeType.strip()
    held = {"base64" if content.encoding == "base64" else "text": content.text or ""}
    try:
        return RecordedAnswer(
            url=_address(entry),
            method=entry.request.method,
            status=entry.response.status,
            media_type=kind if re.fullmatch(MEDIA_TYPE, kind) else None,
            **held,
        )
    except ValidationError as error:
        where = f"har.log.entries.{number}"
        raise Refused(where, message_of(error.errors(include_url=False)[0])[:300], None) from None


def _address(entry: HarEntry) -> str:
    return entry.request.url.partition("#")[0]
