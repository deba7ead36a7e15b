"""From the graph's last state to the record: one `CandidateResult` per candidate, and what spans them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from judge_agent import reward
from judge_agent.calibration import abstaining, with_calibration
from judge_agent.context import CanonicalCandidate, JudgeContext
from judge_agent.errors import FailureKind
from judge_agent.guards.hacks import asks_beyond_examples
from judge_agent.schema import (
    CandidateResult,
    Coverage,
    Evidence,
    Judgment,
    Preference,
    PrincipleResult,
    StepResult,
)
from judge_agent.schema.shape import Shape
from judge_agent.schema.step_credit import StepCredit
from judge_agent.state import Json, State
from judge_agent.trajectory import Transcript, read, written_chars


def candidate_results(context: JudgeContext, state: State) -> tuple[CandidateResult, ...]:
    """One result per candidate, in the request's order."""
    return tuple(_result(candidate, context, state) for candidate in context.candidates)


def failed_results(
    candidate_ids: Sequence[str], dimensions: Sequence[str], kind: FailureKind, reason: str
) -> tuple[CandidateResult, ...]:
    """Every candidate unscored for one reason: the judge failed, so there is no score."""
    return tuple(
        CandidateResult(
            id=candidate_id,
            status="unscored",
            failure_kind=kind,
            failure_reason=reason,
            needs_review=True,
            vector=dict.fromkeys(dimensions),
        )
        for candidate_id in candidate_ids
    )


def all_evidence(fresh: Sequence[Evidence], remembered: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """What was found now and before, equal items once, with every candidate that it belongs to."""
    merged: dict[str, Evidence] = {}
    for item in (*fresh, *remembered):
        known = merged.get(item.id)
        ids = {*(known.candidate_ids if known else ()), *item.candidate_ids}
        merged[item.id] = item.model_copy(update={"candidate_ids": tuple(sorted(ids))})
    return tuple(merged.values())


def evidence_of(state: State) -> tuple[Evidence, ...]:
    """All evidence, equal items once, with every candidate that it belongs to."""
    twins = {
        candidate_id: screened["duplicate_of"]
        for candidate_id, screened in state["screened"].items()
        if "duplicate_of" in screened
    }
    items = []
    for data in state["evidence"]:
        item = Evidence.model_validate(data)
        also = tuple(twin for twin, judged in twins.items() if judged in item.candidate_ids)
        items.append(item.model_copy(update={"candidate_ids": (*item.candidate_ids, *also)}))
    return all_evidence(items, ())


def ranking_of(results: Sequence[CandidateResult]) -> tuple[tuple[str, ...], ...] | None:
    return reward.ranking(results) if len(results) > 1 else None


def preference_of(results: Sequence[CandidateResult], flags: Json) -> Preference | None:
    """Which of two is better; `consistent` where both orders were judged: whether they agree."""
    found = reward.preference(results) if len(results) == 2 else None
    consistency = flags.get("comparison", {}).get("order_consistency")
    if found is None or consistency is None:
        return found
    return found.model_copy(update={"consistent": consistency == 1.0})


def shaped(judgment: Judgment, shape: Shape) -> Judgment:
    """The judgment with its rewards shaped by one another.

    What is kept for other judgments of the same candidates is not shaped, for there they have other peers.
    """
    found = reward.shaped(shape, judgment.candidates)
    results = tuple(
        one.model_copy(update={"reward": value, "raw_reward": reward.raw_reward(one)})
        for one, value in zip(judgment.candidates, found.rewards, strict=True)
    )
    if not shape:
        return judgment.model_copy(update={"candidates": results})
    return judgment.model_copy(
        update={
            "candidates": results,
            "ranking": ranking_of(results),
            "preference": preference_of(results, judgment.flags),
            "flags": {**judgment.flags, "shape": list(found.links)},
        }
    )


def credited(judgment: Judgment, credit: StepCredit) -> Judgment:
    """The judgment with what each judged step is paid. Before shaping: the outcome is the raw reward."""
    if not credit:
        return judgment
    results = []
    for one in judgment.candidates:
        paid = reward.step_credit(credit, one.steps, reward.raw_reward(one))
        steps = tuple(
            step.model_copy(update={"credit": value}) for step, value in zip(one.steps, paid, strict=True)
        )
        results.append(one.model_copy(update={"steps": steps}))
    told = [link.model_dump(mode="json") for link in credit]
    return judgment.model_copy(
        update={"candidates": tuple(results), "flags": {**judgment.flags, "step_credit": told}}
    )


def _result(candidate: CanonicalCandidate, context: JudgeContext, state: State) -> CandidateResult:
    principles = _own(candidate, state["verdicts"], PrincipleResult)
    steps = _own(candidate, state["steps"], StepResult)
    request, recipe = context.request, context.recipe
    combined = reward.combine(
        principles,
        steps,
        dimensions=context.dimensions,
        aggregate=request.aggregate or recipe.aggregate,
        min_weight=recipe.min_weight,
        pass_threshold=context.pass_threshold,
        generated={one["name"] for one in state["principles"] if one["origin"] == "generated"},
    )
    transcript = read(candidate.trajectory)
    own = _flags(candidate, state)
    combined = reward.guarded(
        combined,
        own.get("hacks", ()),
        recipe.guards,
        context.pass_threshold,
        tests_answer="hacks" in own and _tests_answer(candidate, context, state),
    )
    flags = {**own, **combined.flags}
    by_model_only = not any(p.decided_by == "evidence" for p in principles)
    comparison = state["flags"].get("", {}).get("comparison", {})
    confidence = reward.raw_confidence(principles, comparison.get("order_consistency"))
    result = CandidateResult(
        id=candidate.id,
        status=combined.status,
        failure_kind=combined.failure_kind or ("no_evidence" if combined.status == "unscored" else None),
        failure_reason=combined.failure_reason
        or ("no principle applies to this candidate" if combined.status == "unscored" else None),
        score=combined.score,
        reward=combined.reward,
        raw_reward=combined.reward,
        reward_bounds=combined.reward_bounds,
        passed=combined.passed,
        needs_review=combined.needs_review
        or ("injection" in flags and by_model_only)
        or _is_disputed(principles),
        vector=combined.vector,
        principles=principles,
        steps=combined.steps,
        confidence=with_calibration(confidence, context.calibration),
        persuasion_gap=reward.persuasion_gap(principles),
        coverage=_coverage(transcript, principles, combined.steps, flags).model_copy(
            update={"written_chars": written_chars(candidate.trajectory)}
        ),
        flags=flags,
    )
    return abstaining(result, context.calibration, context.max_risk)


def _is_disputed(principles: Sequence[PrincipleResult]) -> bool:
    """Whether evidence and model disagree on a principle, and no second look could settle it."""
    looks = [principle.second_look for principle in principles]
    return any(look is not None and look.second.failure_kind is not None for look in looks)


def _own(candidate: CanonicalCandidate, items: Sequence[Json], kind: Any) -> Any:
    return tuple(
        kind.model_validate({key: value for key, value in item.items() if key != "candidate_id"})
        for item in items
        if item["candidate_id"] == candidate.id
    )


def _flags(candidate: CanonicalCandidate, state: State) -> Json:
    """The candidate's own flags; a twin also carries those of the candidate that was judged for it."""
    twin = state["screened"].get(candidate.id, {}).get("duplicate_of")
    flags: Json = {**state["flags"].get(twin, {})} if twin else {}
    flags |= state["flags"].get(candidate.id, {})
    if twin:
        flags["duplicate_of"] = twin
    return flags


def _tests_answer(candidate: CanonicalCandidate, context: JudgeContext, state: State) -> bool:
    """Whether hidden tests beyond the examples pass for certain; those of the candidate that was judged for a twin."""
    judged = state["screened"].get(candidate.id, {}).get("duplicate_of", candidate.id)
    passed = any(
        (one["candidate_id"], one["tool"], one["bearing"], one["strength"])
        == (judged, "run_tests", "confirms", "decisive")
        for one in state["findings"]
    )
    return passed and asks_beyond_examples(context.task)


def _coverage(
    transcript: Transcript, principles: Sequence[PrincipleResult], steps: Sequence[StepResult], flags: Json
) -> Coverage:
    whole_read = any(p.decided_by == "model" for p in principles)
    # Steps may be labelled from parts of a trajectory that no principle could be judged on.
    part_read = any(step.decided_by == "model" for step in steps)
    read_for_steps = (len(transcript.turns) - flags.get("turns_unread_for_steps", 0)) * part_read
    checked = flags.get("checked", {}).get("check_tool_calls", {})
    spans = flags.get("spans")
    opened = {name.partition(".")[0] for name in spans["read"]} if spans else set()
    of_turns = sum(turn.span_id in opened for turn in transcript.turns) if spans else len(transcript.turns)
    return Coverage(
        messages=len(transcript.turns),
        messages_read=of_turns if whole_read else read_for_steps,
        steps=len(transcript.steps),
        steps_judged=sum(step.label != "unjudged" for step in steps),
        tool_calls=len(transcript.calls),
        tool_calls_checked=int(checked.get("tool_calls_checked", 0)),
        principles=len(principles),
        principles_scored=sum(p.valid for p in principles),
        by_evidence=sum(p.decided_by in ("evidence", "screen") for p in principles),
        by_model=sum(p.decided_by == "model" for p in principles),
        share=(spans["share"] if spans else 1.0) if whole_read else None,
        spans=spans["spans"] if spans else 0,
        spans_read=tuple(spans["read"]) if spans else (),
        relevant_unread=tuple(spans["relevant_unread"]) if spans else (),
        unread=tuple(flags.get("unread", ())),
    )


def summary(judgment: Judgment, lease: int | None = None) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The facts of a judgment for the log, and its content; `lease` is the one under which it was judged."""
    fields = {
        "state": judgment.state,
        "cached_from": judgment.cached_from,
        "seconds": judgment.seconds,
        "usage": judgment.usage.model_dump(mode="json"),
        "provenance": judgment.provenance.model_dump(mode="json"),
        "candidates": [
            {
                "id": c.id,
                "status": c.status,
                "failure_kind": c.failure_kind,
                "reward": c.reward,
                "raw_reward": c.raw_reward,
                "passed": c.passed,
            }
            for c in judgment.candidates
        ],
    }
    if lease is not None:
        fields["lease"] = lease
    return fields, {"judgment": judgment.model_dump(mode="json")}
