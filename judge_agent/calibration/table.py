"""A calibration: what is kept of labelled judgments by one recipe and one model, and applied to others by the same."""

from __future__ import annotations

from bisect import bisect_right
from typing import Annotated, Literal

from pydantic import Field, model_validator

from judge_agent.calibration.risk import DELTA, Count, Threshold, least_risk, threshold
from judge_agent.hashing import sha256_of
from judge_agent.schema.base import Envelope, Score
from judge_agent.seams.model import ModelInfo

Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Index = Annotated[int, Field(ge=0)]


class ModelKey(Envelope):
    """The model that judged: another revision is another judge."""

    id: str
    revision: str

    @classmethod
    def of(cls, info: ModelInfo | None) -> ModelKey | None:
        return None if info is None else cls(id=info.id, revision=info.revision)


class Source(Envelope):
    """Where a calibration is from: the hash of the file, what was read of it, and by which version of the judge."""

    file_sha256: Hash
    judgments: Index
    items: Index
    right: Index
    left_out: Index = 0
    judge_agent: str = ""


class Knot(Envelope):
    """At this raw confidence so many verdicts are right."""

    raw: Score
    calibrated: Score


class Kept(Envelope):
    """Of the labelled verdicts with this raw confidence, one a judgment: how many, and how many were wrong."""

    raw: Score
    judged: Index
    wrong: Index


class Measured(Envelope):
    """Calibration error, Brier score and area under the risk-coverage curve: raw, and calibrated by the other folds."""

    folds: int
    ece_before: float
    ece_after: float
    brier_before: float
    brier_after: float
    aurc_before: float
    aurc_after: float


class Calibration(Envelope):
    """Maps raw confidence to the share of right verdicts, for one recipe (by its hash) and one model.

    `knots` rise in both numbers, and between them it is a straight line. `version` counts within recipe and model,
    `parent` is the hash of the one before. `sha256` is of everything else. `model` is null where none is asked.
    """

    object: Literal["calibration"] = "calibration"
    version: Annotated[int, Field(ge=1)] = 1
    recipe: str
    recipe_sha256: Hash
    model: ModelKey | None = None
    method: Literal["isotonic"] = "isotonic"
    created: float
    source: Source
    measured: Measured
    knots: Annotated[tuple[Knot, ...], Field(min_length=1, max_length=10_000)]
    counts: Annotated[tuple[Kept, ...], Field(min_length=1, max_length=100_000)]
    parent: Hash | None = None
    sha256: str = ""

    @model_validator(mode="after")
    def _is_monotone(self) -> Calibration:
        for before, after in zip(self.knots, self.knots[1:], strict=False):
            if not (before.raw < after.raw and before.calibrated <= after.calibrated):
                raise ValueError(f"knots: raw={after.raw:g} after raw={before.raw:g} does not rise")
        if any(one.wrong > one.judged for one in self.counts):
            raise ValueError("counts: more are wrong than were judged")
        return self

    @property
    def content_sha256(self) -> str:
        return sha256_of(self.model_dump(mode="json", exclude={"sha256"}))

    def applied(self, raw: float) -> float:
        """The share of verdicts of this raw confidence that are right, in [0, 1]; outside of the knots their ends."""
        place = bisect_right([knot.raw for knot in self.knots], raw)
        if place == 0:
            return self.knots[0].calibrated
        if place == len(self.knots):
            return self.knots[-1].calibrated
        low, high = self.knots[place - 1], self.knots[place]
        share = (raw - low.raw) / (high.raw - low.raw)
        return min(high.calibrated, low.calibrated + share * (high.calibrated - low.calibrated))

    def threshold(self, max_risk: float, delta: float = DELTA) -> Threshold | None:
        """From which raw confidence on at most `max_risk` are wrong; None where these labels cannot show it."""
        return threshold(self._counts, max_risk, delta)

    @property
    def least_risk(self) -> float:
        """The smallest risk, in whole percents, that can be asked for."""
        return least_risk(self._counts)

    @property
    def _counts(self) -> list[Count]:
        return [Count(one.raw, one.judged, one.wrong) for one in self.counts]
