"""Every format is read, and found by its words, with ids and offsets that hold."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tools.read_page import ReadPage
from tools.search import Search

pytestmark = pytest.mark.anyio
SECONDS = 120
HTML = (
    "<html><head><title>Cats</title><style>p{}</style></head><body><h1>Cats</h1>"
    "<p>Cats sleep &amp; purr.</p><script>hidden()</script></body></html>"
)
LINES = '{"id": "a", "title": "Alpha", "text": "Alpha particles are helium nuclei."}\nno json\n{"contents": "Second"}\n'


def documents() -> list[dict[str, Any]]:
    return [
        {"id": "whales", "format": "markdown", "text": "# Whales\n\nThe blue whale is the largest animal.\n"},
        {"id": "cats", "format": "html", "text": HTML, "url": "https://x.org/cats"},
        {"id": "plain", "text": "Krill are small crustaceans. " * 200},
    ]


async def found(tool: Search, view: Any, **arguments: Any) -> list[dict[str, Any]]:
    result = await tool.run(arguments, view, timeout_seconds=SECONDS)
    assert result.status == "ok", result.output
    return list(result.output["hits"])


async def test_words_find_the_passage_that_holds_them(shelf_of, view) -> None:
    shelf, asked = shelf_of(), view([{"name": "d", "documents": documents()}])
    tool, pages = Search(shelf), ReadPage(shelf)
    (first, *_) = await found(tool, asked, query="largest animals")
    assert (first["document"], first["id"], first["title"]) == ("d/whales", "d/whales#1", "Whales")
    page = (await pages.run({"document": first["id"]}, asked, timeout_seconds=SECONDS)).output
    start, end = first["offsets"]
    assert page["text"][start:end] == first["text"]
    (cats,) = await found(tool, asked, query='"sleep & purr"')
    assert (cats["text"], cats["url"]) == ("Cats\n\nCats sleep & purr.", "https://x.org/cats")
    assert await found(tool, asked, query='"purr sleep"') == []
    assert await found(tool, asked, query="hidden") == []
    assert {one["document"] for one in await found(tool, asked, query="krill whale", document="plain")} == {
        "d/plain"
    }
    again = await found(Search(shelf), asked, query="krill")
    assert again == await found(tool, asked, query="krill")
    for hostile in ("(((", "a:b AND NOT", "*", '"', "title:[a TO z]", "\x00", "((a OR b)^9999"):
        await found(tool, asked, query=hostile)


async def test_pages_of_a_pdf_and_lines_of_jsonl_are_documents(shelf_of, view, pdf, page_of) -> None:
    content = pdf([page_of("The first page speaks of tides."), page_of("The second page speaks of granite.")])
    corpora = [
        {"name": "book", "format": "pdf", "base64": base64.b64encode(content).decode()},
        {"name": "rows", "format": "jsonl", "text": LINES},
    ]
    shelf, asked = shelf_of(), view(corpora)
    (hit,) = await found(Search(shelf), asked, query="granite")
    assert (hit["document"], hit["page"], hit["text"]) == ("book", 2, "The second page speaks of granite.")
    shown = await ReadPage(shelf).run({"document": "book", "page": 1}, asked, timeout_seconds=SECONDS)
    assert (shown.output["text"].strip(), shown.output["pages"]) == ("The first page speaks of tides.", 2)
    result = await Search(shelf).run({"query": "helium nucleus"}, asked, timeout_seconds=SECONDS)
    assert [one["document"] for one in result.output["hits"]] == ["rows/a"]
    assert result.output["searched"]["lines_without_text"] == {"rows": 1}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "query: Field required"),
        ({"query": " "}, "query must be text"),
        ({"query": "x" * 401}, "query: String should have at most 400 characters, not 'xxx"),
        ({"query": "x", "limit": 11}, "limit: Input should be less than or equal to 10, not 11"),
        ({"query": "x", "limit": True}, "limit: Input should be a valid integer, not True"),
        ({"query": "x", "corpus": "other"}, "corpus 'other' is unknown"),
        ({"query": "x", "more": 1}, "unknown argument 'more'"),
        ({"query": "x", "document": "nowhere"}, "document 'nowhere' is unknown"),
    ],
)
async def test_bad_arguments_are_named(shelf_of, view, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        await Search(shelf_of()).run(
            arguments, view([{"name": "d", "text": "words"}]), timeout_seconds=SECONDS
        )


async def test_the_output_stays_below_its_limit(shelf_of, view) -> None:
    many = [{"id": f"n{n}", "text": f"krill {n} " + "w\u00f6rter " * 150} for n in range(12)]
    asked = view([{"name": "d", "documents": many}])
    result = await Search(shelf_of()).run({"query": "krill", "limit": 10}, asked, timeout_seconds=SECONDS)
    assert len(result.output["hits"]) == 10
    assert len(json.dumps(result.output, ensure_ascii=False)) <= 7000
    assert result.truncated


async def test_a_long_page_is_shown_in_parts_that_meet(shelf_of, view) -> None:
    tool, asked = ReadPage(shelf_of(max_shown_chars=1000)), view([{"name": "d", "text": "krill " * 500}])
    text, offset = "", 0
    while offset is not None:
        part = await tool.run({"document": "d", "offset": offset}, asked, timeout_seconds=SECONDS)
        assert len(part.output["text"]) <= 1000
        text, offset = text + part.output["text"], part.output["more_from_offset"]
    assert text == "krill " * 500
