"""One judgment on its way: opened, judged, put together, logged. Next: `graph.py`.

A failure of the judge is never a score: whatever goes wrong in here ends as `unscored` with its kind.
"""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast

from langgraph.graph.state import CompiledStateGraph

from judge_agent import record
from judge_agent.admission import Admissions
from judge_agent.answering import Answering
from judge_agent.aside import aside
from judge_agent.asked_for import budget_of, chosen_tools, with_ui
from judge_agent.budget import Budget
from judge_agent.calibration import Calibration, Calibrations
from judge_agent.calibration.table import ModelKey
from judge_agent.call_limits import LOOK_UP_SECONDS, deadline_of
from judge_agent.calls import Calls
from judge_agent.canaries import CANARY_FLAG
from judge_agent.context import CanonicalCandidate, JudgeContext, Turns
from judge_agent.errors import FailureKind, JudgeError, LeaseLost, ModelError, StoreError, innermost
from judge_agent.given_principles import declared_dimensions
from judge_agent.held_results import HeldResults
from judge_agent.in_order import give_up_turn
from judge_agent.jury import jury_parts, still_the_same
from judge_agent.learning.store import PrincipleSet
from judge_agent.named_principles import NamedPrinciples
from judge_agent.pinning import RunHold, pin_of
from judge_agent.prompting import PromptLibrary
from judge_agent.recipes import Recipe
from judge_agent.remembering import Known, Means, Memory, failed_with, merged
from judge_agent.schema import CandidateResult, Evidence, Judgment, JudgmentRequest, Provenance, Usage
from judge_agent.schema.shape import Shape
from judge_agent.schema.step_credit import StepCredit
from judge_agent.seams.model import ChatModel, ModelInfo
from judge_agent.seams.pins import Pins
from judge_agent.seams.storage import AuditEvent, AuditLog, Journal, SharedResults
from judge_agent.seams.tool import Tool
from judge_agent.state import State, empty
from judge_agent.tool_cache import SharedTools, ToolCache
from judge_agent.tool_progress import Tell, ToolProgress
from judge_agent.version import __version__

T = TypeVar("T")
_INFO = "model_info"


@dataclass(frozen=True)
class JudgeParts:
    """What a judge was given, for all its judgments."""

    model: ChatModel | None
    tools: tuple[Tool, ...]
    journal: Journal
    shared: SharedResults
    log: AuditLog
    prompts: PromptLibrary
    recipes: Mapping[str, Recipe]
    admissions: Admissions
    graph: CompiledStateGraph[State, JudgeContext, State, State]
    turns: Turns
    pins: Pins | None = None
    stamp: Callable[[str], Mapping[str, Any]] = lambda _recipe: {}
    tool_cache: ToolCache | None = None
    tell: Tell | None = None
    calibrations: Calibrations = field(default_factory=Calibrations)
    jury: Mapping[str, ChatModel] = field(default_factory=dict)
    principles: NamedPrinciples = field(default_factory=NamedPrinciples)


class Run:
    """One judgment on its way."""

    def __init__(
        self,
        parts: JudgeParts,
        request: JudgmentRequest,
        judgment_id: str,
        tenant: str,
        created: float,
        elapsed_seconds: float,
        lease: int | None,
        ending: Callable[[], None],
    ) -> None:
        self._parts = parts
        self._request = request
        self._named: PrincipleSet | None = None
        self._id = judgment_id
        self._tenant = tenant
        self._created = created
        self._elapsed = elapsed_seconds
        self._lease = lease
        self._ending = ending
        self._calls: Calls | None = None
        self._budget: Budget | None = None
        self._is_held = False
        self._kept: Memory | None = None
        self._trail: Sequence[Awaitable[None]] = ()
        self._hold = RunHold(parts.pins, tenant, request.run)
        self._answering = Answering(parts.model, parts.jury, self._hold)
        self._shared = HeldResults(parts.shared, self._hold)

    async def run(self, resumed: bool, twin: Judgment | None) -> Judgment:
        judged = await self._judged(resumed, twin)
        try:
            return await self._end(judged)
        except StoreError as error:
            if self._kept is None or isinstance(error, LeaseLost):
                raise
            # What nobody can retrace is no judgment, nor is it remembered as one.
            await self._kept.forget()
            self._trail = ()
            return await self._end(await self._failed(error.failure_kind, str(error), error))

    async def _end(self, judged: Judgment) -> Judgment:
        """Write the end, behind all that led to it. Raises StoreError and LeaseLost."""
        credited = record.credited(judged, self._step_credit())
        judgment = self._stamped(record.shaped(credited, self._shape()))
        self._ending()
        if not self._is_held:
            await self._require_lease()
        event = AuditEvent(
            "judgment.done", self._id, self._tenant, None, *record.summary(judgment, self._lease)
        )
        give_up_turn()
        await self._parts.log.append(event, after=self._trail)
        return judgment

    async def _require_lease(self) -> None:
        """Raise LeaseLost where another worker has taken the judgment over: its end is that one's to write."""
        if self._lease is not None:
            await self._parts.journal.held(self._id, self._lease)
        self._is_held = True

    def _stamped(self, judgment: Judgment) -> Judgment:
        """With what holds of its recipe at this moment. It is remembered for nobody, nor taken over from a twin."""
        now = self._parts.stamp(self._request.recipe)
        if not now and CANARY_FLAG not in judgment.flags:
            return judgment
        flags = {name: value for name, value in judgment.flags.items() if name != CANARY_FLAG}
        return judgment.model_copy(update={"flags": {**flags, **now}})

    def _shape(self) -> Shape:
        """The request's shape, else its recipe's."""
        recipe = self._parts.recipes.get(self._request.recipe)
        asked = self._request.shape
        return asked if asked is not None else recipe.shape if recipe is not None else ()

    def _step_credit(self) -> StepCredit:
        """The request's step credit, else its recipe's."""
        recipe = self._parts.recipes.get(self._request.recipe)
        asked = self._request.step_credit
        return asked if asked is not None else recipe.step_credit if recipe is not None else ()

    async def called_off(self) -> Judgment:
        results = self._without_scores("cancelled", "the judgment was cancelled before it ended")
        judgment = self._judgment(results, (), {}).model_copy(
            update={"state": "cancelled", "seconds": round(self._elapsed, 3)}
        )
        event = AuditEvent("judgment.cancelled", self._id, self._tenant, None, *record.summary(judgment))
        await self._parts.log.append(event)
        return judgment

    async def _judged(self, resumed: bool, twin: Judgment | None) -> Judgment:
        try:
            context = await self._open(resumed)
            memory = self._memory(context)
            async with deadline_of(context.calls.budget, LOOK_UP_SECONDS):
                known = await memory.known(context.candidates)
            if twin is not None and not known.results:
                has_waited = time.time() - self._created >= context.calls.budget.seconds
                known = failed_with(twin, context.candidates, has_waited=has_waited)
            fresh = [one for one in context.candidates if one.id not in known.results]
            state = await self._state(context, fresh)
            async with deadline_of(context.calls.budget, LOOK_UP_SECONDS):
                await self._hold.end(self._parts.model, self._answering.info, context.calls.answered)
                await still_the_same(self._hold, self._answering.jury)
            judgment = await aside(context.request, self._finished, context, state, known)
            self._ending()
            self._kept, self._trail = memory, context.calls.trail()
            late = "deadline" in judgment.flags
            wanted = [] if late else [one.id for one in fresh]
            keeping = memory.keep(judgment, context.candidates, wanted, context.calls.answered)
            kept, _ = await asyncio.gather(
                _in_time(keeping, context.calls.budget),
                # Not by the deadline: what was judged in time must not be lost because the store is slow.
                self._require_lease(),
            )
        except JudgeError as error:
            return await self._failed(error.failure_kind, str(error), error)
        except Exception as error:  # noqa: BLE001 - rule 1: the judge's own failure is never a reward
            inner = innermost(error)
            kind = inner.failure_kind if isinstance(inner, JudgeError) else "internal"
            return await self._failed(kind, f"{type(inner).__name__}: {inner}", error)
        # What another judgment of the same had kept first holds for all.
        return self._finished(context, state, merged([known, kept])) if kept.results else judgment

    async def _state(self, context: JudgeContext, fresh: Sequence[CanonicalCandidate]) -> State:
        """What the graph finds of the candidates that nothing is remembered of."""
        if not fresh:
            return empty()
        if len(fresh) < len(context.candidates):
            context = replace(context, candidates=tuple(fresh))
        try:
            state = await self._parts.graph.ainvoke(empty(), context=context)
        finally:
            context.calls.over()
        return cast(State, state)

    def _memory(self, context: JudgeContext) -> Memory:
        together = context.recipe.joint
        shared, request, provenance = self._shared, self._request, self._provenance()
        assert self._budget is not None
        share = self._budget.share(context.candidates[0].id)
        jury = {name: juror.info for name, juror in self._answering.jury.items()}
        means = Means(self._answering.info, share.model_tokens, share.tool_calls, jury)
        return Memory(
            shared, self._tenant, self._id, request, context.task, provenance, means, together=together
        )

    async def _open(self, resumed: bool) -> JudgeContext:
        parts, request = self._parts, self._request
        # Their content is what judges; the name alone may come to mean another version.
        self._named, request = parts.principles.of(request), parts.principles.given(request)
        self._request = request
        recipe, candidates, task = await aside(request, parts.admissions.admitted, request)
        task = with_ui(task, recipe)
        self._budget = budget_of(request, recipe, candidates, self._elapsed)
        fields = {"recipe": recipe.name, "candidates": len(candidates), "resumed": resumed}
        type_: Any = "judgment.resumed" if resumed else "judgment.accepted"
        contents = {"request": request.model_dump(mode="json")}
        begun = AuditEvent(type_, self._id, self._tenant, None, fields, contents)
        async with deadline_of(self._budget, LOOK_UP_SECONDS):
            # Who holds its first lease knows that nothing is journalled yet.
            is_first = self._lease is not None and not resumed
            journalled = {} if is_first else await parts.journal.load(self._id)
            noted = parts.log.note(begun)
            answering = self._answering
            problem = await answering.identify(recipe, journalled, self._budget)
            if isinstance(problem, ModelError):
                failed = {"failure_kind": problem.failure_kind, "reason": str(problem)[:500]}
                await parts.log.append(AuditEvent("node.finished", self._id, self._tenant, "judge", failed))
            known = problem if isinstance(problem, ModelError) else answering.info
            calibration = self._calibration(recipe)
            await answering.identify_jury(recipe, journalled, self._budget)
            pin = pin_of(recipe, parts.prompts, parts.tools, known, calibration, jury_parts(answering.jury))
            await self._hold.begin(pin)
        self._calls = Calls(
            judgment_id=self._id,
            tenant=self._tenant,
            seed=request.seed,
            budget=self._budget,
            call_seconds=recipe.budget.call_seconds,
            model=parts.model if answering.info else None,
            model_info=answering.info,
            no_model=problem,
            journal=parts.journal,
            shared=self._shared,
            journalled=journalled,
            log=parts.log,
            tools=SharedTools(parts.tool_cache, self._tenant, self._id, request, task),
            progress=ToolProgress(parts.tell, self._id, self._tenant),
            lease=self._lease,
            jurors=answering.jury,
            identities=tuple(answering.entries),
            begun=noted,
        )
        return JudgeContext(
            request=request,
            task=task,
            recipe=recipe,
            candidates=candidates,
            dimensions=declared_dimensions(request, recipe),
            steps_wanted="steps" in (request.granularity or recipe.granularity) or recipe.steps.decide,
            tools=chosen_tools(request, recipe, parts.tools),
            calls=self._calls,
            prompts=parts.prompts,
            turns=parts.turns,
            tenant=self._tenant,
            calibration=self._calibration(recipe),
        )

    def _calibration(self, recipe: Recipe) -> Calibration | None:
        """The calibration of this recipe by the model that answers, once it is known which."""
        model = ModelKey.of(self._answering.info) if recipe.models else None
        return self._parts.calibrations.of(recipe.sha256, model)

    def _finished(self, context: JudgeContext, state: State, known: Known) -> Judgment:
        fresh = tuple(one for one in context.candidates if one.id not in known.results)
        source = known.source_of(context.candidates)
        found = {one.id: one for one in record.candidate_results(replace(context, candidates=fresh), state)}
        found |= known.results if source else known.marked
        thoughts = self._calls.thoughts.flags if self._calls else {}
        flags = {**state["flags"].get("", {}), **({"reasoning": thoughts} if thoughts else {})}
        if fresh and self._budget is not None and self._budget.remaining_seconds() <= 0:
            flags["deadline"] = {"seconds": self._budget.seconds}
        judgment = self._judgment(
            tuple(found[one.id] for one in context.candidates),
            record.all_evidence(record.evidence_of(state), known.evidence),
            {**flags, **(known.flags or {})},
        )
        return judgment.model_copy(update={"cached_from": source})

    async def _failed(self, kind: FailureKind, reason: str, error: BaseException) -> Judgment:
        """Every candidate unscored; the traceback goes to the log, not to the caller."""
        contents = {"traceback": "".join(traceback.format_exception(error))[-8000:]}
        event = AuditEvent(
            "node.finished",
            self._id,
            self._tenant,
            "judge",
            {"failure_kind": kind, "reason": reason},
            contents,
        )
        await self._parts.log.append(event)
        return self._judgment(self._without_scores(kind, reason[:500]), (), {})

    def _without_scores(self, kind: FailureKind, reason: str) -> tuple[CandidateResult, ...]:
        recipe = self._parts.recipes.get(self._request.recipe)
        dimensions = declared_dimensions(self._request, recipe) if recipe else ()
        ids = [candidate.id for candidate in self._request.candidates]
        return record.failed_results(ids, dimensions, kind, reason)

    def _judgment(
        self, results: tuple[CandidateResult, ...], evidence: tuple[Evidence, ...], flags: dict[str, Any]
    ) -> Judgment:
        return Judgment(
            id=self._id,
            state="done",
            created=self._created,
            seconds=round(self._budget.elapsed_seconds() if self._budget else 0.0, 3),
            metadata=self._request.metadata,
            candidates=results,
            ranking=record.ranking_of(results),
            preference=record.preference_of(results, flags),
            evidence=evidence,
            usage=self._calls.usage if self._calls else Usage(),
            provenance=self._provenance(),
            flags=flags,
        )

    def _provenance(self) -> Provenance:
        recipe = self._parts.recipes.get(self._request.recipe)
        if recipe is None:
            return Provenance(recipe=self._request.recipe)
        model = _named(self._answering.info)
        calibration = self._calibration(recipe)
        return Provenance(
            recipe=recipe.name,
            recipe_sha256=recipe.sha256,
            prompts={name: self._parts.prompts.load(name).sha256 for name in recipe.all_prompts},
            model=model,
            jury={name: _named(juror.info) for name, juror in self._answering.jury.items()},
            tools={
                tool.name: tool.version for tool in chosen_tools(self._request, recipe, self._parts.tools)
            },
            calibration=calibration.sha256 if calibration else None,
            principles=self._named.said if self._named else None,
            seed=self._request.seed,
            judge_agent=__version__,
        )


def _named(info: ModelInfo | None) -> dict[str, Any] | None:
    return {"id": info.id, "revision": info.revision, "backend": info.backend} if info else None


async def _in_time(work: Awaitable[T], budget: Budget) -> T:
    async with deadline_of(budget, LOOK_UP_SECONDS):
        return await work
