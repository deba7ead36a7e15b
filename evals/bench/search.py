"""`bench tools --only search`: a question to 20,000 passages, through the tool and in tantivy itself.

The passages are made of words drawn like those of a language, few of them often and many seldom. The tool's index is
open in its box and its answer is what a model reads; tantivy has the same texts in this process and answers with those
of the best passages. The result of equal calls is not kept by either.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from evals.bench.beside import TOOL, Call, Part, PartLacking
from judge_agent.schema import Resources, Task, Trajectory
from judge_agent.seams.tool import ToolView
from sandboxes import make_sandbox
from tools.documents.shelf import Shelf
from tools.search import DEFAULT_HITS, Search

PASSAGES = 20_000
WORDS_A_PASSAGE = 100
QUERIES = 400
_CORPORA = 4
_WORDS = 20_000


@asynccontextmanager
async def _opened() -> AsyncIterator[Mapping[str, Call]]:
    texts, queries = _made(random.Random(7))  # noqa: S311 - texts to measure with
    bare = _bare(texts)
    sandbox = make_sandbox()
    if sandbox is None:
        raise PartLacking("there is no box here (judge-agent doctor)")
    tool, view = Search(Shelf(sandbox, None)), _view(texts)

    async def through(turn: int) -> None:
        asked = {"query": queries[turn % QUERIES], "limit": DEFAULT_HITS}
        result = await tool.run(asked, view, timeout_seconds=120)
        if result.status != "ok" or result.checked["passages"] != PASSAGES or not result.output["hits"]:
            raise RuntimeError(f"the tool's search ended with {result.status}: {result.output!r:.500}")

    async def in_tantivy(turn: int) -> None:
        if not bare(queries[turn % QUERIES]):
            raise RuntimeError("tantivy found nothing")

    try:
        yield {TOOL: through, "tantivy": in_tantivy}
    finally:
        await tool.aclose()
        await sandbox.aclose()


PART = Part(
    "search",
    f"{PASSAGES:,} passages of {WORDS_A_PASSAGE} words, four words asked, {DEFAULT_HITS} hits with their texts",
    2.0,
    _opened,
)


def _made(drawn: random.Random) -> tuple[list[str], list[str]]:
    """The passages, and questions of four words each, of which every one stands somewhere."""
    words = [_word(number) for number in range(_WORDS)]
    weights = [1 / (rank + 3) for rank in range(_WORDS)]
    texts = [" ".join(drawn.choices(words, weights, k=WORDS_A_PASSAGE)) + "." for _ in range(PASSAGES)]
    queries = [" ".join(drawn.sample(text.rstrip(".").split(), 4)) for text in drawn.sample(texts, QUERIES)]
    return texts, queries


def _word(number: int) -> str:
    """A word of two to four syllables of its own."""
    syllables = []
    number += 225
    while number:
        number, rest = divmod(number, 15 * 5)
        syllables.append("bdfgklmnprstvzh"[rest // 5] + "aeiou"[rest % 5])
    return "".join(syllables)


def _view(texts: list[str]) -> ToolView:
    share = len(texts) // _CORPORA
    corpora = [
        {
            "name": f"part{part}",
            "documents": [
                {"id": f"d{index}", "text": text}
                for index, text in enumerate(texts[part * share : (part + 1) * share])
            ],
        }
        for part in range(_CORPORA)
    ]
    return ToolView(Task(prompt="Measure."), Trajectory(), 0, Resources.model_validate({"corpora": corpora}))


def _bare(texts: list[str]) -> Any:
    """Tantivy with the same texts. Raises PartLacking."""
    try:
        import tantivy
    except ImportError as error:
        raise PartLacking("pip install 'judge-agent[tools]' -c constraints.txt") from error
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("body", stored=True, tokenizer_name="en_stem")
    index = tantivy.Index(builder.build())
    writer = index.writer(256_000_000, 1)
    for text in texts:
        writer.add_document(tantivy.Document(body=text))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    searcher = index.searcher()

    def ask(query: str) -> list[str]:
        parsed, _ = index.parse_query_lenient(query, ["body"])
        hits = searcher.search(parsed, DEFAULT_HITS, count=False).hits
        return [str(searcher.doc(address)["body"][0]) for _, address in hits]

    return ask
