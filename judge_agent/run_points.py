"""What a trainer's run keeps of a judgment that has ended: one small point per candidate. Pure."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from judge_agent import importers
from judge_agent.errors import InvalidRequest
from judge_agent.hashing import canonical_json, sha256_of
from judge_agent.prompting.material import task_from_trajectories
from judge_agent.reward import raw_reward
from judge_agent.schema import (
    Candidate,
    CandidateResult,
    Evidence,
    Judgment,
    JudgmentRequest,
    PrincipleResult,
    Trajectory,
)
from judge_agent.store.runs import Point, RunEnd
from judge_agent.trajectory import written_chars

# What screening and tools say of work that tries to be paid for nothing.
HACK_FLAGS = ("injection", "content_free")
MAX_FLAGS = 32
# Marks of a result that another judgment, or a twin beside it, was judged for.
_SHARED = frozenset(("cached_from", "duplicate_of"))


def run_end(request: JudgmentRequest, judgment: Judgment, tenant: str) -> RunEnd | None:
    """The points of a judgment whose request names a run; None for every other one.

    Rewards are raw: a shape would hide how far the members of a group lie apart.
    """
    if request.run is None:
        return None
    results = {result.id: result for result in judgment.candidates}
    trajectories = [_read(candidate) for candidate in request.candidates]
    task_key = _task_key(request, trajectories)
    points = [
        _point(request, judgment, trajectory, results[candidate.id], task_key, is_first=index == 0)
        for index, (candidate, trajectory) in enumerate(zip(request.candidates, trajectories, strict=True))
        if candidate.id in results
    ]
    return RunEnd(tenant, request.run.id, request.run.step, _placed(request, points))


def _placed(request: JudgmentRequest, points: Sequence[Point]) -> tuple[Point, ...]:
    """Each point with its place: the one in its group, else below zero which of its equals in the judgment it is."""
    if request.group is not None and request.group.index is not None:
        return tuple(replace(point, rollout=request.group.index) for point in points)
    seen, placed = Counter[int](), []
    for point in points:
        seen[point.content_key] += 1
        placed.append(replace(point, rollout=-seen[point.content_key]))
    return tuple(placed)


def _point(
    request: JudgmentRequest,
    judgment: Judgment,
    trajectory: Trajectory,
    result: CandidateResult,
    task_key: int,
    *,
    is_first: bool,
) -> Point:
    usage = judgment.usage
    compared, disagreed = disagreement(result, judgment.evidence)
    return Point(
        task_key=task_key,
        content_key=_key(trajectory.model_dump(mode="json")),
        recipe=request.recipe,
        status=result.status,
        failure_kind=result.failure_kind,
        score=result.score,
        reward=raw_reward(result),
        vector=canonical_json(dict(result.vector)),
        confidence=result.confidence.value,
        length=written_chars(trajectory),
        flags=",".join(sorted(result.flags)[:MAX_FLAGS]),
        compared=compared,
        disagreed=disagreed,
        is_cached=judgment.cached_from is not None or not _SHARED.isdisjoint(result.flags),
        noise=sampling_variance(result.principles),
        seconds=judgment.seconds if is_first else None,
        tokens=usage.prompt_tokens + usage.completion_tokens if is_first else None,
        seed=request.seed,
    )


def _read(candidate: Candidate) -> Trajectory:
    try:
        return importers.canonical(candidate.trajectory).trajectory
    except InvalidRequest:
        return Trajectory()  # nothing could be read of it, and it was not judged


def _task_key(request: JudgmentRequest, trajectories: Sequence[Trajectory]) -> int:
    """The same for the candidates of one group: those of one task, and of one group where the request names it.

    A task that is said by the first messages of the trajectories alone is those messages.
    """
    task = request.task
    if not (task.prompt.strip() or task.messages):
        task = task.model_copy(update={"messages": task_from_trajectories(trajectories) or ()})
    group = request.group.group_id if request.group is not None else None
    return _key([task.model_dump(mode="json"), group])


def disagreement(result: CandidateResult, evidence: Sequence[Evidence]) -> tuple[int, int]:
    """On how many principles both evidence and model spoke, and on how many of those they disagreed.

    Evidence speaks where a decisive or strong item bears on the principle, and refutes where any does; the model where
    its samples give a score, which passes from 0.5 on. What only one of them spoke of is not compared.
    """
    compared = disagreed = 0
    for principle in result.principles:
        by_evidence = _by_evidence(principle.name, result.id, evidence)
        by_model = _by_model(principle)
        if by_evidence is None or by_model is None:
            continue
        compared += 1
        disagreed += by_evidence != by_model
    return compared, disagreed


def sampling_variance(principles: Sequence[PrincipleResult]) -> float | None:
    """The variance of the candidate's score as its own samples show it; None where nothing was sampled twice.

    A principle's score is a mean of n samples with the variance s^2/n; the candidate's is their weighted mean.
    """
    scored = [one for one in principles if one.valid and one.weight != 0]
    # Penalties add nothing to what the score is divided by.
    total = sum(max(one.weight, 0.0) for one in scored) or sum(abs(one.weight) for one in scored)
    spread = [(one.weight / total, _scores(one)) for one in scored]
    sampled = [(share, scores) for share, scores in spread if len(scores) > 1]
    if not sampled:
        return None
    return sum(share**2 * statistics.variance(scores) / len(scores) for share, scores in sampled)


def _by_evidence(name: str, candidate_id: str, evidence: Sequence[Evidence]) -> bool | None:
    bearings = {
        item.bearing
        for item in evidence
        if candidate_id in item.candidate_ids
        and name in item.principles
        and item.strength in ("decisive", "strong")
        and item.bearing in ("confirms", "refutes", "both")
    }
    return None if not bearings else bearings == {"confirms"}


def _by_model(principle: PrincipleResult) -> bool | None:
    if principle.decided_by == "model" and principle.score is not None:
        return principle.score >= 0.5
    scores = _scores(principle)
    return statistics.fmean(scores) >= 0.5 if scores else None


def _scores(principle: PrincipleResult) -> list[float]:
    return [sample.score for sample in principle.samples if sample.voted and sample.score is not None]


def _key(value: object) -> int:
    """64 bits of a hash, signed, as both databases hold them."""
    return int.from_bytes(bytes.fromhex(sha256_of(value)[:16]), "big", signed=True)
