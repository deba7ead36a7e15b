"""Turns bytes and HTML into plain text: what a reader would see, blocks on lines of their own."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_SILENT = frozenset(("script", "style", "template", "svg", "math", "object", "iframe", "head"))
# A block within these ends them, as browsers have it: their own end may be left out, or forgotten.
_ENDED_BY_BLOCKS = frozenset(("head", "svg", "math"))
_BLOCKS = frozenset(
    (
        *(
            "address",
            "article",
            "aside",
            "blockquote",
            "br",
            "dd",
            "div",
            "dl",
            "dt",
            "fieldset",
            "figcaption",
        ),
        *(
            "figure",
            "footer",
            "form",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "header",
            "hr",
            "li",
            "main",
            "nav",
        ),
        *("ol", "option", "p", "pre", "section", "summary", "table", "tbody", "tfoot", "thead", "tr", "ul"),
    )
)
_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([A-Za-z0-9_.:-]{1,40})""", re.I)
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


def decoded(content: bytes, *, html: bool = False) -> str:
    """The text of a file: by its byte order mark, its declared charset (HTML), else UTF-8; what is broken shows."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, "replace")
    declared = _CHARSET.search(content[:4096]) if html else None
    if declared is not None:
        try:
            return content.decode(declared.group(1).decode("ascii"), "replace")
        except (LookupError, ValueError):
            pass  # no such charset, or one that is none of text
    return content.decode("utf-8", "replace")


def plain(text: str) -> str:
    """One kind of line end, no NUL, no half surrogate pairs."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    return text.encode("utf-8", "replace").decode("utf-8")


class Reader(HTMLParser):
    """Collects the visible text of a page, and its title."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title = self.description = ""
        self.pieces: list[str] = []
        self._silent: list[str] = []
        self._in_title = False
        self._literal = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            while self._silent and self._silent[-1] in _ENDED_BY_BLOCKS:
                self._silent.pop()
        if tag == "body":  # whatever was left open in the head has ended
            self._silent.clear()
        elif tag in _SILENT:
            if len(self._silent) < 1000:
                self._silent.append(tag)
        elif tag == "title":
            self._in_title = True
        elif tag == "meta":
            told = dict(attrs)
            if (told.get("name") or told.get("property") or "").lower().endswith("description"):
                self.description = (told.get("content") or "")[:1000]
        elif not self._silent:
            self._literal += tag == "pre"
            self.pieces.append("\n" if tag in _BLOCKS else " " if tag in ("td", "th") else "")
            if tag == "img" and (alt := dict(attrs).get("alt")):  # what is shown to who sees no pictures
                self.pieces.append(f" {' '.join(alt.split())} ")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS and not self._silent:
            self.pieces.append("\n")
        elif tag == "img":
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False
        elif tag in self._silent:
            while self._silent.pop() != tag:
                pass
        elif tag in _BLOCKS and not self._silent:
            self._literal = max(0, self._literal - (tag == "pre"))
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if self._in_title and not self.title:
            self.title = " ".join(data.split())[:500]
        elif not self._silent and not self._in_title:
            self.pieces.append(data if self._literal else re.sub(r"\s+", " ", data))


def of_html(text: str) -> tuple[str, str, str]:
    """The title, the visible text and the description of a page."""
    reader = Reader()
    reader.feed(text)
    reader.close()
    lines = (line.strip() for line in "".join(reader.pieces).split("\n"))
    return reader.title, re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip(), reader.description


def title_of_markdown(text: str) -> str:
    """The first heading."""
    found = re.search(r"^#{1,6}[ \t]+(\S[^\n]{0,300})", text, re.M)
    return found.group(1).strip(" #\t") if found else ""
