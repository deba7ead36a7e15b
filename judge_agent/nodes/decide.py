"""Decide: one verdict per principle and candidate. Evidence first, then the model, then the reason why not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from langgraph.runtime import Runtime

from judge_agent.context import CanonicalCandidate, JudgeContext, applies
from judge_agent.errors import FailureKind
from judge_agent.guards.observed import planted_in_result
from judge_agent.nodes.cascade import ended_by
from judge_agent.nodes.dimension_weights import weighed
from judge_agent.nodes.from_steps import from_steps, with_one_correction
from judge_agent.nodes.giving_way import without_those_that_give_way, without_what_tools_left_open
from judge_agent.nodes.reduce import base_of, by_samples, sample_of
from judge_agent.nodes.step_forms import decided_by_steps
from judge_agent.readouts import STEP_SCORES, menu
from judge_agent.recipes import Samples
from judge_agent.schema import Citation, Principle, PrincipleResult, Sample, SecondLook, StepResult
from judge_agent.state import Json, State, Update
from judge_agent.trajectory import read


async def decide(state: State, runtime: Runtime[JudgeContext]) -> Update:
    """Reduce evidence and critiques to verdicts; a candidate's twin takes its verdicts over."""
    context = runtime.context
    verdicts: list[Json] = []
    steps: list[Json] = []
    for candidate in context.candidates:
        await asyncio.sleep(0)  # others are served between two candidates of thousands of steps
        judged = _judged_as(candidate, context, state)
        own = _steps(judged, state) if context.steps_wanted else []
        for principle in principles_of(judged, context, state):
            verdict = _by_steps(judged, principle, own, context, state) or verdict_of(
                judged, principle, state, context.recipe.samples
            )
            blind = next(iter(_own(state["blind_critiques"], judged, principle)), None)
            if blind is not None:
                verdict = verdict.model_copy(update={"blind": sample_of(blind)})
            if context.recipe.cascade and not verdict.valid:
                verdict = _behind_the_end(verdict, judged, principle, state)
            verdicts.append({"candidate_id": candidate.id, **verdict.model_dump(mode="json")})
        if (unproposed := _unproposed(judged, context, state)) is not None:
            verdicts.append({"candidate_id": candidate.id, **unproposed.model_dump(mode="json")})
        steps += [{"candidate_id": candidate.id, **step.model_dump(mode="json")} for step in own]
    return {"verdicts": verdicts, "steps": steps, "flags": _flags(state)}


def _flags(state: State) -> Json:
    """What speaks to the judge in the results of tools, beside what screening found in the candidate's own texts."""
    flags: Json = {}
    for item in state["evidence"]:
        if item["kind"] != "tool_result":
            continue
        hits = [
            {"pattern": hit.pattern, "where": item["id"], "part": "output", "quote": hit.quote[:120]}
            | {"offsets": list(hit.offsets), "evidence_id": item["id"]}
            for hit in planted_in_result(item)
        ]
        for candidate_id in item["candidate_ids"] if hits else ():
            told = flags.setdefault(candidate_id, _told(candidate_id, state))
            told["injection"] = [*told["injection"], *hits]
            told["injection_count"] += len(hits)
    return flags


def _told(candidate_id: str, state: State) -> Json:
    known = state["flags"].get(candidate_id, {})
    return {"injection": known.get("injection", []), "injection_count": known.get("injection_count", 0)}


def _behind_the_end(
    verdict: PrincipleResult, candidate: CanonicalCandidate, principle: Json, state: State
) -> PrincipleResult:
    """What stays open behind a failed stage of a cascade is at its minimum: there was nothing to look at."""
    ended = ended_by(state, candidate)
    if ended is None:
        return verdict
    return PrincipleResult(
        **base_of(principle),
        choice=menu(principle["scale"])[0],
        score=0.0,
        valid=True,
        reason=f"not looked at: {ended['reason']}"[:500],
        citations=(Citation(evidence_id=ended["evidence_id"], source="tool"),),
        decided_by="evidence",
    )


def principles_of(candidate: CanonicalCandidate, context: JudgeContext, state: State) -> list[Json]:
    """The judgment's principles; a content-free candidate is held to the given ones and to its tools', else to this.

    Generated ones exist only where a peer has content: they must not show in this candidate's result.
    """
    source = context.recipe.principles
    applying = [principle for principle in state["principles"] if applies(principle, candidate.id)]
    applying = without_those_that_give_way(applying, source.give_way, state, candidate.id)
    if not source.tools_must_decide:
        applying = without_what_tools_left_open(applying, state, candidate.id)
    applying = weighed(applying, source.dimension_weights)
    if not state["screened"].get(candidate.id, {}).get("content_free"):
        return applying
    applying = [p for p in applying if p["origin"] not in ("generated", "fallback")]
    if applying:
        return applying
    said = Principle(
        name="says_something",
        description="The answer has content.",
        dimension=context.dimensions[0],
        kind="hard",
        weight=1.0,
        scale="pass_fail",
        origin="recipe",
    )
    return [said.model_dump(mode="json")]


def _unproposed(candidate: CanonicalCandidate, context: JudgeContext, state: State) -> PrincipleResult | None:
    """What stays open where the model could not be asked for principles: the recipe's own are not the task's.

    It is hard, so that no reward comes of a candidate whose twin in another post may be judged by others.
    """
    said = state["flags"].get("", {})
    if "failure_kind" not in said or state["screened"].get(candidate.id, {}).get("content_free"):
        return None
    return PrincipleResult(
        name="proposed_principles",
        description="What this very task asks for, in principles of its own.",
        dimension=context.dimensions[0],
        kind="hard",
        weight=1.0,
        valid=False,
        failure_kind=said["failure_kind"],
        failure_reason=f"no principles could be proposed: {said['fallback_principles']['reason']}",
    )


def _judged_as(candidate: CanonicalCandidate, context: JudgeContext, state: State) -> CanonicalCandidate:
    twin = state["screened"].get(candidate.id, {}).get("duplicate_of", candidate.id)
    return next(other for other in context.candidates if other.id == twin)


def verdict_of(
    candidate: CanonicalCandidate, principle: Json, state: State, settings: Samples
) -> PrincipleResult:
    """What is left for one principle of one candidate, by what the state holds so far."""
    base = base_of(principle)
    screened = state["screened"].get(candidate.id, {})
    if screened.get("content_free"):
        worst = -1 if principle["weight"] < 0 else 0
        return PrincipleResult(
            **base,
            choice=menu(principle["scale"])[worst],
            score=1.0 if worst else 0.0,
            valid=True,
            reason="the answer holds nothing to judge",
            citations=(Citation(evidence_id=screened["evidence_id"], source="observation"),),
            decided_by="screen",
        )
    decisive = [
        finding for finding in _findings(candidate, principle, state) if finding["strength"] == "decisive"
    ]
    if decisive:
        return _by_evidence(base, principle, decisive)
    by_model = _by_standing if principle["origin"] == "comparison" else _by_model
    return by_model(candidate, principle, state, settings) or _unscored(base, candidate, principle, state)


def _findings(candidate: CanonicalCandidate, principle: Json, state: State) -> list[Json]:
    return [
        finding
        for finding in state["findings"]
        if finding["candidate_id"] == candidate.id and principle["name"] in finding["principles"]
    ]


def _by_evidence(base: Json, principle: Json, decisive: Sequence[Json]) -> PrincipleResult:
    """The lowest decisive score holds: what refutes outweighs what confirms."""
    lowest = min(decisive, key=_score)
    score = _score(lowest)
    return PrincipleResult(
        **base,
        choice=("pass" if score >= 0.5 else "fail") if principle["scale"] == "pass_fail" else None,
        score=score,
        valid=True,
        reason=lowest["reason"],
        citations=tuple(
            Citation(evidence_id=evidence_id, source="tool")
            for evidence_id in sorted({finding["evidence_id"] for finding in decisive})
        ),
        decided_by="evidence",
    )


def _score(finding: Json) -> float:
    if finding["score"] is not None:
        return float(finding["score"])
    return 1.0 if finding["bearing"] == "confirms" else 0.0


def _by_model(
    candidate: CanonicalCandidate, principle: Json, state: State, settings: Samples
) -> PrincipleResult | None:
    """The vote of the samples; then what a refutation made of it, and the second look, where there were such."""
    verdict = by_samples(principle, _own(state["critiques"], candidate, principle), settings)
    if verdict is None:
        return None
    refuted = _refuted(candidate, principle, state, verdict)
    second = next(iter(_own(state["second_looks"], candidate, principle)), None)
    return refuted if second is None else _looked_at_again(verdict, refuted, second)


def _looked_at_again(first: PrincipleResult, so_far: PrincipleResult, second: Json) -> PrincipleResult:
    """The verdict of the second look, which knows the evidence; where there is none, what there was before it."""
    sample = sample_of(second)
    look = SecondLook(
        because=tuple(second["because"]), first_choice=first.choice, first_score=first.score, second=sample
    )
    if sample.failure_kind is not None:
        return so_far.model_copy(update={"second_look": look})
    return first.model_copy(
        update={
            "second_look": look,
            "choice": sample.choice,
            "score": sample.score,
            "reason": sample.reason,
            "citations": tuple(citation for citation in sample.citations if citation.resolved),
            # It was the first look's.
            "agreement": None,
            "distribution": second.get("distribution"),
        }
    )


def _refuted(
    candidate: CanonicalCandidate, principle: Json, state: State, verdict: PrincipleResult
) -> PrincipleResult:
    second = next(iter(_own(state["refutations"], candidate, principle)), None)
    if second is None:
        return verdict
    if "failure_kind" in second:
        failure = {key: second[key] for key in ("failure_kind", "failure_reason")}
        open_ = {"choice": None, "score": None, "valid": False, "decided_by": None}
        return verdict.model_copy(update=open_ | failure)
    if second["verdict"] == "upheld":
        return verdict
    citations = tuple(Citation.model_validate(citation) for citation in second["citations"])
    lowest = menu(principle["scale"])[0]
    return verdict.model_copy(
        update={
            "choice": lowest,
            "score": 0.0,
            # They were the first look's, and are of a pass.
            "agreement": None,
            "distribution": None,
            "reason": f"overturned by a second look: {second['reason']}",
            "citations": tuple(citation for citation in citations if citation.resolved),
        }
    )


def _own(items: Sequence[Json], candidate: CanonicalCandidate, principle: Json) -> list[Json]:
    return [
        item
        for item in items
        if item["candidate_id"] == candidate.id and item["principle"] == principle["name"]
    ]


def _by_standing(
    candidate: CanonicalCandidate, principle: Json, state: State, settings: Samples
) -> PrincipleResult | None:
    standing = state["standings"].get(candidate.id)
    if standing is None:
        return None
    samples = tuple(Sample.model_validate(sample) for sample in standing["samples"])
    result = {key: value for key, value in standing.items() if key != "samples"}
    result.setdefault("decided_by", "model" if standing["valid"] else None)
    return PrincipleResult(**base_of(principle), **result, samples=samples)


def _unscored(base: Json, candidate: CanonicalCandidate, principle: Json, state: State) -> PrincipleResult:
    """Say why nothing was decided: the principle's tool failed, or there was nothing to decide it by."""
    for failure in state["tool_failures"]:
        if failure["candidate_id"] == candidate.id and failure["tool"] == principle["tool"]:
            return PrincipleResult(
                **base, valid=False, failure_kind=failure["failure_kind"], failure_reason=failure["reason"]
            )
    found = _findings(candidate, principle, state)
    reason = found[0]["reason"] if found else "no tool had anything that decides this principle"
    return PrincipleResult(
        **base, valid=False, failure_kind="no_evidence", failure_reason=f"not decided by evidence: {reason}"
    )


def _by_steps(
    candidate: CanonicalCandidate,
    principle: Json,
    steps: Sequence[StepResult],
    context: JudgeContext,
    state: State,
) -> PrincipleResult | None:
    """The verdict that the steps come to, where the recipe lets them decide this principle and there is content."""
    if principle["name"] not in decided_by_steps(context) or candidate.id in state["screened"]:
        return None
    failures: list[FailureKind] = [
        one["failure_kind"]
        for one in state["step_critiques"]
        if one["candidate_id"] == candidate.id and "failure_kind" in one
    ]
    return from_steps(principle, steps, context.recipe.steps, failures[0] if failures else "no_evidence")


def _steps(candidate: CanonicalCandidate, state: State) -> list[StepResult]:
    """One result per step: decisive evidence, else the model's label, else unjudged. First errors are set later."""
    labels = {s["step_id"]: s for s in state["step_critiques"] if s["candidate_id"] == candidate.id}
    return with_one_correction(
        [
            _step_by_evidence(step.id, candidate, state) or _step_by_model(step.id, labels.get(step.id))
            for step in read(candidate.trajectory).steps
        ]
    )


def _step_by_evidence(step_id: str, candidate: CanonicalCandidate, state: State) -> StepResult | None:
    decisive = [
        finding
        for finding in state["findings"]
        if finding["candidate_id"] == candidate.id
        and finding["step_id"] == step_id
        and finding["strength"] == "decisive"
    ]
    if not decisive:
        return None
    lowest = min(decisive, key=_score)
    score = _score(lowest)
    return StepResult(
        step_id=step_id,
        score=score,
        label="bad" if score < 0.5 else "good" if score > 0.5 else "neutral",
        reason=lowest["reason"],
        citations=(Citation(evidence_id=lowest["evidence_id"], source="tool"),),
        decided_by="evidence",
    )


def _step_by_model(step_id: str, critique: Json | None) -> StepResult:
    if critique is None:
        return StepResult(step_id=step_id)
    if "failure_kind" in critique:
        return StepResult(step_id=step_id, reason=f"unjudged: {critique['failure_reason']}")
    label = critique["label"]
    return StepResult(
        step_id=step_id,
        score=critique.get("score", STEP_SCORES[label]),
        label=label,
        reason=critique["reason"],
        correction=critique.get("correction"),
        said=critique.get("said", {}),
        scores=critique.get("scores", {}),
        decided_by="model",
    )
