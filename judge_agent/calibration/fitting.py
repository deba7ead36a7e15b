"""Fits calibrations to labelled verdicts: isotonic regression (scikit-learn), judged by verdicts it has not seen."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from judge_agent.calibration.items import Item, Judge, one_of_each
from judge_agent.calibration.measures import Quality, Rated, quality
from judge_agent.calibration.table import Calibration, Kept, Knot, Measured, Source
from judge_agent.errors import InvalidRequest, JudgeError
from judge_agent.hashing import sha256_of
from judge_agent.version import __version__

MIN_ITEMS = 50
MIN_OF_EACH = 5
FOLDS = 5
# So many made-up verdicts of the mean share at each end: three right ones in a row are not yet certainty.
PRIOR = 2.0
HINT = "pip install 'judge-agent[calibrate]'"


def fitted(
    judge: Judge, items: Sequence[Item], *, file_sha256: str, judgments: int, left_out: int = 0
) -> Calibration:
    """Return the calibration of verdicts by one judge, with what cross-validation says of it.

    Raises InvalidRequest for fewer than MIN_ITEMS independent verdicts, or fewer than MIN_OF_EACH right or wrong ones;
    JudgeError where scikit-learn is missing.
    """
    independent = one_of_each(items)
    check_enough(independent)
    rated = [one.rated for one in items]
    before, after = quality(rated), quality(cross_validated(items))
    return Calibration(
        recipe=judge.recipe,
        recipe_sha256=judge.recipe_sha256,
        model=judge.model,
        created=time.time(),
        source=Source(
            file_sha256=file_sha256,
            judgments=judgments,
            items=len(items),
            right=sum(one.right for one in rated),
            left_out=left_out,
            judge_agent=__version__,
        ),
        measured=_measured(before, after),
        knots=knots(rated),
        counts=_counts([one.rated for one in independent]),
    )


def check_many(independent: int) -> None:
    """Raise InvalidRequest for fewer verdicts than a calibration needs."""
    if independent < MIN_ITEMS:
        raise InvalidRequest(
            "FILE",
            f"{independent} independent labelled verdicts by one recipe and model are too few; "
            f"a calibration needs {MIN_ITEMS} (one of each judgment counts)",
        )


def check_installed(what: str = "calibration") -> None:
    """Raise JudgeError, naming what needs it, where scikit-learn is missing."""
    try:
        import sklearn  # noqa: F401 - asked whether it is there
    except ModuleNotFoundError as error:
        raise JudgeError(f"{what} needs the package {error.name!r}; install it with: {HINT}") from error


def check_enough(independent: Sequence[Item]) -> None:
    """Raise InvalidRequest where there are too few verdicts to say anything of others."""
    right = sum(one.rated.right for one in independent)
    wrong = len(independent) - right
    check_many(len(independent))
    if min(right, wrong) < MIN_OF_EACH:
        raise InvalidRequest(
            "FILE",
            f"{right} right and {wrong} wrong verdicts cannot tell sure from unsure; {MIN_OF_EACH} of each are needed",
        )


def cross_validated(items: Sequence[Item], folds: int = FOLDS) -> list[Rated]:
    """Return each verdict with the confidence that the other folds give it; a group is never in two folds."""
    placed = [int(sha256_of(one.group)[:8], 16) % folds for one in items]
    found = []
    for fold in sorted(set(placed)):
        others = [one.rated for one, place in zip(items, placed, strict=True) if place != fold]
        predict = _isotonic(others or [one.rated for one in items])
        held_out = [one.rated for one, place in zip(items, placed, strict=True) if place == fold]
        calibrated = predict.predict([one.confidence for one in held_out])
        found += [Rated(float(value), one.right) for value, one in zip(calibrated, held_out, strict=True)]
    return found


def knots(rated: Sequence[Rated]) -> tuple[Knot, ...]:
    """Return where the fitted map bends, rising in both numbers."""
    model = _isotonic(rated)
    pairs: dict[float, float] = {}
    for raw, share in zip(model.X_thresholds_, model.y_thresholds_, strict=True):
        pairs[float(raw)] = min(1.0, max(0.0, float(share)))
    return tuple(Knot(raw=raw, calibrated=share) for raw, share in sorted(pairs.items()))


def _isotonic(rated: Sequence[Rated]) -> Any:
    """The rising step function nearest to the labels (Zadrozny and Elkan 2002), with a prior at both ends."""
    check_installed()
    from sklearn.isotonic import IsotonicRegression

    confidences = [one.confidence for one in rated]
    mean = sum(one.right for one in rated) / len(rated)
    x = [*confidences, min(confidences), max(confidences)]
    y = [*(float(one.right) for one in rated), mean, mean]
    weights = [*[1.0] * len(rated), PRIOR, PRIOR]
    model = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
    return model.fit(x, y, sample_weight=weights)


def _measured(before: Quality, after: Quality) -> Measured:
    return Measured(
        folds=FOLDS,
        ece_before=before.ece,
        ece_after=after.ece,
        brier_before=before.brier,
        brier_after=after.brier,
        aurc_before=before.aurc,
        aurc_after=after.aurc,
    )


def _counts(rated: Sequence[Rated]) -> tuple[Kept, ...]:
    judged = Counter(one.confidence for one in rated)
    wrong = Counter(one.confidence for one in rated if not one.right)
    return tuple(Kept(raw=raw, judged=judged[raw], wrong=wrong[raw]) for raw in sorted(judged))
