"""What the nodes of one judgment use: the request in canonical form, the recipe, the door to model and tools."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from judge_agent.asked_risk import asked_risk
from judge_agent.budget import Budget
from judge_agent.calibration import Calibration
from judge_agent.calls import Calls, deadline_of
from judge_agent.hashing import sha256_of
from judge_agent.prompting import PromptLibrary
from judge_agent.prompting.images import Album, album
from judge_agent.prompting.material import Material, material
from judge_agent.recipes import Recipe
from judge_agent.schema import Aggregate, Evidence, JudgmentRequest, Principle, Task, Trajectory
from judge_agent.seams.tool import Tool, ToolView

SAMPLING_TEMPERATURE = 0.7
# Longer trajectories are read again rather than held, in all their forms, until the judgment ends.
MAX_KEPT_CHARS = 100_000


@dataclass(frozen=True)
class CanonicalCandidate:
    """A candidate after its importer. `sha256` is of its content alone, not of its id."""

    id: str
    trajectory: Trajectory
    sha256: str
    lost: tuple[str, ...] = ()


class Turns:
    """Lets judgments of one task take turns at what they share, so that it is made once."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def take(self, key: str, budget: Budget) -> AsyncIterator[None]:
        """Wait for the turn. Raises BudgetExceeded('deadline') where the time is up before it comes."""
        lock, waiting = self._locks.get(key, (asyncio.Lock(), 0))
        self._locks[key] = (lock, waiting + 1)
        try:
            async with deadline_of(budget):
                await lock.acquire()
            try:
                yield
            finally:
                lock.release()
        finally:
            lock, waiting = self._locks[key]
            self._locks[key] = (lock, waiting - 1)
            if waiting == 1:
                del self._locks[key]


@dataclass(frozen=True)
class JudgeContext:
    request: JudgmentRequest
    task: Task
    recipe: Recipe
    candidates: tuple[CanonicalCandidate, ...]
    dimensions: tuple[str, ...]
    steps_wanted: bool
    tools: tuple[Tool, ...]
    calls: Calls
    prompts: PromptLibrary
    turns: Turns
    tenant: str
    calibration: Calibration | None = None
    _albums: dict[tuple[str, str], Album] = field(default_factory=dict, repr=False)
    _materials: dict[tuple[str, str, bool], Material] = field(default_factory=dict, repr=False)

    @property
    def aggregate(self) -> Aggregate:
        """How scores of principles become one: the request's, else its recipe's."""
        return self.request.aggregate or self.recipe.aggregate

    def view(self, candidate: CanonicalCandidate, *, indexed: bool = False) -> ToolView:
        request = self.request
        sees = self.calls.can("images")
        return ToolView(
            self.task, candidate.trajectory, request.seed, request.resources, self.tenant, sees, indexed
        )

    def tool_results(
        self, evidence: Sequence[Mapping[str, Any]], candidate: CanonicalCandidate
    ) -> list[Evidence]:
        """What tools found of a candidate, out of the state's evidence."""
        return [
            Evidence.model_validate(item)
            for item in evidence
            if candidate.id in item["candidate_ids"] and item["kind"] == "tool_result"
        ]

    def material(
        self,
        candidate: CanonicalCandidate,
        evidence: Sequence[Evidence],
        slot: str = "",
        account: bool = True,
    ) -> Material:
        """What the model is shown of a candidate, with the evidence gathered for it; `slot` names it among others.

        Without the `account` the agent's own words are left out. Who asks again, with the same evidence, gets the same.
        """
        key = (candidate.sha256, slot, account)
        known = self._materials.get(key)
        if known is None or known.results != tuple(evidence):
            known = self._material(candidate, evidence, slot, account)
            if len(known.trajectory) <= MAX_KEPT_CHARS:
                self._materials[key] = known
        return known

    def _material(
        self, candidate: CanonicalCandidate, evidence: Sequence[Evidence], slot: str, account: bool
    ) -> Material:
        return material(
            self.task,
            candidate.trajectory,
            evidence,
            # Where it is scored how likely the reference is, a prompt that shows it would make it certain.
            show_reference=not self.recipe.by_likelihood,
            # A query that decides by itself is shown to nobody; one that is a witness is, where a prompt asks for it.
            reference_sql=self.recipe.reference == "witness",
            hidden_reasoning=self.request.include_hidden_reasoning,
            pictures=self._pictures(candidate, slot),
            slot=slot,
            account=account,
        )

    def task_pictures(self) -> Album:
        """The pictures of the task alone."""
        return album(self.task, Trajectory(), seen=self.calls.can("images"))

    def _pictures(self, candidate: CanonicalCandidate, slot: str) -> Album:
        """The candidate's pictures; megabytes of base64 are read once, not for every prompt."""
        key = (candidate.sha256, slot)
        if key not in self._albums:
            seen = self.calls.can("images")
            self._albums[key] = album(self.task, candidate.trajectory, seen=seen, slot=slot)
        return self._albums[key]

    @property
    def sample_count(self) -> int:
        """How many samples are wanted: the request's number, else the recipe's; of a jury so many of each."""
        return self._of_each * max(1, len(self.recipe.jury))

    @property
    def _of_each(self) -> int:
        return self.request.budget.samples or self.recipe.samples.count

    @property
    def temperature(self) -> float:
        """The recipe's; several samples at temperature 0 would be the same answer several times.

        What may be asked for again where samples disagree is drawn as they are: no round is another question.
        """
        settings = self.recipe.samples
        several = max(self._of_each, settings.escalate_to) > 1
        return settings.temperature or (SAMPLING_TEMPERATURE if several else 0.0)

    @property
    def pass_threshold(self) -> float | None:
        """The score from which a candidate passes: the request's, else the recipe's; None where neither has one."""
        asked = self.request.pass_threshold
        return self.recipe.pass_threshold if asked is None else asked

    @property
    def max_risk(self) -> float | None:
        """How many verdicts may be wrong of those that are given; None: no matter."""
        return asked_risk(self.request, self.recipe)

    def task_sha256(self) -> str:
        return sha256_of(self.task.model_dump(mode="json"))


def applies(principle: Mapping[str, object], candidate_id: str) -> bool:
    listed = principle.get("applies_to")
    return not isinstance(listed, list) or candidate_id in listed


def principle_of(data: Mapping[str, object]) -> Principle:
    return Principle.model_validate({key: value for key, value in data.items() if key != "applies_to"})
