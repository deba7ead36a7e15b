"""Decide: one verdict per principle and candidate. Evidence first, then the model, then the reason why not."""

from __future__ import annotations

from collections.abc import Sequence

from langgraph.runtime import Runtime

from judge_agent.context import CanonicalCandidate, JudgeContext, applies
from judge_agent.readouts import STEP_SCORES
from judge_agent.schema import Citation, Principle, PrincipleResult, Sample, StepResult
from judge_agent.state import Json, State, Update
from judge_agent.trajectory import read


async def decide(state: State, runtime: Runtime[JudgeContext]) -> Update:
    """Reduce evidence and critiques to verdicts; a candidate's twin takes its verdicts over."""
    context = runtime.context
    verdicts: list[Json] = []
    steps: list[Json] = []
    for candidate in context.candidates:
        judged = _judged_as(candidate, context, state)
        for principle in _principles(judged, context, state):
            verdict = _verdict(judged, principle, state)
            verdicts.append({"candidate_id": candidate.id, **verdict.model_dump(mode="json")})
        if context.steps_wanted:
            steps += [
                {"candidate_id": candidate.id, **s.model_dump(mode="json")} for s in _steps(judged, state)
            ]
    return {"verdicts": verdicts, "steps": steps}


def _principles(candidate: CanonicalCandidate, context: JudgeContext, state: State) -> list[Json]:
    """The judgment's principles; a content-free candidate is held to the given ones and to its tools', else to this.

    Generated ones exist only where a peer has content: they must not show in this candidate's result.
    """
    applying = [principle for principle in state["principles"] if applies(principle, candidate.id)]
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


def _judged_as(candidate: CanonicalCandidate, context: JudgeContext, state: State) -> CanonicalCandidate:
    twin = state["screened"].get(candidate.id, {}).get("duplicate_of", candidate.id)
    return next(other for other in context.candidates if other.id == twin)


def _verdict(candidate: CanonicalCandidate, principle: Json, state: State) -> PrincipleResult:
    base = {key: principle[key] for key in ("name", "description", "dimension", "kind", "weight", "tool")}
    screened = state["screened"].get(candidate.id, {})
    if screened.get("content_free"):
        return PrincipleResult(
            **base,
            choice="fail" if principle["scale"] == "pass_fail" else "1",
            score=0.0,
            valid=True,
            reason="the answer is empty or a bare opener",
            citations=(Citation(evidence_id=screened["evidence_id"], source="observation"),),
            decided_by="screen",
        )
    decisive = [
        finding for finding in _findings(candidate, principle, state) if finding["strength"] == "decisive"
    ]
    if decisive:
        return _by_evidence(base, principle, decisive)
    return _by_model(base, candidate, principle, state) or _unscored(base, candidate, principle, state)


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
    base: Json, candidate: CanonicalCandidate, principle: Json, state: State
) -> PrincipleResult | None:
    critiques = [
        critique
        for critique in state["critiques"]
        if critique["candidate_id"] == candidate.id and critique["principle"] == principle["name"]
    ]
    if not critiques:
        return None
    samples = tuple(_sample(critique) for critique in critiques)
    chosen = next((sample for sample in samples if sample.score is not None), None)
    if chosen is None:
        failed = critiques[0]
        return PrincipleResult(
            **base,
            valid=False,
            samples=samples,
            failure_kind=failed["failure_kind"],
            failure_reason=failed["failure_reason"],
        )
    return PrincipleResult(
        **base,
        choice=chosen.choice,
        score=chosen.score,
        valid=True,
        reason=chosen.reason,
        citations=tuple(citation for citation in chosen.citations if citation.resolved),
        samples=samples,
        decided_by="model",
    )


def _sample(critique: Json) -> Sample:
    return Sample(
        choice=critique.get("choice"),
        score=critique.get("score"),
        reason=critique.get("reason", ""),
        citations=tuple(Citation.model_validate(citation) for citation in critique.get("citations", ())),
        failure_kind=critique.get("failure_kind"),
    )


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


def _steps(candidate: CanonicalCandidate, state: State) -> list[StepResult]:
    """One result per step: decisive evidence, else the model's label, else unjudged. First errors are set later."""
    labels = {s["step_id"]: s for s in state["step_critiques"] if s["candidate_id"] == candidate.id}
    return [
        _step_by_evidence(step.id, candidate, state) or _step_by_model(step.id, labels.get(step.id))
        for step in read(candidate.trajectory).steps
    ]


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
        score=STEP_SCORES[label],
        label=label,
        reason=critique["reason"],
        decided_by="model",
    )
