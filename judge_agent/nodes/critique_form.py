"""The form of a cited critique of one principle: its choices, its schema, how it is read, what a pass must rest on.

Reason before choice. `cannot_assess` is a choice where the recipe offers it, and leads to no verdict.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from judge_agent.context import CanonicalCandidate, JudgeContext
from judge_agent.errors import JudgeError
from judge_agent.hashing import sha256_of
from judge_agent.prompting.citations import (
    CheckedCitation,
    check,
    found_against,
    refutation,
    span_id,
    supports_pass,
)
from judge_agent.prompting.fences import neutralise
from judge_agent.prompting.material import Material, indented
from judge_agent.readouts import CANNOT_ASSESS, choice_shares, expected, menu, read_choice, score_of
from judge_agent.recipes import CitationPolicy
from judge_agent.schema import Citation, Evidence, Scale
from judge_agent.seams.model import TokenLogprob
from judge_agent.state import Json
from judge_agent.votes import PASS

MIN_REASON_CHARS = 24
MAX_QUOTE_CHARS = 200
SCALES = {
    "pass_fail": 'Choices: "pass" when the principle is met, "fail" when it is not.',
    "1-5": 'Choices: "1" (not met at all), "2", "3" (partly met), "4", "5" (fully met).',
    "1-10": 'Choices: "1" (not met at all) to "10" (fully met).',
}
_NOT_ASSESSED = f' Choose "{CANNOT_ASSESS}" when the material does not allow a judgment.'
CITING = (
    "Cite what your reason rests on: the source's id (such as m1 for a turn or e1 for evidence) and a quote "
    "of at least 12 characters, copied from it word for word."
)


class Read:
    """A critique as read: the verdict's fields, and every citation, checked."""

    def __init__(self, verdict: Json, citations: tuple[CheckedCitation, ...]) -> None:
        self.verdict = verdict
        self.citations = citations

    @property
    def struck(self) -> int:
        return sum(citation.source is None for citation in self.citations)


class Unsupported(JudgeError):
    failure_kind = "evidence_unsupported"


class Abstained(JudgeError):
    failure_kind = "abstained"


def in_words(principle: Json) -> str:
    """A principle as prompts show it, without its weight; further lines are indented."""
    return indented(neutralise(f"{principle['name']}: {principle['description']}"))


def scale_of(context: JudgeContext, principle: Json) -> str:
    """The choices of a principle, explained."""
    offered = CANNOT_ASSESS in choices_of(context, principle)
    return SCALES[principle["scale"]] + (_NOT_ASSESSED if offered else "")


def choices_of(context: JudgeContext, principle: Json) -> tuple[str, ...]:
    choices = menu(principle["scale"])
    return (*choices, CANNOT_ASSESS) if context.recipe.critique.cannot_assess else choices


def cites(context: JudgeContext, principle: Json) -> bool:
    """Whether a critique of the principle is asked for citations at all."""
    policy = context.recipe.citations
    return policy.otherwise != "none" or (principle["kind"] == "hard" and policy.hard_pass != "none")


def read_critique(
    context: JudgeContext,
    shown: Material,
    principle: Json,
    data: Mapping[str, Any],
    tokens: Sequence[TokenLogprob] = (),
) -> Read:
    """Read the object of one critique, and what else the model might have chosen from the tokens of its choice.

    Raises ModelError('model_unparseable'), or Abstained where it says so.
    """
    choices = choices_of(context, principle)
    choice = read_choice(data, "choice", choices)
    if choice == CANNOT_ASSESS:
        raise Abstained(f"the model cannot assess this: {str(data.get('reason', ''))[:300]}")
    raw = data.get("citations")
    citations = check(
        [item for item in raw if isinstance(item, dict)] if isinstance(raw, list) else [], shown
    )
    verdict: Json = {"choice": choice, "score": score_of(choice, principle["scale"])}
    if tokens and principle["kind"] == "soft":
        verdict |= _by_mean(verdict["score"], principle["scale"], choice_shares(tokens, choices))
    return Read({**verdict, "reason": str(data.get("reason", ""))}, citations)


def _by_mean(score: float, scale: Scale, shares: Mapping[str, float] | None) -> Json:
    """The score as the mean over what might have been chosen, with its distribution; nothing where that is not known.

    A sampled "fail" whose mean would pass stays what it was: a record must not say fail of what counts as passed.
    """
    places = {choice: score_of(choice, scale) for choice in menu(scale)}
    mean = expected(shares, places) if shares is not None else None
    if shares is None or mean is None or (scale == "pass_fail" and (mean >= PASS) != (score >= PASS)):
        return {}
    assessing = {choice: shares.get(choice, 0.0) for choice in places}
    total = math.fsum(assessing.values())
    return {
        "score": mean,
        "distribution": {choice: share / total for choice, share in assessing.items()},
    }


def require_support(context: JudgeContext, shown: Material, principle: Json, read: Read) -> None:
    """Hold a critique to the recipe's citation policy, and a hard pass to what the principle's own tool found.

    Raises Unsupported.
    """
    passes = principle["kind"] == "hard" and read.verdict["score"] >= 0.5
    against = refutation(shown, principle["tool"]) if passes else None
    if against is not None:
        raise Unsupported(found_against(against))
    policy: CitationPolicy = (
        context.recipe.citations.hard_pass if passes else context.recipe.citations.otherwise
    )
    if policy != "required":
        return
    resolved = [citation for citation in read.citations if citation.source is not None]
    if passes and not any(supports_pass(citation, principle["tool"]) for citation in resolved):
        raise Unsupported(
            "a pass of a hard principle must quote a tool result or an observed turn, word for word; "
            + (_struck(read.citations) or "only the agent's own claim, or nothing, was quoted")
        )
    if not resolved:
        raise Unsupported(f"the recipe requires a citation; {_struck(read.citations) or 'none was given'}")


def _struck(citations: Sequence[CheckedCitation]) -> str:
    return "; ".join(c.struck_because for c in citations if c.struck_because)


def schema_of(context: JudgeContext, shown: Material, principle: Json) -> Json:
    """The schema of one critique's object."""
    settings = context.recipe.critique
    properties: Json = {
        "reason": {
            "type": "string",
            "minLength": MIN_REASON_CHARS,
            "maxLength": context.calls.text_chars(settings.reason_chars),
        }
    }
    if cites(context, principle):
        quote = {
            "type": "string",
            "minLength": 1,
            "maxLength": context.calls.text_chars(MAX_QUOTE_CHARS),
        }
        citation = _object({"source": {"enum": sorted(shown.sources)}, "quote": quote})
        most = context.calls.citations(settings.max_citations)
        properties["citations"] = {"type": "array", "items": citation, "maxItems": most}
    properties["choice"] = {"enum": list(choices_of(context, principle))}
    return _object(properties)


def _object(properties: Json) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def failed(problem: JudgeError, read: Read | None, candidate: CanonicalCandidate) -> tuple[Json, list[Json]]:
    """What stays of a critique that is no verdict, and the spans that it quotes.

    What it said stays in the record for whoever reviews it, without the choice.
    """
    failure = {"failure_kind": problem.failure_kind, "failure_reason": str(problem)[:500]}
    if read is None or problem.failure_kind != "evidence_unsupported":
        return failure, []
    citations, spans = recorded(read.citations, candidate)
    return {"reason": read.verdict["reason"], "citations": citations, **failure}, spans


def recorded(
    citations: Sequence[CheckedCitation], candidate: CanonicalCandidate
) -> tuple[list[Json], list[Json]]:
    """The citations as they stand in the record, and the spans that they quote as evidence."""
    recorded, spans = [], []
    for citation in citations:
        if citation.source is None:
            struck = Citation(evidence_id=citation.alias[:64], quote=citation.quote[:400], resolved=False)
            recorded.append(struck.model_dump(mode="json"))
            continue
        evidence_id = citation.source.evidence_id
        if evidence_id is None:
            span = _span(citation, candidate)
            evidence_id = span.id
            spans.append(span.model_dump(mode="json"))
        resolved = Citation(evidence_id=evidence_id, quote=citation.quote, source=citation.source.source)
        recorded.append(resolved.model_dump(mode="json"))
    return recorded, spans


def _span(citation: CheckedCitation, candidate: CanonicalCandidate) -> Evidence:
    assert citation.source is not None
    return Evidence(
        id=span_id(citation, candidate.sha256),
        kind="artifact" if citation.alias.startswith("a") else "span",
        source=citation.source.source,
        candidate_ids=(candidate.id,),
        step_id=citation.source.step_id,
        quote=citation.quote,
        offsets=citation.offsets,
        sha256=sha256_of(citation.source.shown),
        reason=f"quoted from {citation.alias}",
    )
