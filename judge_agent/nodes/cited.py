"""One cited critique: the question in JSON, the choice read off the menu, every citation checked against its source.

Reason before choice. A citation that does not resolve is struck; a hard pass that rests on nothing but the
candidate's own claim is asked for again once, then it is no verdict. What does not fit the window is not cut.
"""

from __future__ import annotations

from collections.abc import Sequence

from judge_agent.calls import ModelCall
from judge_agent.context import CanonicalCandidate, JudgeContext
from judge_agent.errors import JudgeError, ModelError
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
from judge_agent.prompting.images import with_images
from judge_agent.prompting.material import Material, indented
from judge_agent.prompting.notes import asked_again
from judge_agent.readouts import CANNOT_ASSESS, menu, read_choice, read_object, score_of
from judge_agent.recipes import CitationPolicy
from judge_agent.schema import Citation, Evidence
from judge_agent.state import Json

TRIES = 2
MIN_REASON_CHARS = 24
MAX_QUOTE_CHARS = 200
SCALES = {
    "pass_fail": 'Choices: "pass" when the principle is met, "fail" when it is not.',
    "1-5": 'Choices: "1" (not met at all), "2", "3" (partly met), "4", "5" (fully met).',
    "1-10": 'Choices: "1" (not met at all) to "10" (fully met).',
}
_NOT_ASSESSED = f' Choose "{CANNOT_ASSESS}" when the material does not allow a judgment.'
_CITING = (
    "Cite what your reason rests on: the source's id (such as m1 for a turn or e1 for evidence) and a quote "
    "of at least 12 characters, copied from it word for word."
)


async def cited_critique(
    context: JudgeContext, candidate: CanonicalCandidate, shown: Material, principle: Json, sample: int
) -> tuple[Json, list[Json]]:
    """One critique: a choice with its reason and citations, or why there is none; and the spans it quotes."""
    base = {"candidate_id": candidate.id, "principle": principle["name"], "sample": sample}
    problem: JudgeError | None = None
    read: _Read | None = None
    struck = 0
    for attempt in range(TRIES):
        try:
            read = await _ask(context, shown, principle, _place(principle, sample, attempt), problem)
            struck += sum(citation.source is None for citation in read.citations)
            with context.calls.useless_unless_read():
                _require_support(context, shown, principle, read)
        except JudgeError as error:
            problem = error
            if error.failure_kind not in ("model_unparseable", "evidence_unsupported"):
                break
            continue
        citations, spans = recorded(read.citations, candidate)
        return {**base, **read.verdict, "citations": citations, "struck": struck}, spans
    assert problem is not None
    failure = {"failure_kind": problem.failure_kind, "failure_reason": str(problem)[:500]}
    if read is None or problem.failure_kind != "evidence_unsupported":
        return {**base, **failure, "struck": struck}, []
    # What it said stays in the record for whoever reviews it, without the choice: it is no verdict.
    citations, spans = recorded(read.citations, candidate)
    said = {"reason": read.verdict["reason"], "citations": citations}
    return {**base, **said, **failure, "struck": struck}, spans


class _Read:
    """A critique as read: the verdict's fields, and every citation, checked."""

    def __init__(self, verdict: Json, citations: tuple[CheckedCitation, ...]) -> None:
        self.verdict = verdict
        self.citations = citations


class _Unsupported(JudgeError):
    failure_kind = "evidence_unsupported"


class _Abstained(JudgeError):
    failure_kind = "abstained"


def _place(principle: Json, sample: int, attempt: int) -> str:
    first = f"critique/{principle['name']}/{attempt}"
    return f"{first}/sample-{sample}" if sample else first


async def _ask(
    context: JudgeContext, shown: Material, principle: Json, node: str, problem: JudgeError | None
) -> _Read:
    if shown.unseen:
        raise ModelError("tool_unavailable", shown.unseen)
    call = _question(context, shown, principle, node, problem)
    if await context.calls.count_tokens(call.messages) + call.max_tokens > context.calls.context_window:
        raise ModelError(
            "input_too_large",
            f"task, trajectory and evidence, with max_tokens={call.max_tokens}, do not fit the model's window of "
            f"{context.calls.window_said}",
        )
    completion = await context.calls.model(call)
    with context.calls.useless_unless_read():
        data = read_object(completion.choices[0], verdict=("choice",))
        choice = read_choice(data, "choice", _choices(context, principle))
    if choice == CANNOT_ASSESS:
        raise _Abstained(f"the model cannot assess this: {str(data.get('reason', ''))[:300]}")
    raw = data.get("citations")
    citations = check(
        [item for item in raw if isinstance(item, dict)] if isinstance(raw, list) else [], shown
    )
    score = score_of(choice, principle["scale"])
    return _Read({"choice": choice, "score": score, "reason": str(data.get("reason", ""))}, citations)


def _require_support(context: JudgeContext, shown: Material, principle: Json, read: _Read) -> None:
    """Hold a critique to the recipe's citation policy, and a hard pass to what the principle's own tool found."""
    passes = principle["kind"] == "hard" and read.verdict["score"] >= 0.5
    against = refutation(shown, principle["tool"]) if passes else None
    if against is not None:
        raise _Unsupported(found_against(against))
    policy: CitationPolicy = (
        context.recipe.citations.hard_pass if passes else context.recipe.citations.otherwise
    )
    if policy != "required":
        return
    resolved = [citation for citation in read.citations if citation.source is not None]
    if passes and not any(supports_pass(citation, principle["tool"]) for citation in resolved):
        raise _Unsupported(
            "a pass of a hard principle must quote a tool result or an observed turn, word for word; "
            + (_struck(read.citations) or "only the agent's own claim, or nothing, was quoted")
        )
    if not resolved:
        raise _Unsupported(f"the recipe requires a citation; {_struck(read.citations) or 'none was given'}")


def _struck(citations: Sequence[CheckedCitation]) -> str:
    return "; ".join(c.struck_because for c in citations if c.struck_because)


def _choices(context: JudgeContext, principle: Json) -> tuple[str, ...]:
    choices = menu(principle["scale"])
    return (*choices, CANNOT_ASSESS) if context.recipe.critique.cannot_assess else choices


def _question(
    context: JudgeContext, shown: Material, principle: Json, node: str, problem: JudgeError | None
) -> ModelCall:
    settings = context.recipe.critique
    policy = context.recipe.citations
    cites = policy.otherwise != "none" or (principle["kind"] == "hard" and policy.hard_pass != "none")
    choices = _choices(context, principle)
    messages = context.prompts.load(context.recipe.prompts["critique"]).render(
        {
            "task": shown.task,
            "trajectory": shown.trajectory,
            "evidence": shown.evidence,
            "reference": shown.reference,
            "principle": indented(neutralise(f"{principle['name']}: {principle['description']}")),
            "scale": SCALES[principle["scale"]] + (_NOT_ASSESSED if CANNOT_ASSESS in choices else ""),
            "citing": _CITING if cites else "",
            "format": "Answer in JSON: the reason first, then the citations, then the choice."
            if cites
            else "Answer in JSON: the reason first, then the choice.",
        }
    )
    messages = with_images(messages, shown.images)
    if problem is not None:
        messages = asked_again(messages, problem)
    schema = _schema(context, shown, choices, cites)
    return ModelCall(node, messages, schema, settings.max_tokens, temperature=context.temperature)


def _schema(context: JudgeContext, shown: Material, choices: Sequence[str], cites: bool) -> Json:
    settings = context.recipe.critique
    properties: Json = {
        "reason": {
            "type": "string",
            "minLength": MIN_REASON_CHARS,
            "maxLength": context.calls.text_chars(settings.reason_chars),
        }
    }
    if cites:
        citation = {
            "type": "object",
            "properties": {
                "source": {"enum": sorted(shown.sources)},
                "quote": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": context.calls.text_chars(MAX_QUOTE_CHARS),
                },
            },
            "required": ["source", "quote"],
            "additionalProperties": False,
        }
        most = context.calls.citations(settings.max_citations)
        properties["citations"] = {"type": "array", "items": citation, "maxItems": most}
    properties["choice"] = {"enum": list(choices)}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


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
