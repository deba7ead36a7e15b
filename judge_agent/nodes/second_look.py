"""Second look: where evidence and model disagree, the model is asked once more, with that evidence named.

Evidence disagrees where a strong or decisive finding bears on the principle against the model's choice, or where a
refutation has overturned it. Both choices stay in the record. The second holds; where it cannot be had, the first
does, and somebody has to review it: an answer that failed is no reason to drop one that did not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from langgraph.runtime import Runtime

from judge_agent.context import CanonicalCandidate, JudgeContext, applies
from judge_agent.nodes.charged import charged_to, walked, walking
from judge_agent.nodes.chunks import most_of_call
from judge_agent.nodes.cited import Look, cited_critiques
from judge_agent.nodes.fitting import shown_to_judges
from judge_agent.nodes.reduce import by_samples
from judge_agent.prompting.fences import fence, neutralise
from judge_agent.prompting.material import Material
from judge_agent.schema import PrincipleResult
from judge_agent.state import Json, State, Update
from judge_agent.votes import PASS

BY_REFUTATION = "refute"


async def second_look(state: State, runtime: Runtime[JudgeContext]) -> Update:
    """Look again at every principle on which evidence and model disagree."""
    context = runtime.context
    disputed = disputes(context, state)
    shown = {one.id: await _shown(context, state, one) for one, *_ in disputed}
    walks = []
    for candidate, principle, verdict, because in disputed:
        look = _look(state, shown[candidate.id], verdict, because)
        most = most_of_call(context, shown[candidate.id], [principle], look)
        walks.append((walking(charged_to(context, candidate), most), candidate, principle, because, look))
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(
                walked(walk, _ask(walk, candidate, shown[candidate.id], principle, because, look))
            )
            for walk, candidate, principle, because, look in walks
        ]
    update = Update(second_looks=[], evidence=[])
    for task in tasks:
        found, spans = task.result()
        update["second_looks"].append(found)
        update["evidence"] += spans
    return update


def disputes(
    context: JudgeContext, state: State
) -> list[tuple[CanonicalCandidate, Json, PrincipleResult, tuple[str, ...]]]:
    """Where evidence and model disagree: candidate, principle, what the model said, what is against it."""
    return [
        (candidate, principle, verdict, because)
        for candidate in context.candidates
        for principle in state["principles"]
        for verdict in [_by_model(context, state, candidate, principle)]
        if verdict is not None
        if (because := _against(state, candidate, principle, verdict))
    ]


def _by_model(
    context: JudgeContext, state: State, candidate: CanonicalCandidate, principle: Json
) -> PrincipleResult | None:
    """What the model's samples came to; None where there is no verdict of theirs."""
    if not applies(principle, candidate.id):
        return None
    critiques = [one for one in state["critiques"] if _is_of(one, candidate, principle)]
    verdict = by_samples(principle, critiques, context.recipe.samples)
    return verdict if verdict is not None and verdict.score is not None else None


def _is_of(item: Json, candidate: CanonicalCandidate, principle: Json) -> bool:
    return bool(item["candidate_id"] == candidate.id and item["principle"] == principle["name"])


def _against(
    state: State, candidate: CanonicalCandidate, principle: Json, verdict: PrincipleResult
) -> tuple[str, ...]:
    """The ids of the evidence against the model's choice; empty where they agree, or nothing bears on it."""
    refuted = any(
        _is_of(one, candidate, principle) and one.get("verdict") == "overturned"
        for one in state["refutations"]
    )
    passes = (verdict.score or 0.0) >= PASS
    against = "refutes" if passes else "confirms"
    found = {
        finding["evidence_id"]
        for finding in state["findings"]
        if finding["candidate_id"] == candidate.id
        and (principle["name"] in finding["principles"] or _is_its_own(finding, principle))
        and finding["bearing"] == against
        and finding["strength"] in ("strong", "decisive")
    }
    return (*sorted(found), *([BY_REFUTATION] if refuted else []))


def _is_its_own(finding: Json, principle: Json) -> bool:
    """Whether the principle's own tool found it, when the model asked."""
    return principle["tool"] is not None and finding["tool"] == principle["tool"] and not finding["step_id"]


async def _shown(context: JudgeContext, state: State, candidate: CanonicalCandidate) -> Material:
    return (await shown_to_judges(charged_to(context, candidate), candidate, state)).material


def _look(state: State, shown: Material, verdict: PrincipleResult, because: Sequence[str]) -> Look:
    aliases = [alias for alias, source in shown.sources.items() if source.evidence_id in because]
    named = ", ".join(aliases)
    said = [f"What tools found speaks against it: see {named}."] if aliases else []
    refuted = [one for one in state["refutations"] if one["principle"] == verdict.name]
    if BY_REFUTATION in because:
        reason = next((one["reason"] for one in refuted if one.get("verdict") == "overturned"), "")
        said.append(f"A second reader disagrees:\n{fence('SECOND READER', neutralise(reason))}")
    first = f"{verdict.choice}: {verdict.reason}"
    return Look(
        "second_look",
        "second_look",
        beside={"critique": fence("FIRST JUDGMENT", neutralise(first)), "against": "\n".join(said)},
    )


async def _ask(
    context: JudgeContext,
    candidate: CanonicalCandidate,
    shown: Material,
    principle: Json,
    because: Sequence[str],
    look: Look,
) -> tuple[Json, list[Json]]:
    found = await cited_critiques(context, candidate, shown, [principle], look=look)
    critique, spans = found[principle["name"]]
    return {**critique, "because": list(because)}, spans
