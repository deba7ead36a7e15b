"""Reads files one after the other and prints a line of JSON for every document: its title, address and pages.

Input: a line of JSON {limits, files: [{id, format, size, title, url}]}, then the bytes of the files. A line that says
`begun` comes before each file, so that the host knows which one ended the box.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from tools.documents.in_box.markup import decoded, of_html, plain, title_of_markdown
from tools.documents.in_box.pdf import pages_of
from tools.documents.in_box.refusing import Refusal

_TEXTS = ("text", "content", "body", "contents", "passage")
_IDS = ("id", "_id", "doc_id", "docid")


def main() -> None:
    head = json.loads(sys.stdin.buffer.readline())
    room = head["limits"]["max_text_chars"]
    for index, file in enumerate(head["files"]):
        content = sys.stdin.buffer.read(file["size"])
        _say({"file": index, "begun": True})
        try:
            for document in _documents(content, file, {**head["limits"], "max_text_chars": room}):
                size = sum(map(len, document["pages"]))
                if size > room:  # what is refused takes no room from the files after it
                    raise Refusal("limit", "has more text than is left of max_text_chars")
                room -= size
                _say({"file": index, **document})
        except Refusal as refusal:
            _say({"file": index, "refused": refusal.kind, "why": str(refusal)[:300]})
    _say({"done": True})


def _say(line: Mapping[str, Any]) -> None:
    sys.stdout.buffer.write(json.dumps(line).encode() + b"\n")
    sys.stdout.buffer.flush()


def _documents(
    content: bytes, file: Mapping[str, Any], limits: Mapping[str, int]
) -> Iterator[dict[str, Any]]:
    if file["format"] == "jsonl":
        yield from _lines(content, file["id"], limits)
        return
    title, pages, beside = _read(content, file["format"], limits)
    yield {
        "id": file["id"],
        "title": file["title"] or title,
        "beside": f"{title}\n{beside}",
        "url": file["url"],
        "pages": pages,
        "paged": file["format"] == "pdf",
    }


def _read(content: bytes, format_: str, limits: Mapping[str, int]) -> tuple[str, list[str], str]:
    """The title, the pages, and what stands beside them."""
    if format_ == "pdf":
        return *pages_of(content, limits), ""
    if format_ == "html":
        title, text, described = of_html(plain(decoded(content, html=True)))
        return title, [text], described
    text = plain(decoded(content))
    return (title_of_markdown(text) if format_ == "markdown" else ""), [text], ""


def _lines(content: bytes, corpus: str, limits: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    """One document a line; lines that hold none are counted."""
    used = dict[str, int]()
    count = skipped = 0
    for number, line in enumerate(plain(decoded(content)).split("\n"), 1):
        if not line.strip():
            continue
        row = _object(line)
        text = _first(row, _TEXTS)
        if text is None:
            skipped += 1
            continue
        count += 1
        if count > limits["max_documents"]:
            raise Refusal("limit", f"has more than max_documents={limits['max_documents']} documents")
        name = f"{corpus}/{_id(row) or number}"
        used[name] = used.get(name, 0) + 1
        yield {
            "id": name if used[name] == 1 else f"{name}~{used[name]}",
            "title": plain(_first(row, ("title",)) or "")[:500],
            "url": plain(_first(row, ("url", "link", "source_url")) or "")[:2000],
            "pages": [plain(text)],
            "beside": _beside(row, text),
        }
    if skipped:
        yield {"skipped": skipped, "pages": []}


def _object(line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return row if isinstance(row, dict) else {}


def _first(row: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((row[name] for name in names if isinstance(row.get(name), str)), None)


def _beside(row: Mapping[str, Any], text: str) -> str:
    """The other short texts of a row."""
    others = (
        value for value in row.values() if isinstance(value, str) and value != text and len(value) < 1000
    )
    return plain("\n".join(others))[:2000]


def _id(row: Mapping[str, Any]) -> str:
    """The id that a line gives, as far as it is short and printable; spaces and `#` would break passage ids."""
    given = next((row[name] for name in _IDS if isinstance(row.get(name), (str, int))), "")
    written = "".join(one if one.isprintable() and one not in " #" else "_" for one in str(given))
    return written[:128]


if __name__ == "__main__":
    main()
