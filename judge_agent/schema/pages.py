"""Web pages that a request brings along: one HTML text, a folder of files, or answers recorded from a site.

They are served to a browser in a box without network, at `https://site.test/` or, recorded, at their own addresses.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from judge_agent.schema.base import Envelope
from judge_agent.schema.files import exactly_one
from judge_agent.schema.page_contents import (
    MAX_PAGE_CHARS,
    PageContent,
    PageFile,
    RecordedAnswer,
)
from judge_agent.schema.recordings import Har
from judge_agent.schema.refusals import Refused

MAX_SITES = 8
MAX_SITE_FILES = 200
_FORMS = ("html", "files", "recorded", "har")


class Site(Envelope):
    """One site with exactly one of `html`, `files`, `recorded` and `har` (an HTTP Archive, as browsers save it).

    `entry` is what is opened first: a path of `files` (omitted: index.html, else the only HTML file), or one of the
    recorded addresses (omitted: the first page among them).
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$")]
    html: Annotated[str, Field(max_length=MAX_PAGE_CHARS)] | None = None
    files: Annotated[tuple[PageFile, ...], Field(min_length=1, max_length=MAX_SITE_FILES)] | None = None
    recorded: Annotated[tuple[RecordedAnswer, ...], Field(min_length=1, max_length=MAX_SITE_FILES)] | None = (
        None
    )
    har: Har | None = None
    entry: Annotated[str, Field(min_length=1, max_length=2000)] | None = None

    @property
    def recording(self) -> tuple[RecordedAnswer, ...] | None:
        """The answers of a recorded site, in either form; None of one that is none."""
        return self.recorded if self.har is None else self.har.answers()

    @property
    def contents(self) -> tuple[PageContent, ...]:
        """All that its files or answers hold or name."""
        return (*(self.files or ()), *(self.recorded or ()))

    @model_validator(mode="after")
    def _one_form(self) -> Site:
        exactly_one(_FORMS, [name for name in _FORMS if getattr(self, name) is not None])
        paths = [file.path for file in self.files or ()]
        if twice := sorted({path for path in paths if paths.count(path) > 1}):
            raise Refused("files", f"{twice[0]!r} is given more than once", twice[0])
        known = paths if self.files else [answer.url for answer in self.recording or ()]
        if self.entry is not None and self.entry not in known:
            raise Refused(
                "entry", f"{self.entry[:80]!r} is not among the site's {len(known)} files", self.entry
            )
        return self
