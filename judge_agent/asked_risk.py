"""The risk that a request, or its recipe, asks for, held to what calibrations can show."""

from __future__ import annotations

from judge_agent.calibration import Calibrations
from judge_agent.calibration.table import ModelKey
from judge_agent.errors import InvalidRequest
from judge_agent.recipes import Recipe
from judge_agent.schema import JudgmentRequest


def asked_risk(request: JudgmentRequest, recipe: Recipe) -> float | None:
    """How many verdicts may be wrong of those that are given: the request's, else the recipe's; None, as 1: all."""
    wanted = recipe.max_risk if request.max_risk is None else request.max_risk
    return None if wanted == 1 else wanted


def check_risk(
    request: JudgmentRequest, recipe: Recipe, calibrations: Calibrations, model: ModelKey | None = None
) -> None:
    """Hold the risk to what a calibration of this recipe can show, by any model where it is not told by which.

    Raises InvalidRequest: a promise that nothing backs would be worse than none.
    """
    wanted = asked_risk(request, recipe)
    if wanted is None:
        return
    found = [one for one in calibrations.of_recipe(recipe.sha256) if model in (None, one.model)]
    if not found:
        by = f" by model {model.id!r} of revision {model.revision!r}" if model else ""
        raise InvalidRequest(
            "max_risk",
            f"{wanted:g} needs a calibration of recipe {recipe.name!r} as it is now{by}, and there is none: make one "
            "with `judge-agent calibrate FILE` and name its folder in JUDGE_CALIBRATIONS_DIR, or leave max_risk out",
        )
    if all(one.threshold(wanted) is None for one in found):
        least = min(one.least_risk for one in found)
        raise InvalidRequest(
            "max_risk",
            f"{wanted:g} is less than the calibration of recipe {recipe.name!r} can show; ask for {least:g} or more, "
            "or calibrate with more labelled judgments",
        )
