"""What `GET /v1/runs/{id}` answers, field by field, as the API page tells it. Null: it cannot be said."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from api.runs.alarms import Thresholds

Maybe = float | None


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Counted(_Told):
    count: int
    share: Maybe


class Spread(_Told):
    """Of numbers: how many, their mean, sample standard deviation and ends."""

    n: int
    mean: Maybe
    std: Maybe
    min: Maybe
    max: Maybe


class Quantiles(Spread):
    p05: Maybe
    p25: Maybe
    p50: Maybe
    p75: Maybe
    p95: Maybe


class Rewards(Quantiles):
    """Raw rewards, before any shape; shares of those at 0 or below, and at 1 or above."""

    at_0_share: Maybe
    at_1_share: Maybe


class Lengths(Spread):
    """What the policy wrote, in characters, and how it goes together with the reward."""

    pearson: Maybe
    spearman: Maybe


class Groups(_Told):
    """Rollouts of one task: groups of several, those of one, the pooled spread, the share without any."""

    count: int
    single: int
    size_mean: Maybe
    std: Maybe
    zero_signal_share: Maybe


class Noise(_Told):
    """As standard deviations: of the samples of single judgments, and of judging the same with other seeds.

    `repeats` are the degrees of freedom; `reason` says why neither can be told.
    """

    sampled: int
    samples_std: Maybe
    repeats: int
    repeats_std: Maybe
    reason: str | None


class Disagreement(_Told):
    compared: int
    share: Maybe


class Seconds(_Told):
    p50: Maybe
    p99: Maybe


class Tokens(_Told):
    total: int
    per_judgment: Maybe


class RunNumbers(_Told):
    """The numbers of a step or of the whole run. `points` are judged rollouts; `reposts` are counted nowhere else."""

    points: int
    reposts: int
    judgments: int
    statuses: dict[str, int]
    unscored_share: Maybe
    no_reward_share: Maybe
    failures: dict[str, Counted]
    reward: Rewards
    dimensions: dict[str, Quantiles]
    dimensions_not_shown: int
    confidence_mean: Maybe
    length: Lengths
    groups: Groups
    noise: Noise
    signal_to_noise: Maybe
    hack_share: Maybe
    flags: dict[str, int]
    disagreement: Disagreement
    cached_share: Maybe
    seconds: Seconds
    tokens: Tokens
    quantiles_of: int


class StepNumbers(RunNumbers):
    """`step` is null for judgments that named none."""

    step: int | None


class RunAlarm(_Told):
    """A threshold that a step passes; `since` in Unix seconds. The value is of so many `steps`, this one the last."""

    step: int | None
    name: str
    value: float
    limit: float
    steps: int
    since: float


class RunPin(_Told):
    sha256: str
    since: Maybe
    parts: dict[str, str]


class RunAnswer(_Told):
    """A run: its pin, thresholds and alarms, its steps in rising order, and the whole unless `overall=no`."""

    object: str
    id: str
    created: float
    pin: RunPin | None
    answered_by: str | None
    thresholds: Thresholds
    alarms: list[RunAlarm]
    steps: list[StepNumbers]
    next_from_step: int | None
    earlier_steps: bool
    overall: RunNumbers | None = None
