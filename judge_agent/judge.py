"""The judge: one request in, one judgment out. Owns nothing that outlives it but what it was given.

A failure of the judge is never a score: whatever goes wrong in here ends as `unscored` with its kind.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from judge_agent import graph
from judge_agent.admission import Admissions
from judge_agent.asked_risk import asked_risk, check_risk
from judge_agent.calibration import Calibrations
from judge_agent.calibration.table import ModelKey
from judge_agent.context import Turns
from judge_agent.errors import InvalidRequest, ModelError, StoreError, to_keep
from judge_agent.jury import check_seated, identified, jury_parts
from judge_agent.named_principles import NamedPrinciples
from judge_agent.pinning import INFO_SECONDS, Pin, RunHold, current_info, held, pin_of
from judge_agent.prompting import PromptLibrary
from judge_agent.recipes import load_recipes
from judge_agent.remembering import failed_by_deadline, flight_key, serves_others
from judge_agent.run import JudgeParts, Run
from judge_agent.schema import Group, Judgment, JudgmentRequest
from judge_agent.schema.shape import Shape
from judge_agent.seams.model import ChatModel, ModelInfo
from judge_agent.seams.pins import Pins
from judge_agent.seams.storage import AuditEvent, AuditLog, Journal, SharedResults
from judge_agent.seams.tool import Tool
from judge_agent.tool_cache import ToolCache
from judge_agent.tool_listing import listed
from judge_agent.tool_progress import Tell


class Judge:
    """Judges requests with one model, one set of tools and one library of prompts. Serves many at once."""

    def __init__(
        self,
        *,
        model: ChatModel | None,
        tools: Sequence[Tool],
        journal: Journal,
        shared: SharedResults,
        log: AuditLog,
        prompts: PromptLibrary | None = None,
        pins: Pins | None = None,
        stamp: Callable[[str], Mapping[str, Any]] = lambda _recipe: {},
        tool_cache: ToolCache | None = None,
        tell: Tell | None = None,
        calibrations: Calibrations | None = None,
        jury: Mapping[str, ChatModel] | None = None,
        principles: NamedPrinciples | None = None,
    ) -> None:
        """`pins` keeps what runs are pinned to; without it a request that names a pin is refused. `stamp` gives the
        flags of every judgment that ends by a recipe at this moment. Judgments share the results of tools in
        `tool_cache`. `tell` is called with what long calls of tools do, for who follows; it must not block.
        `calibrations` are applied to confidences, and decide who abstains. `jury` are the models that recipes may seat
        beside `model`, whose own name there is `own`. `principles` are the sets that requests may name."""
        library = prompts or PromptLibrary()
        recipes = load_recipes(library.folder)
        self._parts = JudgeParts(
            model=model,
            tools=tuple(tools),
            journal=journal,
            shared=shared,
            log=log,
            prompts=library,
            recipes=recipes,
            admissions=Admissions(recipes, tuple(tools)),
            graph=graph.build(),
            turns=Turns(),
            pins=pins,
            stamp=stamp,
            tool_cache=tool_cache,
            tell=tell,
            calibrations=calibrations or Calibrations(),
            jury={**({"own": model} if model is not None else {}), **(jury or {})},
            principles=principles or NamedPrinciples(),
        )

    def check(self, request: JudgmentRequest) -> None:
        """Raise InvalidRequest, naming the field, for what can never be judged; before anything is accepted."""
        self._parts.admissions.admitted(self._parts.principles.given(request))
        check_seated(self._parts.recipes[request.recipe], self._parts.jury)
        if self._parts.pins is None and request.run is not None and request.run.pin:
            raise InvalidRequest("run.pin", "cannot be kept here: this judge has no store of runs")
        check_risk(request, self._parts.recipes[request.recipe], self._parts.calibrations)

    async def check_calibrated(self, request: JudgmentRequest) -> None:
        """Raise InvalidRequest for a risk that is asked of a model which no calibration is of.

        Where the model does not say what it is, nothing is known yet, and the judgment will say so.
        """
        parts, recipe = self._parts, self._parts.recipes[request.recipe]
        if not recipe.models or parts.model is None or asked_risk(request, recipe) is None:
            return
        try:
            model = ModelKey.of(await parts.model.info())
        except ModelError:
            return
        check_risk(request, recipe, parts.calibrations, model)

    async def pin(self, recipe: str) -> Pin:
        """What judges by this recipe now; where the model does not say what it is, `problem` says why.

        Raises InvalidRequest for an unknown recipe.
        """
        return await self._pin(recipe, INFO_SECONDS)

    async def _pin(self, recipe: str, seconds: float) -> Pin:
        parts = self._parts
        found = parts.recipes.get(recipe)
        if found is None:
            raise InvalidRequest("recipe", f"{recipe!r} is unknown; there are {sorted(parts.recipes)}")
        model: ModelInfo | ModelError | None = None
        if found.models and parts.model is not None:
            try:
                model = await current_info(parts.model, seconds)
            except ModelError as error:
                model = to_keep(error)
        told = ModelKey.of(model) if isinstance(model, ModelInfo) else None
        calibration = parts.calibrations.of(found.sha256, told)
        jury = {name: await identified(parts.jury.get(name), name, anew=True) for name in found.jury}
        return pin_of(found, parts.prompts, parts.tools, model, calibration, jury_parts(jury))

    async def hold(
        self,
        request: JudgmentRequest,
        tenant: str,
        before_pinning: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Hold the request's run to its pin, before it is accepted. Raises PinDrift and StoreError.

        `before_pinning` is called before a run is pinned that was not; what it raises pins nothing.
        """
        hold = RunHold(self._parts.pins, tenant, request.run)
        if self._parts.pins is not None and request.run is not None and await hold.is_wanted():
            seconds = min(INFO_SECONDS, self.seconds_of(request) or INFO_SECONDS)
            pin = await self._pin(request.recipe, seconds)
            await held(self._parts.pins, tenant, request.run, pin, before_pinning)

    def seconds_of(self, request: JudgmentRequest) -> float:
        """The judgment's time: the request's, else its recipe's."""
        recipe = self._parts.recipes.get(request.recipe)
        return request.budget.seconds or (recipe.budget.seconds if recipe else 0.0)

    def serves_others(self, judgment: Judgment) -> bool:
        """Whether judgments of the same request that have waited for this end get it too."""
        return serves_others(judgment)

    def failed_by_deadline(self, judgment: Judgment) -> bool:
        """Whether judgments of the same request that have waited for as long as this one took get its failure."""
        return failed_by_deadline(judgment)

    def judges_together(self, request: JudgmentRequest) -> bool:
        """Whether a candidate's result hangs on its peers, so that none is judged before the others are there."""
        recipe = self._parts.recipes.get(request.recipe)
        return recipe is not None and recipe.joint

    def shape_of(self, request: JudgmentRequest) -> Shape:
        """How the rewards of a group are shaped: as the request says, else its recipe."""
        recipe = self._parts.recipes.get(request.recipe)
        asked = request.shape
        return asked if asked is not None else recipe.shape if recipe is not None else ()

    async def group_settled(self, group: Group, *, tenant: str, recipe: str) -> None:
        """Log the end of a group: facts, no contents. Raises StoreError."""
        told = group.model_dump(mode="json", exclude={"members", "your_index", "vector"})
        told["recipe"] = recipe
        fields = ("index", "judgment_id", "status", "failure_kind", "raw_reward", "reward")
        told["members"] = [one.model_dump(mode="json", include=set(fields)) for one in group.members]
        await self._parts.log.append(AuditEvent("group.settled", group.id, tenant, None, told))

    def recipes(self) -> list[dict[str, Any]]:
        """The recipes, as `GET /v1/recipes` lists them."""
        return [
            recipe.model_dump(mode="json", exclude={"fallback_principles"})
            for recipe in self._parts.recipes.values()
        ]

    @property
    def model(self) -> ChatModel | None:
        return self._parts.model

    @property
    def prompts(self) -> PromptLibrary:
        return self._parts.prompts

    @property
    def given_tools(self) -> tuple[Tool, ...]:
        return self._parts.tools

    def tools(self) -> list[dict[str, Any]]:
        """The tools, as `GET /v1/tools` lists them."""
        return [listed(tool) for tool in self._parts.tools]

    async def ready(self) -> dict[str, Any]:
        """Whether the model answers, and which one it is; `ok` is false when it does not."""
        if self._parts.model is None:
            return {"ok": True, "model": None}
        try:
            info = await self._parts.model.info()
        except ModelError as error:
            return {"ok": False, "model": None, "failure_kind": error.failure_kind, "reason": str(error)}
        told = {"ok": True, "model": info.id, "revision": info.revision, "backend": info.backend}
        window = {"context_window": info.context_window}
        return told | window | ({} if info.details.get("window_known", True) else {"window_assumed": True})

    async def judge(
        self,
        request: JudgmentRequest,
        *,
        judgment_id: str,
        tenant: str,
        created: float,
        elapsed_seconds: float = 0.0,
        resumed: bool = False,
        lease: int | None = None,
        twin: Judgment | None = None,
        ending: Callable[[], None] = lambda: None,
    ) -> Judgment:
        """Judge an accepted request. A failure is in the judgment; raises LeaseLost where another worker judges it.

        `elapsed_seconds` is what the judgment used before a restart. A resumed judgment runs the same
        graph against its journal and repeats only calls that were not journalled. `lease` is the fencing token of
        the worker that judges; None where no other can. `twin` is an ended judgment of the same request that this one
        has waited for: what the judge failed at there is not tried again. `ending` is called when what came of it is
        known and is about to be kept: from then on it must not be cancelled.
        """
        run = Run(self._parts, request, judgment_id, tenant, created, elapsed_seconds, lease, ending)
        return await run.run(resumed, twin)

    async def logged_end(
        self, request: JudgmentRequest, *, judgment_id: str, created: float
    ) -> Judgment | None:
        """The end of an accepted request that the log holds already: a crash came before it was kept elsewhere.

        None where there is none. Raises StoreError where there is one that cannot be read, or no log to look in.
        """
        logged = await self._parts.log.end(judgment_id, created)
        if logged is None:
            return None
        try:
            # The log keeps no secrets; what the caller sent along is the caller's.
            return Judgment.model_validate({**logged, "metadata": request.metadata})
        except ValidationError as error:
            raise StoreError(
                f"the log holds the end of judgment {judgment_id!r}, and it cannot be read any more"
            ) from error

    async def superseded(self, *, judgment_id: str, tenant: str, lease: int) -> None:
        """Note that an end which this worker wrote under `lease` does not count: another worker held the judgment.

        Raises StoreError.
        """
        event = AuditEvent("judgment.superseded", judgment_id, tenant, None, {"lease": lease})
        await self._parts.log.append(event)

    def flight_key(self, request: JudgmentRequest) -> str | None:
        """The same for requests that are judged once while the first is under way; None for those judged apart."""
        recipe = self._parts.recipes.get(request.recipe)
        return flight_key(request, together=recipe is not None and recipe.joint)

    async def cancelled(
        self,
        request: JudgmentRequest,
        *,
        judgment_id: str,
        tenant: str,
        created: float,
        elapsed_seconds: float = 0.0,
    ) -> Judgment:
        """The end of a judgment that its caller has called off: logged, every candidate unscored."""
        run = Run(self._parts, request, judgment_id, tenant, created, elapsed_seconds, None, lambda: None)
        return await run.called_off()
