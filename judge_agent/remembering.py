"""Remembers what came of a candidate, so that the same input gets the same reward (rule 5 of the design).

A pointwise candidate is remembered by itself, whatever others it was posted with; candidates that were compared are
remembered together. Only what is scored is: a judge that failed may do better next time. Who judges the same at the
same time gets what was kept first.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic import ValidationError

from judge_agent.context import CanonicalCandidate
from judge_agent.hashing import sha256_of
from judge_agent.record import failed_results
from judge_agent.schema import SCHEMA_VERSION, CandidateResult, Evidence, Judgment, JudgmentRequest, Task
from judge_agent.schema.judgment import Provenance
from judge_agent.seams.model import ModelInfo
from judge_agent.seams.storage import SharedResults

# Fields that do not change what is judged: what a caller writes beside it, and how long it may take.
# What feeds a declared dimension. Other words when that changes: results that were kept by another rule are not read.
DECLARED_RULE = "tools keep their own dimensions"
# What the screen takes for an answer, of which nothing else tells: it asks no model and no tool. Other words, as above.
SCREEN_RULE = "a value is an answer, and so is what fits the question"
_BESIDE = {"task", "candidates", "metadata", "cache", "group", "shape", "step_credit", "run"}


@dataclass(frozen=True)
class Known:
    """What is remembered of candidates, by the ids that they have now; `by` is the judgment that each is from."""

    results: Mapping[str, CandidateResult]
    evidence: tuple[Evidence, ...] = ()
    flags: Mapping[str, Any] | None = None
    by: Mapping[str, str] = field(default_factory=dict)

    def source_of(self, candidates: Sequence[CanonicalCandidate]) -> str | None:
        """The one judgment that all these candidates are remembered from; None where there is no such one."""
        sources = {self.by.get(candidate.id) for candidate in candidates}
        return sources.pop() if len(sources) == 1 else None

    @property
    def marked(self) -> dict[str, CandidateResult]:
        """The results, each with the judgment that it is from among its flags."""
        return {
            id_: one.model_copy(update={"flags": {**one.flags, "cached_from": self.by[id_]}})
            for id_, one in self.results.items()
        }


@dataclass(frozen=True)
class Means:
    """What a candidate is judged with beside what provenance names: what the model can do, its share of a budget."""

    model: ModelInfo | None
    tokens: int
    tool_calls: int
    jury: Mapping[str, ModelInfo | None] = field(default_factory=dict)

    def as_json(self) -> list[Any]:
        jury = {name: asdict(info) if info else None for name, info in self.jury.items()}
        own = [asdict(self.model) if self.model else None, self.tokens, self.tool_calls]
        return [*own, jury] if jury else own


class Memory:
    """What the judgments of one tenant share of their ends, asked by one of them.

    `provenance` and the request are all that a result depends on beside the candidate.
    """

    def __init__(
        self,
        shared: SharedResults,
        tenant: str,
        judgment_id: str,
        request: JudgmentRequest,
        task: Task,
        provenance: Provenance,
        means: Means,
        *,
        together: bool,
    ) -> None:
        self._shared = shared
        self._tenant = tenant
        self._judgment_id = judgment_id
        self._reads = request.cache in (None, "yes")
        self._together = together
        self._own: list[tuple[str, dict[str, Any]]] = []
        self._writes = request.cache != "no" and request.resources.are_known_by_content
        # Who judges without a jury reads what was kept before there were any.
        facts = provenance.model_dump(mode="json", exclude=None if provenance.jury else {"jury"})
        said = task.model_dump(mode="json")
        rule = [] if request.dimensions is None else [DECLARED_RULE]
        rules = [SCREEN_RULE, *rule]
        self._facts = sha256_of([SCHEMA_VERSION, facts, said, wishes(request), means.as_json(), *rules])

    async def known(self, candidates: Sequence[CanonicalCandidate]) -> Known:
        """Return what is remembered of these candidates; of compared ones all or nothing."""
        if not (self._reads and self._writes):
            return Known({})
        if self._together:
            found = await self._get(self._key_of_all(candidates))
            return Known({}) if found is None else _read(found, {c.id: c.id for c in candidates})
        return merged(
            [
                _read(found, {found["candidate"]: candidate.id})
                for candidate in candidates
                if (found := await self._get(self._key(candidate))) is not None
            ]
        )

    async def keep(
        self,
        judgment: Judgment,
        candidates: Sequence[CanonicalCandidate],
        fresh: Collection[str],
        answered: Collection[str],
    ) -> Known:
        """Remember the whole ones among `fresh` (ids); return what another judgment had kept of them before.

        `answered` names the servers whose answers they rest on. Not for a judgment that its deadline
        has cut short. Raises StoreError.
        """
        if not self._writes:
            return Known({})
        results = {one.id: one for one in judgment.candidates}
        if self._together:
            if not all(map(is_whole, results.values())):
                return Known({})
            kept = await self._put(self._key_of_all(candidates), _written(judgment, None, answered))
            own = kept["by"] == self._judgment_id
            return Known({}) if own else _read(kept, {name: name for name in results})
        found = []
        for candidate in candidates:
            result = results[candidate.id]
            if candidate.id in fresh and is_whole(result) and "duplicate_of" not in result.flags:
                written = _written(judgment, candidate.id, answered)
                kept = await self._put(self._key(candidate), written)
                if kept["by"] != self._judgment_id:
                    found.append(_read(kept, {kept["candidate"]: candidate.id}))
        return merged(found)

    async def _get(self, key: str) -> Mapping[str, Any] | None:
        """What is kept there; a judgment that goes on after a crash does not learn from itself."""
        found = await self._shared.get(self._tenant, key)
        return None if found is None or found["by"] == self._judgment_id else found

    async def forget(self) -> None:
        """Forget what this judgment has kept: it turned out to be none. Raises StoreError."""
        while self._own:
            await self._shared.drop(self._tenant, *self._own.pop())

    async def _put(self, key: str, value: dict[str, Any]) -> Mapping[str, Any]:
        self._own.append((key, value))
        return await self._shared.put(self._tenant, key, value, replace=not self._reads)

    def _key(self, candidate: CanonicalCandidate) -> str:
        return f"outcome/{sha256_of([self._facts, candidate.sha256, list(candidate.lost)])}"

    def _key_of_all(self, candidates: Sequence[CanonicalCandidate]) -> str:
        return f"outcomes/{sha256_of([self._facts, [[one.id, one.sha256, list(one.lost)] for one in candidates]])}"


def is_whole(result: CandidateResult) -> bool:
    """Whether nothing is missing that a better day could bring: a verdict, a sample, a tool."""
    if result.status != "scored" or "tool_unavailable" in result.flags:
        return False
    rounds = [one for of_principle in result.flags.get("samples", {}).values() for one in of_principle]
    if any(one["read"] < one["samples"] for one in rounds if "read" in one):
        return False
    return all(
        principle.valid and not any(sample.failure_kind for sample in principle.samples)
        for principle in result.principles
    )


def serves_others(judgment: Judgment) -> bool:
    """Whether those who have waited for this end get it too: what is remembered, or the failure of shared work."""
    if judgment.state != "done" or "deadline" in judgment.flags:
        return False
    return all(map(is_whole, judgment.candidates)) or all(map(_is_common_failure, judgment.candidates))


def failed_by_deadline(judgment: Judgment) -> bool:
    """Whether its deadline left this end without any reward: who has waited for as long would come no further."""
    is_cut = "deadline" in judgment.flags or any(
        one.failure_kind == "deadline" for one in judgment.candidates
    )
    return is_cut and judgment.state == "done" and not any(map(_may_do_better, judgment.candidates))


def failed_with(twin: Judgment, candidates: Sequence[CanonicalCandidate], *, has_waited: bool) -> Known:
    """What the judge failed at in a judgment of the same request that this one has waited for.

    The work was shared, and so is its failure: to try again at once, once for each who waited, would be a herd. One
    that ran out of its own time says nothing about this one, unless this one `has_waited` for as long as it may be
    judged. One that was called off says nothing.
    """
    pairs = list(zip(candidates, twin.candidates, strict=False))
    is_late = has_waited and failed_by_deadline(twin)
    if len(twin.candidates) != len(candidates):
        return Known({})
    if not is_late and not all(_is_common_failure(one) for _, one in pairs):
        return Known({})
    names = {one.id: candidate.id for candidate, one in pairs}
    results = {names[one.id]: _failed(one, twin).model_copy(update={"id": names[one.id]}) for _, one in pairs}
    evidence = tuple(_renamed(item, names) for item in twin.evidence)
    return Known(results, evidence, twin.flags, dict.fromkeys(results, twin.id))


def _is_common_failure(result: CandidateResult) -> bool:
    return result.status == "unscored" and result.failure_kind not in ("cancelled", "deadline", "internal")


def _may_do_better(result: CandidateResult) -> bool:
    """Whether a result that a deadline cut short has a reward, or failed for what the deadline has no part in."""
    has_failed_apart = result.failure_kind in ("cancelled", "internal")
    return result.status == "scored" or result.reward is not None or has_failed_apart


def _failed(result: CandidateResult, twin: Judgment) -> CandidateResult:
    """The result without a score: of what a deadline cut short, part may have been judged."""
    if result.status == "unscored":
        return result
    reason = f"judgment {twin.id} of the same request, for which this one has waited, was cut short by its deadline"
    return failed_results([result.id], tuple(result.vector), "deadline", reason)[0]


def wishes(request: JudgmentRequest) -> dict[str, Any]:
    """What of a request changes how it is judged, beside task and candidates."""
    said = request.model_dump(mode="json", exclude=_BESIDE)
    said["budget"] = {"samples": request.budget.samples}
    return said


def flight_key(request: JudgmentRequest, *, together: bool) -> str | None:
    """The same for requests that come to the same judgment while neither has ended; None for those kept apart.

    Their time is the same as well: nobody waits for one who may take longer. So is the run that may hold them to a pin:
    what it fails for is no failure of others.
    """
    if request.cache not in (None, "yes") or not request.resources.are_known_by_content:
        return None
    trajectories = [
        [one.id if together else None, one.trajectory.model_dump(mode="json", by_alias=True)]
        for one in request.candidates
    ]
    seconds, run = request.budget.seconds, request.run
    held = None if run is None or run.pin is False else [run.id, run.pin]
    return sha256_of([request.task.model_dump(mode="json"), wishes(request), seconds, trajectories, held])


def _written(judgment: Judgment, candidate_id: str | None, answered: Collection[str]) -> dict[str, Any]:
    results = [one for one in judgment.candidates if candidate_id in (None, one.id)]
    evidence = [one for one in judgment.evidence if candidate_id is None or candidate_id in one.candidate_ids]
    if candidate_id is not None:
        evidence = [one.model_copy(update={"candidate_ids": (candidate_id,)}) for one in evidence]
    return {
        "by": judgment.id,
        "answered": sorted(answered),
        "candidate": candidate_id,
        "results": [one.model_dump(mode="json") for one in results],
        "evidence": [one.model_dump(mode="json") for one in evidence],
        "flags": judgment.flags if candidate_id is None else None,
    }


def _read(found: Mapping[str, Any], names: Mapping[str, str]) -> Known:
    """Read what is kept, with the ids that the candidates have now; nothing where it is of another form."""
    try:
        results = [CandidateResult.model_validate(one) for one in found["results"]]
        evidence = [Evidence.model_validate(one) for one in found["evidence"]]
    except ValidationError:
        return Known({})
    renamed = [one.model_copy(update={"id": names[one.id]}) for one in results]
    placed = [_renamed(one, names) for one in evidence]
    by = dict.fromkeys((one.id for one in renamed), str(found["by"]))
    return Known({one.id: one for one in renamed}, tuple(placed), found["flags"], by)


def _renamed(item: Evidence, names: Mapping[str, str]) -> Evidence:
    ids = tuple(names.get(id_, id_) for id_ in item.candidate_ids)
    return item.model_copy(update={"candidate_ids": ids})


def merged(parts: Sequence[Known]) -> Known:
    """Several pieces of what is remembered as one; of compared candidates there is one piece."""
    results = {id_: result for part in parts for id_, result in part.results.items()}
    by = {id_: source for part in parts for id_, source in part.by.items()}
    flags = next((part.flags for part in parts if part.flags is not None), None)
    return Known(results, tuple(item for part in parts for item in part.evidence), flags, by)
