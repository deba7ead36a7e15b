"""The models that answer one judgment: the judge's own and those of its jury."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from judge_agent.budget import Budget
from judge_agent.call_limits import deadline_of, model_boundary
from judge_agent.calls import Juror
from judge_agent.errors import ModelError
from judge_agent.jury import identified
from judge_agent.pinning import RunHold, current_info
from judge_agent.recipes import Recipe
from judge_agent.seams.model import ChatModel, ModelInfo
from judge_agent.seams.storage import JournalEntry

_INFO = "model_info"


class Answering:
    """What is known of them, once they are identified: asked once, so that a resumed judgment keeps its keys.

    `entries` are what a journal does not hold of it yet.
    """

    def __init__(self, model: ChatModel | None, jury: Mapping[str, ChatModel], hold: RunHold) -> None:
        self.info: ModelInfo | None = None
        self.jury: dict[str, Juror] = {}
        self.entries: list[JournalEntry] = []
        self._model = model
        self._jury = jury
        self._hold = hold

    async def identify(
        self, recipe: Recipe, journalled: Mapping[str, JournalEntry], budget: Budget
    ) -> ModelError | str:
        """Learn which model is the judge's own. Returns why none is, as far as one was wanted: else an empty text."""
        if not recipe.models:
            return "the recipe asks no model"
        if self._model is None:
            return "the service runs without a model; the recipe 'verify' needs none"
        if _INFO in journalled:
            self.info = ModelInfo(**journalled[_INFO].result)
            return ""
        try:
            async with deadline_of(budget), model_boundary():
                is_held = await self._hold.is_wanted()
                self.info = await (current_info(self._model) if is_held else self._model.info())
        except ModelError as error:
            return error
        self.entries.append(_entry(_INFO, self.info, budget))
        return ""

    async def identify_jury(
        self, recipe: Recipe, journalled: Mapping[str, JournalEntry], budget: Budget
    ) -> None:
        """Learn which models the jury is of."""
        for name in recipe.jury:
            key, model = f"{_INFO}/{name}", self._jury.get(name)
            if key in journalled:
                self.jury[name] = Juror(model, ModelInfo(**journalled[key].result))
                continue
            async with deadline_of(budget):
                self.jury[name] = await identified(model, name, anew=await self._hold.is_wanted())
            if (found := self.jury[name].info) is not None:
                self.entries.append(_entry(key, found, budget))


def _entry(key: str, info: ModelInfo, budget: Budget) -> JournalEntry:
    return JournalEntry(key, "judge", "model", asdict(info), budget.elapsed_seconds())
