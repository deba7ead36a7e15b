"""A chain of evidence: single statements that lead from the task to the answer, each held to the pages it cites.

The statements leave entities open (`<E1> directed <E0>`, E0 is the answer). They are the caller's principles, where
these leave entities open, else made of the task alone, once for all its candidates. They are filled with what the
answer names; what it does not name fills nothing. A statement is supported only by a quote out of a page that the
answer cites, and counts only if supported statements lead from it to the answer. Source: CaRR (arXiv 2601.06021).

Whether the answer is right is another principle's business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from judge_agent.nodes.batches.asking import Outcome, Sitting, flags_of, list_of, object_of, text_of
from judge_agent.nodes.charged import charged_to_the_task
from judge_agent.nodes.critique_form import recorded
from judge_agent.prompting.answers import Said, answer_of
from judge_agent.prompting.citations import check
from judge_agent.prompting.fences import fence, neutralise
from judge_agent.prompting.material import indented
from judge_agent.prompting.pages import Page, cited_by, pages_of, shelved
from judge_agent.readouts.chain import Supported, read_entities, read_rubrics, read_supported
from judge_agent.reward.chain import connected, filled, places_in
from judge_agent.state import Json

CHAIN = "chain"
MAX_CITED = 20


class _Link(NamedTuple):
    """One statement: filled in, what was said of it, its checked citations; `why` where it was not asked about."""

    statement: str
    text: str | None = None
    said: Supported | None = None
    citations: Sequence[Json] = ()
    why: str = ""

    @property
    def is_supported(self) -> bool:
        return self.said is not None and self.said.supported and not self.why


def takes(principle: Json) -> bool:
    """The share of the chain, and statements of the caller's that leave entities open."""
    return principle["name"] == CHAIN or bool(places_in(principle["description"]))


async def judged(sitting: Sitting) -> Outcome:
    """1 or 0 for each statement of the caller's, and for the chain the share that counts. Raises JudgeError."""
    own = {one["name"]: one["description"] for one in sitting.principles if places_in(one["description"])}
    statements = list(dict.fromkeys(own.values())) or await _made(sitting)
    answer = answer_of(sitting.shown)
    resources = sitting.context.request.resources
    pages = pages_of(sitting.shown, sitting.candidate.trajectory, resources)
    cited = sitting.pages(cited_by(answer.text, pages)[:MAX_CITED], answer.text) if answer else []
    links, spans = await _links(sitting, statements, answer, cited)
    counting = connected(statements, {at for at, link in enumerate(links) if link.is_supported})
    told = [_told(link, at in counting) for at, link in enumerate(links)]
    critiques = {
        name: _one(told[statements.index(text)], links[statements.index(text)]) for name, text in own.items()
    }
    share = len(counting) / len(statements)
    critiques[CHAIN] = {
        "choice": f"{len(counting)} of {len(statements)}",
        "score": share,
        "reason": "; ".join(f"{one['statement']}: {one['reason']}" for one in told if not one["counts"])[
            :2000
        ]
        or "every statement is supported by a cited page, and leads to the answer",
        "citations": [citation for at in sorted(counting) for citation in links[at].citations],
        "details": told,
    }
    named = {one["name"] for one in sitting.principles}
    return Outcome({name: one for name, one in critiques.items() if name in named}, spans, flags_of(cited))


async def _made(sitting: Sitting) -> list[str]:
    """The statements of the task: asked of the task alone, so that every candidate is held to the same ones."""
    context = charged_to_the_task(sitting.context)
    most = sitting.batch.per_call
    item = text_of(context, 240, 8)
    schema = object_of({"statements": {"type": "array", "items": item, "minItems": 1, "maxItems": most}})
    alone = replace(sitting, context=context, sample=0)
    return await alone.ask(
        "statements", 0, {"count": str(most)}, schema, lambda data: read_rubrics(data, most), shared=True
    )


async def _links(
    sitting: Sitting, statements: Sequence[str], answer: Said | None, pages: Sequence[Page]
) -> tuple[list[_Link], list[Json]]:
    if answer is None or not pages:
        why = "the answer cites no page that there is" if answer else "the candidate gives no answer"
        return [_Link(statement, why=why) for statement in statements], []
    entities = await _entities(sitting, statements, answer)
    texts = [filled(statement, entities) for statement in statements]
    due = [text for text in texts if text is not None]
    found = iter(await _supported(sitting, due, pages) if due else [])
    shown = shelved(sitting.shown, pages)
    allowed = {page.alias for page in pages}
    links: list[_Link] = []
    spans: list[Json] = []
    for statement, text in zip(statements, texts, strict=True):
        if text is None:
            links.append(_Link(statement, why="the answer does not name all that it speaks of"))
            continue
        said = next(found)
        if not said.supported:
            links.append(_Link(statement, text, said))
            continue
        [quote] = check([{"source": said.page, "quote": said.quote}], shown)
        stands = said.page in allowed and quote.source is not None and quote.source.source != "claim"
        cited, quoted = recorded([quote], sitting.candidate) if stands else ([], [])
        why = (
            ""
            if stands
            else quote.struck_because or "the quote is the agent's own words, or of no cited page"
        )
        links.append(_Link(statement, text, said, cited, why))
        spans += quoted
    return links, spans


async def _entities(sitting: Sitting, statements: Sequence[str], answer: Said) -> dict[str, str]:
    """Who the answer says that the entities are; a name that does not stand in it is none."""
    wanted = list(dict.fromkeys(place for statement in statements for place in places_in(statement)))
    name = {"anyOf": [text_of(sitting.context, 120), {"type": "null"}]}
    schema = object_of({"entities": object_of(dict.fromkeys(wanted, name))})
    listed = "\n".join(f"- {indented(neutralise(statement))}" for statement in statements)
    values = {
        "answer": fence("ANSWER", answer.text),
        "statements": fence("STATEMENTS", listed),
        "wanted": ", ".join(wanted),
    }
    found = await sitting.ask("entities", 0, values, schema, lambda data: read_entities(data, wanted))
    words = " ".join(answer.text.split()).casefold()
    return {place: text for place, text in found.items() if neutralise(text).casefold() in words}


async def _supported(sitting: Sitting, due: Sequence[str], pages: Sequence[Page]) -> list[Supported]:
    context = sitting.context
    item = object_of(
        {
            "reason": text_of(context, 240, 8),
            "page": {"enum": [*(page.alias for page in pages), "none"]},
            "quote": text_of(context, 300),
            "supported": {"enum": ["yes", "no"]},
        }
    )
    schema = object_of({"statements": list_of(item, len(due))})

    def read(data: Mapping[str, Any]) -> list[Supported]:
        return read_supported(data, len(due))

    values = {
        "pages": "\n".join(page.block for page in pages),
        "statements": fence(
            "STATEMENTS", "\n".join(f"[{at}] {indented(neutralise(text))}" for at, text in enumerate(due, 1))
        ),
        "count": str(len(due)),
    }
    return await sitting.ask("support", 0, values, schema, read)


def _told(link: _Link, counts: bool) -> Json:
    """A statement as the record tells it."""
    reason = link.why or (link.said.reason if link.said else "")
    if link.is_supported and not counts:
        reason = "supported, and nothing supported leads from it to the answer"
    return {
        "statement": link.text or link.statement,
        "filled": link.text is not None,
        "supported": link.is_supported,
        "counts": counts,
        "reason": reason,
    }


def _one(told: Json, link: _Link) -> Json:
    counts = bool(told["counts"])
    return {
        "choice": "counts" if counts else "counts not",
        "score": float(counts),
        "reason": told["reason"],
        "citations": list(link.citations) if counts else [],
    }
