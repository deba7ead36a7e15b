"""The menus that verdicts are chosen from, and where each choice stands in [0, 1]."""

from __future__ import annotations

from judge_agent.schema import Scale

CANNOT_ASSESS = "cannot_assess"
STEP_SCORES: dict[str, float] = {"bad": 0.0, "neutral": 0.5, "good": 1.0}
_MENUS: dict[Scale, tuple[str, ...]] = {
    "pass_fail": ("fail", "pass"),
    "1-5": tuple(str(number) for number in range(1, 6)),
    "1-10": tuple(str(number) for number in range(1, 11)),
}


def menu(scale: Scale) -> tuple[str, ...]:
    """The choices of a scale from worst to best."""
    return _MENUS[scale]


def score_of(choice: str, scale: Scale) -> float:
    """A choice's place on its scale, in [0, 1]."""
    places = _MENUS[scale]
    return places.index(choice) / (len(places) - 1)
