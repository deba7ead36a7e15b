"""The models of a jury beside the judge's own: what they are, and what of them a pin holds.

One that cannot be asked costs its own samples; whether the rest is enough is the quorum's business.
"""

from __future__ import annotations

from collections.abc import Container, Mapping

from judge_agent.call_limits import model_boundary
from judge_agent.calls import Juror
from judge_agent.errors import InvalidRequest, ModelError
from judge_agent.pinning import INFO_SECONDS, RunHold, current_info, model_parts
from judge_agent.recipes import Recipe
from judge_agent.seams.model import AskedAnew, ChatModel


def check_seated(recipe: Recipe, models: Container[str]) -> None:
    """Raise InvalidRequest for a recipe whose jury names a model that this judge was not given."""
    missing = [name for name in recipe.jury if name not in models]
    if missing:
        raise InvalidRequest(
            "recipe",
            f"{recipe.name!r} has a jury of {list(recipe.jury)}, and {missing[0]!r} is not configured here: "
            "name it in the file of JUDGE_JURY",
        )


async def identified(model: ChatModel | None, name: str, *, anew: bool) -> Juror:
    """Ask a model of the jury what it is; a failure is in what is returned."""
    if model is None:
        return Juror(
            None, None, ModelError("model_unreachable", f"the jury's model {name!r} is not configured")
        )
    try:
        async with model_boundary():
            info = await (current_info(model, INFO_SECONDS) if anew else model.info())
    except ModelError as error:
        return Juror(model, None, error)
    return Juror(model, info)


def jury_parts(jury: Mapping[str, Juror]) -> dict[str, str | ModelError]:
    """The parts of a pin, or why a model could not say what it is."""
    parts: dict[str, str | ModelError] = {}
    for name, juror in jury.items():
        if juror.info is None:
            why = juror.problem
            parts[f"jury.{name}"] = (
                why if isinstance(why, ModelError) else ModelError("model_unreachable", why)
            )
            continue
        parts |= {
            f"jury.{name}.{part.removeprefix('model.')}": told
            for part, told in model_parts(juror.info).items()
        }
    return parts


async def still_the_same(hold: RunHold, jury: Mapping[str, Juror]) -> None:
    """Raise PinDrift where a run is held to its pin and a model of the jury is another one now."""
    if not hold.is_held:
        return
    for juror in jury.values():
        if juror.info is not None and isinstance(juror.model, AskedAnew):
            hold.require_same(juror.info, await current_info(juror.model))
