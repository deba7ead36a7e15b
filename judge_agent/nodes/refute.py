"""Refute: an adversarial second look at what the model passed. It runs only after a pass.

To overturn a pass it must quote what speaks against it. The reference is a noisy witness: the look says whether
it is right, and a quote from one that is wrong or doubtful counts for nothing. A look that fails leaves the
principle unscored: the recipe wants two looks, and one is not two. Source: ROSE's prover and refuter (arXiv
2604.12988).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from langgraph.runtime import Runtime

from judge_agent.calls import ModelCall
from judge_agent.context import CanonicalCandidate, JudgeContext, applies
from judge_agent.errors import JudgeError, ModelError, to_keep
from judge_agent.nodes.charged import charged_to, walked, walking
from judge_agent.nodes.critique_form import MAX_QUOTE_CHARS, MIN_REASON_CHARS, recorded
from judge_agent.nodes.fitting import shown_to_judges
from judge_agent.nodes.reduce import by_samples
from judge_agent.nodes.witness import witness_block
from judge_agent.nodes.worst_case import WRITTEN_SHARE, of_prompt
from judge_agent.prompting.citations import CheckedCitation, check
from judge_agent.prompting.fences import fence, neutralise
from judge_agent.prompting.images import with_images
from judge_agent.prompting.material import Material, indented
from judge_agent.prompting.notes import asked_again
from judge_agent.readouts import read_choice, read_object
from judge_agent.schema import PrincipleResult
from judge_agent.state import Json, State, Update
from judge_agent.votes import PASS

TRIES = 2
VERDICTS = ("upheld", "overturned")
WITNESS = ("right", "wrong", "unclear")
NO_WITNESS = ("none",)
AMBIGUITY = ("none", "question", "schema")
_TOLD = ("verdict", "reference", "ambiguity", "reason", "failure_kind", "failure_reason")


async def refute(state: State, runtime: Runtime[JudgeContext]) -> Update:
    """Look again at every pass that the recipe names."""
    context = runtime.context
    passed = [
        (candidate, principle, verdict)
        for candidate in context.candidates
        for principle in state["principles"]
        if (verdict := _passed(context, state, candidate, principle)) is not None
    ]
    walks = [
        walking(charged_to(context, candidate), _most(context, state, candidate, principle))
        for candidate, principle, _ in passed
    ]
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(walked(walk, _look(walk, state, *item)))
            for walk, item in zip(walks, passed, strict=True)
        ]
    update = Update(refutations=[], evidence=[], flags={})
    for (candidate, principle, _), task in zip(passed, tasks, strict=True):
        refutation, spans = task.result()
        update["refutations"].append(refutation)
        update["evidence"] += spans
        known = {**state["flags"].get(candidate.id, {}), **update["flags"].get(candidate.id, {})}
        update["flags"][candidate.id] = _flags(known, principle["name"], refutation)
    return update


def _flags(known: Json, principle: str, refutation: Json) -> Json:
    """The candidate's flags with what the look at one principle came to; citations that were struck are counted."""
    told = {key: refutation[key] for key in _TOLD if key in refutation}
    flags: Json = {"second_looks": {**known.get("second_looks", {}), principle: told}}
    if refutation.get("reference") == "wrong":
        flags["reference_disputed"] = [*known.get("reference_disputed", ()), principle]
    if struck := refutation.get("struck", 0):
        flags["struck_citations"] = known.get("struck_citations", 0) + struck
    return {**known, **flags}


def _passed(
    context: JudgeContext, state: State, candidate: CanonicalCandidate, principle: Json
) -> PrincipleResult | None:
    """The verdict to be looked at again; None where there is no pass by the model, or the recipe leaves it."""
    wanted = context.recipe.refute.of == "all" or principle["kind"] == "hard"
    # To overturn a penalty would be to look for what speaks for the candidate.
    if not wanted or principle["weight"] < 0 or principle["origin"] == "comparison":
        return None
    if not applies(principle, candidate.id):
        return None
    critiques = [
        critique
        for critique in state["critiques"]
        if critique["candidate_id"] == candidate.id and critique["principle"] == principle["name"]
    ]
    verdict = by_samples(principle, critiques, context.recipe.samples)
    passes = verdict is not None and verdict.score is not None and verdict.score >= PASS
    return verdict if passes else None


async def _look(
    context: JudgeContext,
    state: State,
    candidate: CanonicalCandidate,
    principle: Json,
    verdict: PrincipleResult,
) -> tuple[Json, list[Json]]:
    base = {"candidate_id": candidate.id, "principle": principle["name"]}
    shown, _ = await shown_to_judges(context, candidate, state)
    problem: JudgeError | None = None
    struck = 0
    for attempt in range(TRIES):
        try:
            said, citations = await _ask(context, shown, principle, verdict, attempt, problem)
            struck += sum(citation.source is None for citation in citations)
            with context.calls.useless_unless_read():
                _require_ground(said, principle, citations)
        except JudgeError as error:
            problem = to_keep(error)
            if error.failure_kind not in ("model_unparseable", "evidence_unsupported"):
                break
            continue
        quoted, spans = recorded(citations, candidate)
        return {**base, **said, "citations": quoted, "struck": struck}, spans
    assert problem is not None
    failure = {"failure_kind": problem.failure_kind, "failure_reason": str(problem)[:500]}
    return {**base, **failure, "struck": struck}, []


def _most(context: JudgeContext, state: State, candidate: CanonicalCandidate, principle: Json) -> int:
    """What a look may cost, in tokens: the first judgment that it shows has at most its own tokens."""
    settings = context.recipe.refute
    shown = context.material(candidate, context.tool_results(state["evidence"], candidate))
    own = witness_block(shown.results) if context.recipe.reference == "witness" else ""
    values = (shown.task, shown.trajectory, shown.evidence, shown.reference, own, principle["description"])
    written = settings.max_tokens + WRITTEN_SHARE * context.recipe.critique.max_tokens
    return of_prompt(context, settings.prompt, values, len(shown.images), written)


class _Unsupported(JudgeError):
    failure_kind = "evidence_unsupported"


async def _ask(
    context: JudgeContext,
    shown: Material,
    principle: Json,
    verdict: PrincipleResult,
    attempt: int,
    problem: JudgeError | None,
) -> tuple[Json, Sequence[CheckedCitation]]:
    settings, calls = context.recipe.refute, context.calls
    template = context.prompts.load(settings.prompt)
    messages = template.render(
        {
            **({"witness": witness_block(shown.results)} if "witness" in template.variables else {}),
            "task": shown.task,
            "trajectory": shown.trajectory,
            "evidence": shown.evidence,
            "reference": shown.reference,
            "principle": indented(neutralise(f"{principle['name']}: {principle['description']}")),
            "critique": fence("FIRST JUDGMENT", neutralise(_first_reason(verdict))),
        }
    )
    messages = with_images(messages, shown.images)
    if problem is not None:
        messages = asked_again(messages, problem)
    if await calls.count_tokens(messages) + settings.max_tokens > calls.context_window:
        raise ModelError("input_too_large", f"the second look does not fit {calls.window_said}")
    node = f"refute/{principle['name']}/{attempt}"
    completion = await calls.model(ModelCall(node, messages, _schema(context, shown), settings.max_tokens))
    with calls.useless_unless_read():
        data = read_object(completion.choices[0], verdict=("verdict",))
        found = read_choice(data, "verdict", VERDICTS)
        witness = read_choice(data, "reference", _witness(shown))
        doubt = {"ambiguity": read_choice(data, "ambiguity", AMBIGUITY)} if settings.ambiguity else {}
        raw = data.get("citations")
        items = [item for item in raw if isinstance(item, dict)] if isinstance(raw, list) else []
        citations = check(items, shown)
    return {"verdict": found, "reference": witness, **doubt, "reason": str(data.get("reason", ""))}, citations


def _first_reason(verdict: PrincipleResult) -> str:
    """Why the first look let it pass: of several samples one that did, though the verdict may speak by another."""
    passing = [one for one in verdict.samples if one.voted and (one.score or 0.0) >= PASS]
    if not passing or any(one.reason == verdict.reason for one in passing):
        return verdict.reason
    return min(passing, key=lambda one: abs((one.score or 0.0) - (verdict.score or 0.0))).reason


def _witness(shown: Material) -> tuple[str, ...]:
    """What may be said of the reference; of none there is nothing to say."""
    return WITNESS if "reference" in shown.sources else NO_WITNESS


def _require_ground(said: Json, principle: Json, citations: Sequence[CheckedCitation]) -> None:
    """An overturned pass rests on a quote that speaks against it.

    A quote from a reference that is not called right is none, nor one from what the principle's own tool found for it.
    """
    if said["verdict"] != "overturned":
        return
    doubted = said["reference"] != "right"
    if any(_is_ground(citation, principle["tool"], doubted) for citation in citations):
        return
    because = "; ".join(c.struck_because for c in citations if c.struck_because)
    raise _Unsupported(
        f"to overturn a pass, quote what speaks against it; {because or 'no such quote was given'}"
    )


def _is_ground(citation: CheckedCitation, tool: str | None, doubted: bool) -> bool:
    source = citation.source
    if source is None or (doubted and source.alias == "reference"):
        return False
    return tool is None or source.tool != tool or source.bearing != "confirms"


def _schema(context: JudgeContext, shown: Material) -> Json:
    chars = context.calls.text_chars
    citation = {
        "type": "object",
        "properties": {
            "source": {"enum": sorted(shown.sources)},
            "quote": {"type": "string", "minLength": 1, "maxLength": chars(MAX_QUOTE_CHARS)},
        },
        "required": ["source", "quote"],
        "additionalProperties": False,
    }
    most = context.calls.citations(context.recipe.critique.max_citations)
    reason = chars(context.recipe.critique.reason_chars)
    properties: Json = {
        "reason": {"type": "string", "minLength": MIN_REASON_CHARS, "maxLength": reason},
        "citations": {"type": "array", "items": citation, "maxItems": most},
        "reference": {"enum": list(_witness(shown))},
        **({"ambiguity": {"enum": list(AMBIGUITY)}} if context.recipe.refute.ambiguity else {}),
        "verdict": {"enum": list(VERDICTS)},
    }
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
