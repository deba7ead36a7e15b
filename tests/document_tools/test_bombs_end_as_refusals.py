"""Files that are too large, too long, broken or made to burst: each is refused by name, and the others are read."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from pydantic import ValidationError

from judge_agent.errors import ToolError
from tools.check_citations import CheckCitations
from tools.read_page import ReadPage
from tools.search import Search

pytestmark = pytest.mark.anyio
SECONDS = 120
GOOD = {"name": "good", "text": "Granite is an igneous rock."}


def as_pdf(content: bytes) -> dict[str, Any]:
    return {"name": "bad", "format": "pdf", "base64": base64.b64encode(content).decode()}


async def refusal(shelf: Any, asked: Any) -> str:
    """Why `bad` is not read; what is beside it is found all the same."""
    result = await Search(shelf).run({"query": "granite"}, asked, timeout_seconds=SECONDS)
    assert [one["document"] for one in result.output["hits"]] == ["good"], result.output
    assert result.flags == {"documents_not_read": 1}
    return str(result.output["searched"]["not_read"]["bad"])


async def test_a_pdf_with_too_many_pages_is_refused(shelf_of, view, pdf, page_of) -> None:
    content = pdf([page_of("x")] * 4)
    why = await refusal(shelf_of(max_pages=3), view([as_pdf(content), GOOD]))
    assert why == "has 4 pages; the limit is max_pages=3"


async def test_a_pdf_that_is_no_pdf_is_refused(shelf_of, view) -> None:
    assert "no PDF that can be read" in await refusal(shelf_of(), view([as_pdf(b"%PDF-1.7 nothing"), GOOD]))


async def test_a_pdf_that_grows_without_measure_is_refused(shelf_of, view, pdf, page_of) -> None:
    content = pdf([b"BT /F1 1 Tf 1 1 Td " + b"(aaaa bbbb) Tj " * 6000 + b" ET"], compress=True)
    shelf = shelf_of(ratio_from_chars=1000, max_ratio=5)
    assert "max_ratio" in await refusal(shelf, view([as_pdf(content), GOOD]))


async def test_a_stream_that_inflates_beyond_the_memory_of_its_box_is_refused(shelf_of, view, pdf) -> None:
    content = pdf([b" " * 400_000_000], compress=True)
    shelf = shelf_of(memory_bytes=200 * 2**20, seconds_per_file=3)
    why = await refusal(shelf, view([as_pdf(content), GOOD]))
    assert "memory_bytes" in why or "seconds_per_file" in why or "ended its parser" in why


async def test_more_text_than_the_limit_is_refused(shelf_of, view) -> None:
    long = {"name": "bad", "text": "word " * 500}
    assert "max_text_chars" in await refusal(shelf_of(max_text_chars=1000), view([long, GOOD]))


async def test_more_lines_than_documents_are_allowed_are_refused(shelf_of, view) -> None:
    lines = {"name": "bad", "format": "jsonl", "text": '{"text": "a"}\n' * 9}
    result = await Search(shelf_of(max_documents=4)).run(
        {"query": "granite"}, view([GOOD, lines]), timeout_seconds=SECONDS
    )
    assert "max_documents" in result.output["searched"]["not_read"]["bad"]


async def test_a_page_that_takes_too_long_to_read_is_refused(shelf_of, view) -> None:
    page = {"name": "bad", "format": "html", "text": "<!" * 300_000 + "<a " * 600_000 + "<![" * 600_000}
    shelf = shelf_of(seconds_per_file=1)
    result = await Search(shelf).run({"query": "granite"}, view([page, GOOD]), timeout_seconds=SECONDS)
    assert [one["document"] for one in result.output["hits"]] == ["good"]


async def test_too_many_bytes_or_passages_are_the_tools_failure_and_no_reward(shelf_of, view) -> None:
    asked = view([{"name": "a", "text": "word " * 100}])
    with pytest.raises(ToolError, match="max_total_bytes=100"):
        await Search(shelf_of(max_total_bytes=100)).run({"query": "x"}, asked, timeout_seconds=SECONDS)
    with pytest.raises(ToolError, match="max_passages=2"):
        await Search(shelf_of(max_passages=2, passage_chars=50)).run(
            {"query": "x"}, asked, timeout_seconds=SECONDS
        )


async def test_where_nothing_can_be_read_the_answer_is_a_refusal(shelf_of, view) -> None:
    shelf, asked = shelf_of(), view([as_pdf(b"no pdf at all")])
    for tool, arguments in ((Search(shelf), {"query": "x"}), (ReadPage(shelf), {"document": "bad"})):
        result = await tool.run(arguments, asked, timeout_seconds=SECONDS)
        assert result.status == "refused"
        assert "no PDF" in result.output["error"]


async def test_a_missing_quotation_decides_nothing_where_a_document_was_not_read(shelf_of, view) -> None:
    asked = view([as_pdf(b"no pdf at all"), GOOD], answer='The book says "marble is a kind of cheese".')
    finding = (await CheckCitations(shelf_of()).run({}, asked, timeout_seconds=SECONDS)).findings[0]
    assert (finding.bearing, finding.strength, finding.score) == ("refutes", "strong", None)


async def test_without_a_box_the_tool_says_that_it_is_unavailable(view) -> None:
    from tools.documents.shelf import Shelf

    with pytest.raises(ToolError, match="JUDGE_SANDBOX"):
        await Search(Shelf(None, None)).run({"query": "x"}, view([GOOD]), timeout_seconds=SECONDS)


async def test_hostile_pages_and_lines_are_read_for_what_they_are(shelf_of, view) -> None:
    deep = "<div>" * 100_000 + "krill"
    lines = (
        '{"id": "../../etc/passwd", "text": "krill one"}\n'
        '{"id": "a b\\u0000c", "title": "t\\ud800", "text": "krill two \\u0000 \\ud800"}\n'
        '{"id": {"x": 1}, "text": "krill three"}\n' + "[" * 100_000 + "\n" + '{"a":' * 50_000 + "\n"
        '{"id": "' + "x" * 5000 + '", "text": "krill four"}\n'
    )
    corpora = [
        {"name": "deep", "format": "html", "text": deep},
        {
            "name": "entities",
            "format": "html",
            "text": "&#x110000;&#0;&lt;script&gt; krill &bogus; &amp;amp;",
        },
        {"name": "rows", "format": "jsonl", "text": lines},
        {"name": "archive", "text": "PK\x03\x04 krill"},
    ]
    shelf, asked = shelf_of(), view(corpora)
    result = await Search(shelf).run({"query": "krill", "limit": 10}, asked, timeout_seconds=SECONDS)
    assert len(result.output["hits"]) == 7, result.output
    for hit in result.output["hits"]:
        json.dumps(hit).encode()
        page = await ReadPage(shelf).run({"document": hit["id"]}, asked, timeout_seconds=SECONDS)
        start, end = hit["offsets"]
        first = page.output["offsets"][0]
        assert page.output["text"][start - first : end - first][:80] == hit["text"][:80]
        assert "\x00" not in hit["text"]
    assert result.output["searched"]["lines_without_text"] == {"rows": 2}


@pytest.mark.slow
async def test_twenty_thousand_documents_are_searched_and_one_more_is_not(shelf_of, view) -> None:
    many = [{"id": f"d{n}", "text": f"krill number {n} lives in the sea"} for n in range(20_000)]
    shelf, asked = shelf_of(), view([{"name": "big", "documents": many}])
    (hit, *_) = (await Search(shelf).run({"query": "777"}, asked, timeout_seconds=SECONDS)).output["hits"]
    assert hit["id"] == "big/d777#1"
    with pytest.raises(ValidationError, match="20000"):
        view([{"name": "big", "documents": [*many, {"id": "more", "text": "x"}]}])
