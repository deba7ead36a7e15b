"""Calibrations without a fit, and labelled verdicts of a known kind."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from judge_agent.calibration import Calibration
from judge_agent.calibration.items import Item, Judge
from judge_agent.calibration.measures import Rated
from judge_agent.calibration.table import Kept, Knot, Measured, ModelKey, Source

SHA = "a" * 64
MODEL = ModelKey(id="scripted", revision="1")
JUDGE = Judge("sampled", SHA, MODEL)
_SOURCE = Source(file_sha256=SHA, judgments=100, items=100, right=80)
_MEASURED = Measured(
    folds=5, ece_before=0.2, ece_after=0.1, brier_before=0.2, brier_after=0.1, aurc_before=0.2, aurc_after=0.1
)


def calibration(
    knots: Sequence[tuple[float, float]] = ((0.0, 0.3), (1.0, 0.9)),
    counts: Sequence[tuple[float, int, int]] = ((0.0, 100, 70), (1.0, 100, 0)),
    recipe_sha256: str = SHA,
    model: ModelKey | None = MODEL,
    version: int = 1,
) -> Calibration:
    made = Calibration(
        version=version,
        recipe="sampled",
        recipe_sha256=recipe_sha256,
        model=model,
        created=0.0,
        source=_SOURCE,
        measured=_MEASURED,
        knots=tuple(Knot(raw=raw, calibrated=value) for raw, value in knots),
        counts=tuple(Kept(raw=raw, judged=judged, wrong=wrong) for raw, judged, wrong in counts),
    )
    return made.model_copy(update={"sha256": made.content_sha256})


def overconfident(count: int, seed: int = 0) -> list[Item]:
    """Verdicts that are right less often than they say: at confidence c with probability c squared."""
    drawn = random.Random(seed)
    found = []
    for place in range(count):
        sure = round(drawn.random(), 2)
        found.append(Item(JUDGE, f"j{place}", Rated(sure, drawn.random() < sure * sure)))
    return found


@pytest.fixture
def sklearn():
    return pytest.importorskip("sklearn", reason="no scikit-learn: pip install 'judge-agent[calibrate]'")
