"""The numbers of a run, held to what plain Python makes of the same points. Both stores."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from api.runs import report, sums
from api.runs.alarms import Thresholds, alarms_in
from api.runs.numbers import Numbers
from api.runs.report import ToldStep, flat, numbers_of
from judge_agent.store import Store
from judge_agent.store.runs import Point, Walked
from tests.runs.made_points import keep, made, without_nan
from tests.store.conftest import database_url as database_url
from tests.store.conftest import place as place
from tests.store.conftest import postgres as postgres
from tests.store.conftest import store as store

pytestmark = pytest.mark.anyio


def placed(points: Sequence[Point], step: int = 0) -> list[Walked]:
    rows = [
        Walked(**{"step": step, "sequence": n} | {f: v for f, v in vars(p).items() if f in Walked._fields})
        for n, p in enumerate(points)
    ]
    return sorted(rows)


def told(rows: Sequence[Walked], page: int = 10_000) -> dict:
    numbers = Numbers()
    for start in range(0, len(rows), page):
        numbers.add(rows[start : start + page])
    return report.finite(numbers.told())


def pooled(points: Sequence[Point], *fields: str) -> tuple[float, int, int, int]:
    """Pooled variance within groups, its freedom, how many groups of several there are, and how many are flat."""
    groups = defaultdict(list)
    for point in points:
        if point.reward is not None:
            groups[tuple(getattr(point, field) for field in fields)].append(point.reward)
    several = [one for one in groups.values() if len(one) > 1]
    squares = sum(statistics.variance(one) * (len(one) - 1) for one in several)
    freedom = sum(len(one) - 1 for one in several)
    return squares / freedom, freedom, len(several), sum(len(set(one)) == 1 for one in several)


def spearman(x: Sequence[float], y: Sequence[float]) -> float:
    def ranks(values: Sequence[float]) -> list[float]:
        return [
            sum(other < one for other in values) + sum(other == one for other in values) / 2 for one in values
        ]

    return statistics.correlation(ranks(x), ranks(y))


async def test_every_number_is_what_plain_python_makes_of_the_points_however_they_are_paged(
    store: Store,
) -> None:
    points = list(made(7, 403))
    for start in range(0, len(points), 50):
        await keep(store, points[start : start + 50], 3, name=str(start))
    found = await numbers_of(store.runs, "ada", "r", page=17)
    rewards = [point.reward for point in points if point.reward is not None]
    lengths = [point.length for point in points if point.reward is not None]
    assert found["points"] == 403
    assert found["unscored_share"] == sum(p.status == "unscored" for p in points) / 403
    assert found["no_reward_share"] == pytest.approx(1 - len(rewards) / 403)
    assert found["failures"]["deadline"]["count"] == sum(p.failure_kind == "deadline" for p in points)
    reward = found["reward"]
    assert reward["mean"] == pytest.approx(statistics.fmean(rewards))
    assert reward["std"] == pytest.approx(statistics.stdev(rewards))
    assert [reward[name] for name in ("p05", "p25", "p50", "p75", "p95")] == pytest.approx(
        list(np.quantile(rewards, [0.05, 0.25, 0.5, 0.75, 0.95]))
    )
    assert reward["at_0_share"] == pytest.approx(sum(one == 0 for one in rewards) / len(rewards))
    assert reward["at_1_share"] == pytest.approx(sum(one == 1 for one in rewards) / len(rewards))
    scores = [point.score for point in points if point.score is not None]
    assert found["dimensions"]["correctness"]["mean"] == pytest.approx(statistics.fmean(scores))
    assert found["dimensions"]["correctness"]["p50"] == pytest.approx(statistics.median(scores))
    assert found["dimensions"]["tool_use"]["mean"] is None
    assert found["length"]["pearson"] == pytest.approx(statistics.correlation(rewards, lengths))
    assert found["length"]["spearman"] == pytest.approx(spearman(rewards, lengths))
    variance, _, groups, flat_ones = pooled(points, "task_key")
    assert found["groups"]["count"] == groups
    assert found["groups"]["std"] == pytest.approx(math.sqrt(variance))
    assert found["groups"]["zero_signal_share"] == pytest.approx(flat_ones / groups)
    fresh = [point for point in points if not point.is_cached]
    noise, freedom, _, _ = pooled(fresh, "task_key", "content_key")
    assert found["noise"]["repeats"] == freedom
    assert found["noise"]["repeats_std"] == pytest.approx(math.sqrt(noise))
    assert found["noise"]["samples_std"] == pytest.approx(
        math.sqrt(statistics.fmean(p.noise for p in points if p.noise is not None))
    )
    larger = max(noise, statistics.fmean(p.noise for p in points if p.noise is not None))
    assert found["signal_to_noise"] == pytest.approx(math.sqrt(max(0, variance - larger) / larger))
    assert (
        found["hack_share"] == sum("injection" in p.flags or "content_free" in p.flags for p in points) / 403
    )
    assert found["flags"]["unread_calls"] == sum(p.flags == "unread_calls" for p in points)
    assert found["cached_share"] == sum(p.is_cached for p in points) / 403
    assert found["disagreement"] == {"compared": sum(p.compared for p in points), "share": 0.0}
    assert found["seconds"]["p99"] == pytest.approx(np.quantile([p.seconds for p in points], 0.99))
    assert found["tokens"]["total"] == sum(p.tokens for p in points)
    without_nan(found)


def test_a_walk_by_single_points_tells_the_same_as_one_at_once() -> None:
    rows = placed(list(made(1, 200, group=37)))
    one, many = told(rows), told(rows, page=1)
    assert many["groups"]["std"] == pytest.approx(one["groups"]["std"])
    assert many["groups"]["count"] == one["groups"]["count"] == 6
    assert many["noise"]["repeats_std"] == pytest.approx(one["noise"]["repeats_std"])
    assert many["length"]["pearson"] == pytest.approx(one["length"]["pearson"])
    assert many["reward"] == pytest.approx(one["reward"])


def test_candidates_without_a_reward_are_in_no_group() -> None:
    point = next(made(0, 1))
    good = [
        replace(point, reward=reward, status="scored", is_cached=False, rollout=at)
        for at, reward in enumerate((0.2, 0.4))
    ]
    failed = replace(point, reward=None, score=None, status="unscored", failure_kind="deadline")
    found = told(placed([*good, failed, replace(failed, task_key=9), replace(good[0], task_key=10)]))
    assert found["groups"] == {
        "count": 1,
        "single": 1,
        "size_mean": 2.0,
        "std": pytest.approx(statistics.stdev([0.2, 0.4])),
        "zero_signal_share": 0.0,
    }
    assert found["reward"]["n"] == 3


def test_nothing_that_cannot_be_said_is_a_number() -> None:
    point = next(made(0, 1))
    failed = replace(point, reward=None, score=None, confidence=None, noise=None, seconds=None, tokens=None)
    vector = '{"correctness":null}'
    for points in ([], [replace(failed, vector=vector)], [replace(point, reward=1e308, score=None)] * 12):
        found = told(placed(points))
        text = without_nan(found)
        assert "NaN" not in text
        assert found["signal_to_noise"] is None
        assert found["length"]["pearson"] is None
        numbers = flat(ToldStep(4, found, alarms_in(found, None, Thresholds())))
        assert all(isinstance(one, float) and math.isfinite(one) for one in numbers.values())


def test_correlations_of_nine_points_are_not_told_and_of_ten_are() -> None:
    points = [replace(p, reward=0.01 * n, length=n) for n, p in enumerate(made(0, 10))]
    assert told(placed(points[:9]))["length"]["pearson"] is None
    assert told(placed(points[:9]))["length"]["spearman"] is None
    assert told(placed(points))["length"]["pearson"] == pytest.approx(1.0)
    assert told(placed(points))["length"]["spearman"] == pytest.approx(1.0)


def test_past_the_sample_sums_stay_exact_and_quantiles_come_near() -> None:
    draw = np.random.default_rng(5)
    values, numbers = draw.random(300_000), np.arange(300_000, dtype=np.int64)
    sample, moments = sums.Sample(), sums.Moments()
    for part in range(0, len(values), 10_000):
        sample.add(numbers[part : part + 10_000], {"reward": values[part : part + 10_000]})
        moments.add(values[part : part + 10_000])
    assert len(sample.column("reward")) == sums.SAMPLE
    assert sample.quantiles("reward")["p95"] == pytest.approx(0.95, abs=0.005)
    assert moments.mean == pytest.approx(values.mean(), abs=1e-12)
    assert moments.std == pytest.approx(values.std(ddof=1), abs=1e-12)


def test_alarms_go_off_past_their_thresholds_and_not_on_too_little() -> None:
    points = [
        replace(p, reward=0.5, status="scored", flags="injection", compared=1, disagreed=1, length=n)
        for n, p in enumerate(made(3, 40))
    ]
    failed = [replace(one, reward=None, status="unscored", failure_kind="deadline") for one in points[:20]]
    found = told(placed([*failed, *points[20:]]))
    names = [alarm.name for alarm in alarms_in(found, 0.1, Thresholds())]
    assert names == ["unscored_share", "hack_share", "disagreement_share", "zero_signal_share", "reward_jump"]
    off = Thresholds(**dict.fromkeys(names))
    assert alarms_in(found, 0.1, off) == ()
    assert alarms_in(told(placed([*failed[:2], *points[20:23]])), 0.1, Thresholds()) == ()
    by_length = [replace(one, reward=0.01 * one.length) for one in points]
    assert [one.name for one in alarms_in(told(placed(by_length)), None, Thresholds(hack_share=None))] == [
        "length_correlation",
        "disagreement_share",
    ]
