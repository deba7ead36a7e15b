"""Holds a trainer's run to what judges it: recipe, prompts, model, tools, and the judge's own version.

A run is pinned once; what differs from its pin is a drift, and no reward comes of it. A server that changes its weights
under the same name, place and window is not seen, unless its answers tell so (`system_fingerprint`).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from judge_agent.calibration import Calibration
from judge_agent.errors import ModelError, PinChange, PinDrift
from judge_agent.hashing import canonical_json, sha256_of
from judge_agent.prompting import PromptLibrary
from judge_agent.recipes import Recipe
from judge_agent.schema import SCHEMA_VERSION
from judge_agent.schema.request import RunSpec
from judge_agent.seams.model import AskedAnew, ChatModel, ModelInfo
from judge_agent.seams.pins import PinnedRun, Pins
from judge_agent.seams.tool import Tool
from judge_agent.version import __version__

INFO_SECONDS = 15.0
# Where a server listens says nothing of what it serves: a pin holds across services.
_NO_PART = frozenset(("base_url",))


@dataclass(frozen=True)
class Pin:
    """What judges, by part: `recipe`, `prompts.<name>`, `model.<fact>`, `tools.<name>` and so on, each as text.

    `problem` is why the model could not say what it is: then its parts are missing.
    """

    parts: Mapping[str, str]
    problem: ModelError | None = None

    @property
    def sha256(self) -> str:
        return sha256_of(dict(self.parts))


def pin_of(
    recipe: Recipe,
    prompts: PromptLibrary,
    tools: Sequence[Tool],
    model: ModelInfo | ModelError | None,
    calibration: Calibration | None = None,
    jury: Mapping[str, str | ModelError] | None = None,
) -> Pin:
    """Name all that a reward by this recipe depends on, beside the request. `model` None: the service runs without.

    `calibration` is the one of this recipe by this model: it decides who abstains. `jury` are the parts of the jury's
    models, or why one of them could not say what it is.
    """
    used = [tool for tool in tools if not recipe.tools or tool.name in recipe.tools]
    parts = {
        "recipe": recipe.name,
        "recipe_sha256": recipe.sha256,
        "judge_agent": __version__,
        "schema_version": SCHEMA_VERSION,
        **{f"prompts.{name}": prompts.load(name).sha256 for name in recipe.all_prompts},
        **{f"tools.{tool.name}": tool.version for tool in used},
        **({"model.calibration": calibration.sha256} if calibration else {}),
    }
    if not recipe.models:
        return Pin(parts)
    parts |= {name: told for name, told in (jury or {}).items() if isinstance(told, str)}
    problems = [told for told in (jury or {}).values() if isinstance(told, ModelError)]
    if problems and not isinstance(model, ModelError):
        return Pin(parts, problems[0])
    if isinstance(model, ModelError):
        return Pin(parts, model)
    return Pin(parts | (model_parts(model) if model else {"model.id": "none"}))


def model_parts(info: ModelInfo) -> dict[str, str]:
    """What tells this model from another one, and what it can do; both change what is judged."""
    facts = {"id": info.id, "revision": info.revision, "backend": info.backend}
    facts |= {"context_window": str(info.context_window)}
    details = {name: canonical_json(value) for name, value in info.details.items() if name not in _NO_PART}
    return {f"model.{name}": value for name, value in (details | facts).items()}


async def current_info(model: ChatModel, seconds: float = INFO_SECONDS) -> ModelInfo:
    """Ask a model what it is, anew where its server may have changed. Raises ModelError."""
    try:
        async with asyncio.timeout(seconds):
            return await (model.info_now() if isinstance(model, AskedAnew) else model.info())
    except TimeoutError as error:
        message = f"the model server did not say what it serves within {seconds:g} seconds"
        raise ModelError("model_timeout", message) from error


async def held(
    pins: Pins,
    tenant: str,
    spec: RunSpec,
    pin: Pin,
    before_pinning: Callable[[], Awaitable[None]] | None = None,
) -> bool:
    """Hold a run to its pin, and pin it where that is asked for; false for a run that no pin holds.

    `before_pinning` may raise: then nothing is pinned.
    A pin without its model's parts fixes nothing; the parts that it has are compared. Raises PinDrift and StoreError.
    """
    if spec.pin is False:
        return False
    run = await pins.get(tenant, spec.id)
    kept = _kept(run)
    if isinstance(spec.pin, str) and kept is None and pin.problem is None and spec.pin != pin.sha256:
        # Of a pin that was made elsewhere the hash is all that is known.
        raise PinDrift(spec.id, (PinChange("pin", spec.pin, pin.sha256),))
    if spec.pin and kept is None and pin.problem is None:
        if before_pinning is not None:
            await before_pinning()
        kept = _kept(await pins.pin(tenant, spec.id, pin.sha256, canonical_json(dict(pin.parts))))
    if kept is None:
        return bool(spec.pin)
    if changes := _changes(kept, pin):
        raise PinDrift(spec.id, changes)
    if isinstance(spec.pin, str) and spec.pin != sha256_of(kept):
        raise PinDrift(spec.id, (PinChange("pin", spec.pin, sha256_of(kept)),))
    return True


class RunHold:
    """Holds one judgment to the pin of its run, from its first call to its end.

    `server` is who has answered first in a run that `is_held`, and so who must answer for all of it.
    """

    def __init__(self, pins: Pins | None, tenant: str, spec: RunSpec | None) -> None:
        self._pins = pins
        self._tenant = tenant
        self._spec = spec
        self.is_held = False
        self.server: str | None = None

    async def is_wanted(self) -> bool:
        """Whether the judgment is held to a pin, so that the model is to be asked anew what it is."""
        if self._pins is None or self._spec is None or self._spec.pin is False:
            return False
        return bool(self._spec.pin) or _kept(await self._pins.get(self._tenant, self._spec.id)) is not None

    async def begin(self, pin: Pin) -> None:
        """Raise PinDrift where something else judges; and ModelError where the model does not say what it is."""
        if self._pins is None or self._spec is None:
            return
        self.is_held = await held(self._pins, self._tenant, self._spec, pin)
        if not self.is_held:
            return
        run = await self._pins.get(self._tenant, self._spec.id)
        self.server = run.answered if run is not None else None
        if pin.problem is not None:
            message = f"run {self._spec.id!r} is pinned, and the model does not say what it is: {pin.problem}"
            raise ModelError(pin.problem.failure_kind, message)

    async def end(self, model: ChatModel | None, info: ModelInfo | None, answered: Collection[str]) -> None:
        """Raise PinDrift where the model is another one now, or where another one has answered in this run."""
        if not self.is_held or self._pins is None or self._spec is None or not answered:
            return
        if info is not None and isinstance(model, AskedAnew):
            self.require_same(info, await current_info(model))
        for by in sorted(answered):
            first = await self._pins.answered(self._tenant, self._spec.id, by)
            if first != by:
                raise PinDrift(self._spec.id, (PinChange("model.answered_by", first, by),))
            self.server = first

    def require_same(self, before: ModelInfo, now: ModelInfo) -> None:
        """Raise PinDrift where a model that was asked is another one now."""
        if self._spec is not None and (changes := _changes(model_parts(before), Pin(model_parts(now)))):
            raise PinDrift(self._spec.id, changes)


def _kept(run: PinnedRun | None) -> dict[str, str] | None:
    return None if run is None or run.pin is None else dict(json.loads(run.pin))


def _changes(kept: Mapping[str, str], pin: Pin) -> tuple[PinChange, ...]:
    found = sorted({*kept, *pin.parts}, key=lambda name: (not name.startswith("recipe"), name))
    names = [name for name in found if pin.problem is None or not name.startswith("model.")]
    return tuple(
        PinChange(name, kept.get(name), pin.parts.get(name))
        for name in names
        if kept.get(name) != pin.parts.get(name)
    )
