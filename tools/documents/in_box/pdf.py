"""Reads the text of a PDF page by page, under the limits that the host gives."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tools.documents.in_box.markup import plain
from tools.documents.in_box.refusing import Refusal

_JOINED = re.compile("[\x02\ufffe\u00ad]\n?")  # how PDFium marks a hyphen at the end of a line


def pages_of(content: bytes, limits: Mapping[str, int]) -> tuple[str, list[str]]:
    """The title and the text of each page. Raises Refusal."""
    try:
        import pypdfium2
    except ImportError as error:
        raise Refusal("missing", "pypdfium2") from error
    try:
        document = pypdfium2.PdfDocument(content)
        count = len(document)
    except pypdfium2.PdfiumError as error:
        kind = "is encrypted" if "password" in str(error).lower() else "is no PDF that can be read"
        raise Refusal("broken", f"{kind} ({error})") from error
    if count > limits["max_pages"]:
        raise Refusal("limit", f"has {count} pages; the limit is max_pages={limits['max_pages']}")
    pages, total = [], 0
    for index in range(count):
        text = _page(document, index, limits["max_text_chars"] - total)
        pages.append(text)
        total += len(text)
        _refuse_growth(total, len(content), limits)
    title = document.get_metadata_value("Title") or ""
    return " ".join(plain(title).split())[:500], pages


def _page(document: object, index: int, room: int) -> str:
    import pypdfium2

    try:
        page = document[index]  # type: ignore[index]
        try:
            text_page = page.get_textpage()
            try:
                count = text_page.count_chars()
                if count > room:
                    raise Refusal("limit", f"has more text than is left of max_text_chars (page {index + 1})")
                return _JOINED.sub("", plain(text_page.get_text_range()))
            finally:
                text_page.close()
        finally:
            page.close()
    except pypdfium2.PdfiumError:
        return ""  # a page that is broken has no text; the others have


def _refuse_growth(chars: int, size: int, limits: Mapping[str, int]) -> None:
    if chars > limits["ratio_from_chars"] and chars > limits["max_ratio"] * size:
        raise Refusal(
            "limit",
            f"comes to more than {limits['max_ratio']} characters for each of its {size} bytes (max_ratio)",
        )
