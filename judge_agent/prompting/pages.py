"""Pages: the texts that an answer can be held to, each by itself, with the addresses and ids that it goes by.

They are what tools returned to the agent, what tools of the judge found, and the documents that the request brings
along as text. A result that lists several addresses is a page for each. Documents in other forms (PDF, HTML, uploaded)
are opened by tools only, and are pages once a tool has read them out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from judge_agent.prompting.fences import fence, neutralise
from judge_agent.prompting.material import CitableSource, Material
from judge_agent.schema import Resources, Trajectory
from judge_agent.trajectory import read

MAX_PAGES = 64
MAX_PAGE_CHARS, MIN_PAGE_CHARS = 8000, 800
PASSAGE_CHARS, EDGE_CHARS = 400, 120
FIRST = -1
_URL = re.compile(r"https?://[^\s<>\"'`\\)\]}\u3011|]+", re.IGNORECASE)
_BRACKETED = re.compile(r"[\[(\u3010]([^\[\]()\u3010\u3011\n]{1,160})[\])\u3011]")
_WORD = re.compile(r"\w+")
_PLAIN = ("text", "markdown")


class Page(NamedTuple):
    """A text under its alias (p1, p2, ...), the names that a citation may call it by, and when the agent saw it."""

    alias: str
    names: frozenset[str]
    text: str
    position: int
    step_id: str | None = None
    cut: bool = False

    @property
    def block(self) -> str:
        """The page between fences, under its alias."""
        return fence(f"PAGE {self.alias}", self.text)


def pages_of(shown: Material, trajectory: Trajectory, resources: Resources) -> list[Page]:
    """Every page, in the order in which they were seen; those of the request come last. At most MAX_PAGES."""
    found = [*_observed(shown, trajectory), *_found(shown), *_brought(resources)]
    pages: list[Page] = []
    for names, text, position, step_id in found:
        text = text.strip()
        if text and len(pages) < MAX_PAGES:
            pages.append(Page(f"p{len(pages) + 1}", frozenset(map(_bare, names)), text, position, step_id))
    return pages


def cited_by(text: str, pages: Sequence[Page]) -> list[Page]:
    """The pages that a text names: by address, by id or title in brackets, or by `<corpus>/<id>` anywhere."""
    named = {_bare(url) for url in urls_in(text)}
    named |= {_bare(part) for inner in _BRACKETED.findall(text) for part in re.split(r"[,;]", inner)}
    plain = text.casefold()
    return [
        page
        for page in pages
        if page.names & named
        or any(
            "/" in name and re.search(rf"(?<![\w/.-]){re.escape(name)}(?![\w/-])", plain)
            for name in page.names
        )
    ]


def shelved(shown: Material, pages: Sequence[Page]) -> Material:
    """The material with the pages among its sources, to check quotes against."""
    sources = dict(shown.sources) | {
        page.alias: CitableSource(
            page.alias, "observation", page.text, step_id=page.step_id, position=page.position
        )
        for page in pages
    }
    return replace(shown, sources=sources)


def shortened(pages: Sequence[Page], chars: int, about: str) -> list[Page]:
    """The pages, so that together they have about so many characters: of long ones what has most words of `about`."""
    each = max(MIN_PAGE_CHARS, min(MAX_PAGE_CHARS, chars // max(1, len(pages))))
    wanted = _words(about)
    return [
        page._replace(text=_nearest(page.text, each, wanted), cut=True) if len(page.text) > each else page
        for page in pages
    ]


def _nearest(text: str, chars: int, wanted: frozenset[str]) -> str:
    """The passages of a text that share most words with those wanted, in their order, and a mark at each gap."""
    starts = range(0, len(text), PASSAGE_CHARS)
    worth = {at: len(_words(text[at : at + PASSAGE_CHARS]) & wanted) for at in starts}
    best = sorted(starts, key=lambda at: (-worth[at], at))[: max(1, chars // PASSAGE_CHARS)]
    spans: list[tuple[int, int]] = []
    for at in sorted(best):
        # A quote may reach over the edge of a passage.
        start, end = max(0, at - EDGE_CHARS), at + PASSAGE_CHARS + EDGE_CHARS
        if spans and start <= spans[-1][1]:
            start = spans.pop()[0]
        spans.append((start, end))
    return "\n[... left out ...]\n".join(text[start:end] for start, end in spans)


def _words(text: str) -> frozenset[str]:
    return frozenset(word for word in _WORD.findall(text.casefold()) if len(word) > 2)


def urls_in(text: str) -> list[str]:
    """The addresses in a text, without the marks that end their sentence."""
    return [match.group().rstrip(".,;:!?*") for match in _URL.finditer(text)]


_Found = tuple[Sequence[str], str, int, str | None]


def _observed(shown: Material, trajectory: Trajectory) -> Iterator[_Found]:
    transcript = read(trajectory)
    calls = {f"{turn.span_id}.{at}": call for turn in transcript.turns for at, call in enumerate(turn.calls)}
    for position, turn in enumerate(transcript.turns):
        if turn.role != "tool" or turn.answers is None or turn.span_id not in shown.sources:
            continue
        call = calls.get(turn.answers)
        asked = _texts(call.arguments if call else None)
        step = next((one.id for one in transcript.steps if turn in one.results), None)
        for names, text in _split(shown.sources[turn.span_id].shown):
            yield (names or [*urls_in("\n".join(asked)), *asked]), text, position, step


def _found(shown: Material) -> Iterator[_Found]:
    for source in shown.sources.values():
        if source.evidence_id is not None and source.supports and source.source != "claim":
            for names, text in _split(source.shown):
                yield names, text, source.position, None


def _brought(resources: Resources) -> Iterator[_Found]:
    for corpus in resources.corpora:
        if corpus.text is not None and corpus.format in _PLAIN:
            names = [name for name in (corpus.name, corpus.url, corpus.title) if name]
            yield names, neutralise(corpus.text), FIRST, None
        for document in corpus.documents or ():
            if document.format in _PLAIN:
                own = (f"{corpus.name}/{document.id}", document.id, document.url, document.title)
                yield [name for name in own if name], neutralise(document.text), FIRST, None


def _split(text: str) -> list[tuple[list[str], str]]:
    """A result by its addresses: objects of a JSON list, else blocks of lines behind each address."""
    urls = {_bare(url) for url in urls_in(text)}
    if len(urls) < 2:
        return [(sorted(urls), text)]
    if (objects := _objects(text)) is not None:
        return [(urls_in(one), one) for one in objects]
    pages: list[tuple[list[str], list[str]]] = [([], [])]
    for block in re.split(r"\n\s*\n", text):
        for piece in [block] if len({_bare(url) for url in urls_in(block)}) < 2 else block.split("\n"):
            here = urls_in(piece)
            if here and {_bare(url) for url in here} != {_bare(url) for url in pages[-1][0]}:
                pages.append(([], []))
            pages[-1][0].extend(here)
            pages[-1][1].append(piece)
    return [(names, "\n".join(lines)) for names, lines in pages]


def _objects(text: str) -> list[str] | None:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(data, dict):
        data = next((value for value in data.values() if isinstance(value, list)), None)
    if not isinstance(data, list) or not all(isinstance(item, dict) for item in data):
        return None
    return ["\n".join(_texts(item)) for item in data]


def _texts(value: Any, depth: int = 4) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = (
        value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else ()
    )
    return [text for item in inner for text in _texts(item, depth - 1)] if depth else []


def _bare(name: str) -> str:
    """A name as two writers would both have it: an address without scheme, www and the last slash."""
    bare = name.strip().casefold()
    bare = re.sub(r"^https?://(?:www\.)?", "", bare)
    return bare.partition("#")[0].rstrip("/")
