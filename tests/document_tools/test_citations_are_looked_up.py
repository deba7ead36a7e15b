"""Citations of an answer, looked up in observations and documents: what decides, and what only hints."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from judge_agent.schema import Message, Principle, Resources, Task
from tools.check_citations import CheckCitations
from tools.citations.limits import CitationLimits
from tools.documents.shelf import Shelf

pytestmark = pytest.mark.anyio
CASES = tomllib.loads(Path(__file__).with_name("citations.toml").read_text(encoding="utf-8"))["case"]
HOSTILE = (
    '"' * 50_000,
    '" a ' * 20_000,
    "[" * 50_000,
    "https://" * 20_000,
    "> " * 40_000,
    "\u201ca" * 30_000,
    "A " * 60_000,
    'it says "a b c d e f g" ' * 6_000,
    "the page " * 20_000 + 'says "one two three"',
    "<a " * 50_000,
    "&" * 100_000,
    "\\u" * 50_000,
    "a-\n" * 50_000,
    "](" * 50_000,
    "\u2026 " * 50_000,
    "https://a.org/" + "a-b/" * 40_000,
    ">\n" * 50_000,
    "1," * 60_000,
)
SEEN = (
    "Title: The blue whale\nhttps://ocean.example.org/whales/blue?utm_source=x\n"
    "The blue whale is the largest animal ever known. It can weigh 190 tonnes and eats mostly krill. "
    "Adults reach a length of 29.9 metres [doc_7]."
)


def trajectory(answer: str, result: str = SEEN, arguments: str = '{"q": "whale"}') -> list[dict[str, Any]]:
    call = {"id": "c1", "function": {"name": "search", "arguments": arguments}}
    return [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": result},
        {"role": "assistant", "content": answer},
    ]


@pytest.fixture
def tool() -> CheckCitations:
    return CheckCitations(Shelf(None, None))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
async def test_what_an_answer_cites_is_looked_up(tool, view, case: dict[str, Any]) -> None:
    given = {key: case[key] for key in ("result", "arguments") if key in case}
    asked = view(messages=trajectory(case["answer"], **given), prompt=case.get("prompt", "How large is it?"))
    result = await tool.run({}, asked, timeout_seconds=30)
    finding = result.findings[0]
    assert [finding.bearing, finding.strength] == case["says"], (finding.reason, result.output)
    assert [one["outcome"] for one in result.output["citations"]] == case["outcomes"], result.output


async def test_what_is_missing_is_an_aside_that_decides_groundedness(tool, view) -> None:
    asked = view(messages=trajectory('The page says "whales are a kind of large fish".'))
    (aside,) = (await tool.run({}, asked, timeout_seconds=30)).asides
    assert (aside.dimension, aside.finding.score) == ("groundedness", 0.0)


async def test_documents_are_looked_into_and_passages_named(shelf_of, view) -> None:
    text = "The Moon is 384,400 km from the Earth on average."
    corpora = [{"name": "lib", "documents": [{"id": "moon", "text": text}]}]
    tool = CheckCitations(shelf_of())
    good = view(corpora, answer='It says "is 384,400 km from the Earth" [lib/moon#1].')
    result = await tool.run({}, good, timeout_seconds=120)
    assert (result.findings[0].bearing, result.findings[0].strength) == ("confirms", "decisive"), (
        result.output
    )
    assert result.output["citations"][0]["at"] == "lib/moon#1"
    start, end = result.output["citations"][0]["offsets"]
    assert text[start:end] == "is 384,400 km from the Earth"
    bad = view(corpora, answer="It is far away [lib/sun] [lib/moon#9].")
    result = await tool.run({}, bad, timeout_seconds=120)
    assert [one["outcome"] for one in result.output["citations"]] == ["missing", "missing"]
    assert (result.findings[0].bearing, result.findings[0].strength) == ("refutes", "decisive")


async def test_claims_are_linked_and_the_chain_is_walked_from_the_answer(tool, view) -> None:
    seen = (
        "Marie Curie was born in Warsaw in 1867.\n\n"
        + "x " * 600
        + "\n\nWarsaw is the capital of Poland.\n\n"
        "" + "y " * 600 + "\n\nJohn Smith plays the Grand Piano."
    )
    answer = (
        "Marie Curie was born in Warsaw in 1867. John Smith plays the Grand Piano. Paul Blake met Ann Gray in Oslo. "
        "The answer is Poland, the capital of which is Warsaw."
    )
    asked = view(messages=trajectory(answer, seen), prompt="In which country was Marie Curie born?")
    output = (await tool.run({}, asked, timeout_seconds=30)).output if tool.opening_calls(asked) else None
    assert output is None  # nothing is cited, and there are no documents: no call is worth making
    output = (await tool.run({}, asked, timeout_seconds=30)).output
    assert (output["chain"]["claims"], output["chain"]["linked"], output["chain"]["connected"]) == (4, 3, 2)
    assert output["chain"]["reaches_task"] is True
    (unlinked,) = [one for one in output["claims"] if not one["passages"]]
    assert set(unlinked["absent"]) == {"Paul Blake", "Ann Gray", "Oslo"}


async def test_a_step_that_cites_what_was_not_seen_yet_is_named(tool, view) -> None:
    early = {
        "role": "assistant",
        "id": "guess",
        "content": "See https://ocean.example.org/whales/blue for more.",
    }
    asked = view(messages=[early, *trajectory("It is at https://ocean.example.org/whales/blue")])
    result = await tool.run({}, asked, timeout_seconds=30)
    assert [(one.step_id, one.bearing, one.strength) for one in result.findings[1:]] == [
        ("guess", "refutes", "strong")
    ]


@pytest.mark.parametrize(
    ("description", "decides"),
    [
        ("Every quotation that the answer cites exists in its sources.", True),
        ("No cited URL is fabricated.", True),
        ("The answer is correct.", False),
        ("Cited sources exist and support every claim.", False),
        ("Sources are credible and found.", False),
    ],
)
def test_only_the_existence_of_citations_is_decided(tool, view, description: str, decides: bool) -> None:
    principle = Principle.model_validate(
        {
            "name": "p",
            "description": description,
            "dimension": "d",
            "kind": "hard",
            "scale": "pass_fail",
            "weight": 1.0,
            "origin": "given",
            "tool": "check_citations",
        }
    )
    assert tool.can_decide(principle, view(messages=trajectory("x"))) is decides
    generated = principle.model_copy(update={"origin": "generated"})
    assert not tool.can_decide(generated, view(messages=trajectory("x")))


async def test_a_hostile_text_is_looked_up_in_time(tool, view) -> None:
    for text in HOSTILE:
        asked = view(messages=trajectory(f"x {text}", f"y {text}"))
        tool.opening_calls(asked)
        await tool.run({}, asked, timeout_seconds=60)


async def test_of_ten_thousand_citations_the_first_are_looked_up_and_that_confirms_nothing(
    tool, view
) -> None:
    lines = [f'The page says "these are the words number {n}" https://x{n}.org/a/b' for n in range(10_000)]
    asked = view(messages=trajectory("\n".join(lines), "\n".join(lines)))
    assert tool.opening_calls(asked)
    result = await tool.run({}, asked, timeout_seconds=60)
    assert result.checked["citations"] == CitationLimits().max_citations
    assert result.truncated
    assert (result.findings[0].bearing, result.findings[0].strength) == ("none", "hint")
    asked = view(messages=trajectory("\n".join(lines), "Nothing of that kind. " * 1000))
    finding = (await tool.run({}, asked, timeout_seconds=60)).findings[0]
    assert (finding.bearing, finding.strength) == ("refutes", "decisive")


async def test_the_agents_own_earlier_words_are_no_invention_and_no_source(tool, view) -> None:
    early = {"role": "assistant", "content": "My plan: first weigh the whale in the harbour at dawn."}
    answer = 'The statement says "first weigh the whale in the harbour at dawn".'
    result = await tool.run({}, view(messages=[early, *trajectory(answer)]), timeout_seconds=30)
    assert [one["outcome"] for one in result.output["citations"]] == ["repeated"]
    assert (result.findings[0].bearing, result.findings[0].strength) == ("none", "hint")


@pytest.mark.parametrize(
    ("id_", "outcome"),
    [
        ("lib/moon", "found"),
        ("Lib/Moon", "found"),
        ("lib", "found"),
        ("lib/moon#1", "found"),
        ("lib/moon#7", "missing"),
        ("lib/moon:3", "found"),
        ("lib/moon.txt", "found"),
        ("lib/../moon", "missing"),
        ("lib/sun", "missing"),
    ],
)
async def test_an_id_names_a_document_however_it_is_written(shelf_of, view, id_: str, outcome: str) -> None:
    corpora = [
        {"name": "lib", "documents": [{"id": "moon", "text": "It is far."}, {"id": "mars", "text": "Red."}]}
    ]
    asked = view(corpora, answer=f"It is far [{id_}].")
    result = await CheckCitations(shelf_of()).run({}, asked, timeout_seconds=120)
    assert [one["outcome"] for one in result.output["citations"]] == [outcome], result.output["citations"]


async def test_what_the_agent_was_told_of_its_tools_may_be_quoted(tool, view) -> None:
    asked = view(messages=trajectory("The tool says \"Returns the forecast of the 'next' seven days\"."))
    described = {"function": {"name": "f", "description": 'Returns the forecast of the "next" seven days.'}}
    told = replace(asked, trajectory=asked.trajectory.model_copy(update={"tools": (described,)}))
    assert [(await tool.run({}, one, timeout_seconds=30)).findings[0].bearing for one in (asked, told)] == [
        "refutes",
        "confirms",
    ]


async def test_nothing_missing_decides_where_pictures_may_have_been_read(tool, view) -> None:
    asked = view(messages=trajectory('The page says "whales are a kind of large fish".'))
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    part = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{pixel}"}}
    shown = Message.model_validate({"role": "user", "content": [{"type": "text", "text": "What?"}, part]})
    for other in (
        replace(asked, task=Task(prompt="What?", messages=(shown,))),
        replace(asked, resources=Resources.model_validate({"images": [{"name": "i", "data": pixel}]})),
    ):
        finding = (await tool.run({}, other, timeout_seconds=30)).findings[0]
        assert (finding.bearing, finding.strength, finding.score) == ("refutes", "strong", None)


async def test_each_limit_of_citations_is_told_and_ends_in_no_confirmation(view) -> None:
    def limited(**limits: int) -> CheckCitations:
        return CheckCitations(Shelf(None, None), limits=CitationLimits(**limits))

    quote = 'The page says "The blue whale is the largest animal ever known". '
    asked = view(messages=trajectory(quote * 3))
    for tool in (limited(max_text_chars=80), limited(max_citations=2)):
        result = await tool.run({}, asked, timeout_seconds=30)
        assert (result.truncated, result.findings[0].strength) == (True, "hint")
        assert result.checked["citations"] < 3
    told = await limited(max_listed=1).run({}, asked, timeout_seconds=30)
    assert (len(told.output["citations"]), told.findings[0].strength) == (1, "decisive")
    steps = [{"role": "assistant", "content": f"See https://a.org/b{n}/c too."} for n in range(4)]
    asked = view(messages=[*steps, *trajectory(quote)])
    told = await limited(max_step_citations=2).run({}, asked, timeout_seconds=30)
    assert len(told.findings) == 3


PAGE = (
    '<html><head><title>Whales of the whole world</title><meta name="description" content="On very big animals at sea">'
    '<p>End tags are left out here.<img alt="a whale beside a small boat"><svg><p>Behind a drawing that is not ended.'
    "<noscript>Scripts are switched off here</noscript>"
)
ROWS = '{"id": 1, "text": "Whales are big.", "author": "Ann Smith of the sea"}\n'


@pytest.mark.parametrize(
    ("format_", "quote"),
    [
        ("html", "Whales of the whole world"),
        ("html", "On very big animals at sea"),
        ("html", "End tags are left out"),
        ("html", "a whale beside a small boat"),
        ("html", "Behind a drawing that is not ended"),
        ("html", "Scripts are switched off here"),
        ("jsonl", "Ann Smith of the sea"),
    ],
)
async def test_what_a_file_says_beside_its_text_may_be_quoted(
    shelf_of, view, format_: str, quote: str
) -> None:
    corpus = {"name": "lib", "format": format_, "text": PAGE if format_ == "html" else ROWS}
    asked = view([corpus], answer=f'The page says "{quote}".')
    result = await CheckCitations(shelf_of()).run({}, asked, timeout_seconds=60)
    assert [(one.bearing, one.strength) for one in result.findings] == [("confirms", "decisive")]


async def test_nothing_missing_decides_where_rows_without_text_were_skipped(shelf_of, view) -> None:
    corpus = {"name": "lib", "format": "jsonl", "text": ROWS + '{"note": "eats only very old fish"}\n'}
    asked = view([corpus], answer='The page says "eats only very old fish".')
    result = await CheckCitations(shelf_of()).run({}, asked, timeout_seconds=60)
    assert [(one.bearing, one.strength) for one in result.findings] == [("refutes", "strong")]
