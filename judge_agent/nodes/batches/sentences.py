"""Sentences of the answer: is each faithful to the documents, why, and is it correct? The two may disagree.

Faithful is what a document says, shown by a quote of it; correct is what is true, as far as the judge knows: a sentence
that repeats a wrong document is faithful and not correct. Sentences are told apart here, not by the model; one that
claims nothing is in neither share. Source: TRM (arXiv 2509.25409): faithfulness, then the reason, then correctness.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from judge_agent.errors import JudgeError
from judge_agent.nodes.batches.asking import (
    Outcome,
    Sitting,
    Unsupported,
    flags_of,
    list_of,
    object_of,
    parts_of,
    text_of,
)
from judge_agent.nodes.critique_form import recorded
from judge_agent.prompting.answers import answer_of, sentences_of
from judge_agent.prompting.citations import CheckedCitation, check
from judge_agent.prompting.fences import fence
from judge_agent.prompting.material import Material, indented
from judge_agent.prompting.pages import Page, pages_of, shelved
from judge_agent.readouts.sentences import CORRECT, FAITHFUL, Sentence, read_sentences
from judge_agent.state import Json

NAMES = ("faithfulness", "correctness")
_SILENT = {"choice": "0 of 0", "score": 0.0, "reason": "the candidate gives no answer"}


class _Held(NamedTuple):
    text: str
    said: Sentence
    citation: CheckedCitation | None


def takes(principle: Json) -> bool:
    """The two shares of sentences."""
    return principle["name"] in NAMES


async def judged(sitting: Sitting) -> Outcome:
    """The share of faithful sentences, and that of correct ones. Raises JudgeError where a sentence cannot be read."""
    answer = answer_of(sitting.shown)
    sentences = sentences_of(answer.text) if answer else []
    names = [principle["name"] for principle in sitting.principles]
    if not sentences:
        return Outcome({name: dict(_SILENT) for name in names})
    resources = sitting.context.request.resources
    pages = sitting.pages(
        pages_of(sitting.shown, sitting.candidate.trajectory, resources), " ".join(sentences)
    )
    held: list[_Held] = []
    for place, run in enumerate(parts_of(sentences, sitting.batch.per_call)):
        held += await _asked(sitting, place, run, pages)
    claims = [one for one in held if one.said.faithful != "no_claim"]
    if not claims:
        raise _NoClaims("no sentence of the answer claims anything")
    cited, spans = recorded([one.citation for one in held if one.citation], sitting.candidate)
    details = [_detail(one) for one in held]
    shares = {
        "faithfulness": [one.said.faithful == "faithful" for one in claims],
        "correctness": [one.said.correct == "correct" for one in claims],
    }
    critiques = {name: _critique(name, shares[name], claims, cited, details) for name in names}
    return Outcome(critiques, spans, flags_of(pages))


class _NoClaims(JudgeError):
    failure_kind = "abstained"


async def _asked(sitting: Sitting, place: int, run: Sequence[str], pages: Sequence[Page]) -> list[_Held]:
    context = sitting.context
    item = object_of(
        {
            "faithful": {"enum": list(FAITHFUL)},
            "source": {"enum": [*(page.alias for page in pages), "none"]},
            "quote": text_of(context, 300),
            "reason": text_of(context, 240, 8),
            "correct": {"enum": list(CORRECT)},
        }
    )
    shown = shelved(sitting.shown, pages)

    def read(data: Mapping[str, Any]) -> list[_Held]:
        found = read_sentences(data, len(run))
        return [_hold(text, one, shown) for text, one in zip(run, found, strict=True)]

    values = {
        "documents": "\n".join(page.block for page in pages) or "(there are no documents)",
        "sentences": fence(
            "SENTENCES", "\n".join(f"[{at}] {indented(text)}" for at, text in enumerate(run, start=1))
        ),
        "count": str(len(run)),
    }
    schema = object_of({"sentences": list_of(item, len(run))})
    return await sitting.ask("sentences", place, values, schema, read)


def _hold(text: str, said: Sentence, shown: Material) -> _Held:
    """Hold a sentence to its quote: nothing is faithful to what does not stand in a document."""
    if said.faithful != "faithful":
        return _Held(text, said, None)
    [found] = check([{"source": said.source, "quote": said.quote}], shown)
    if found.source is None:
        raise Unsupported(
            f"a sentence is called faithful without a quote that stands: {found.struck_because}"
        )
    return _Held(text, said, found)


def _critique(
    name: str, shares: Sequence[bool], claims: Sequence[_Held], cited: Sequence[Json], details: Sequence[Json]
) -> Json:
    wrong = [one for one, right in zip(claims, shares, strict=True) if not right]
    why = "; ".join(f"{one.text[:80]!r}: {one.said.reason}" for one in wrong[:3])
    return {
        "choice": f"{sum(shares)} of {len(shares)}",
        "score": sum(shares) / len(shares),
        "reason": why or f"all {len(shares)} sentences that claim something",
        "citations": list(cited) if name == "faithfulness" else [],
        "details": list(details),
    }


def _detail(one: _Held) -> Json:
    return {
        "sentence": one.text,
        "faithful": _as_number(one.said.faithful, "faithful"),
        "reason": one.said.reason,
        "correct": _as_number(one.said.correct, "correct"),
    }


def _as_number(value: str, positive: str) -> int | None:
    return None if value == "no_claim" else int(value == positive)
