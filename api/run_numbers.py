"""The numbers of one step of a run, or of the whole: fed with points in the order of the walk, told as JSON.

What cannot be said (a mean of nothing, a correlation of nine points, a ratio to no noise) is null, never NaN. A
candidate without a reward is left out of every number of rewards and groups.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from api.run_sums import SAMPLE, Floats, Ints, Moments, Sample, Segments, Together
from judge_agent.run_points import HACK_FLAGS
from judge_agent.store.runs import Placed

# Requests may name dimensions of their own; past so many different ones the others are only counted.
MAX_DIMENSIONS = 64
MAX_FLAG_NAMES = 64
_VECTORS_KNOWN = 4096


class Numbers:
    """Sums over points. `add` takes them in the order of the walk, `told` says what they come to."""

    def __init__(self) -> None:
        self._points = 0
        self._statuses, self._failures = Counter[str](), Counter[str]()
        self._flags, self._hacked, self._cached = Counter[str](), 0, 0
        self._reward, self._confidence, self._length = Moments(), Moments(), Moments()
        self._dimensions: dict[str, Moments] = {}
        self._not_shown = set[str]()
        self._at_low = self._at_high = 0
        self._by_length = Together()
        self._groups, self._repeats = Segments(), Segments()
        self._noise = Moments()
        self._compared = self._disagreed = 0
        self._judgments = self._tokens = 0
        self._sample = Sample()
        self._vectors: dict[str, dict[str, float | None]] = {}

    def add(self, rows: Sequence[Placed]) -> None:
        """Take points that follow those taken before."""
        if rows:
            # Sums of huge rewards may overflow; what comes of that is told as null.
            with np.errstate(over="ignore", invalid="ignore"):
                self._add(rows)

    def _add(self, rows: Sequence[Placed]) -> None:
        points = [row.point for row in rows]
        self._count(rows)
        reward = _column([one.reward for one in points])
        length = np.array([one.length for one in points], np.float64)
        seconds = _column([one.seconds for one in points])
        self._reward.add(reward)
        self._length.add(length)
        self._confidence.add(_column([one.confidence for one in points]))
        self._noise.add(_column([one.noise for one in points]))
        self._at_low += int((reward <= 0.0).sum())
        self._at_high += int((reward >= 1.0).sum())
        self._by_length.add(reward, length)
        self._segments(rows, reward)
        vectors = self._dimensional([one.vector for one in points])
        for name, values in vectors.items():
            self._dimensions.setdefault(name, Moments()).add(values)
        numbers = np.array([row.sequence for row in rows], np.int64)
        named = {f"dimension/{name}": values for name, values in vectors.items()}
        self._sample.add(numbers, {"reward": reward, "length": length, "seconds": seconds, **named})

    @property
    def points(self) -> int:
        return self._points

    def told(self) -> dict[str, Any]:
        """All numbers, as the answer has them; one that has overflowed is not finite."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self._told()

    def _told(self) -> dict[str, Any]:
        self._groups.close()
        self._repeats.close()
        return {
            "points": self._points,
            "judgments": self._judgments,
            "statuses": dict(self._statuses),
            "unscored_share": self._share(self._statuses["unscored"]),
            "no_reward_share": self._share(self._points - self._reward.n),
            "failures": {
                kind: {"count": count, "share": self._share(count)} for kind, count in self._failures.items()
            },
            "reward": self._rewards(),
            "dimensions": {
                name: found.told() | self._sample.quantiles(f"dimension/{name}")
                for name, found in sorted(self._dimensions.items())
            },
            "dimensions_not_shown": len(self._not_shown),
            "confidence_mean": self._confidence.mean if self._confidence.n else None,
            "length": self._lengths(),
            "groups": self._grouped(),
            "noise": self._noises(),
            "signal_to_noise": self._signal_to_noise(),
            "hack_share": self._share(self._hacked),
            "flags": dict(sorted(self._flags.items())),
            "disagreement": {
                "compared": self._compared,
                "share": self._disagreed / self._compared if self._compared else None,
            },
            "cached_share": self._share(self._cached),
            "seconds": {
                "p50": self._sample.quantile("seconds", 0.5),
                "p99": self._sample.quantile("seconds", 0.99),
            },
            "tokens": {
                "total": self._tokens,
                "per_judgment": self._tokens / self._judgments if self._judgments else None,
            },
            "quantiles_of": min(self._points, SAMPLE),
        }

    def _count(self, rows: Sequence[Placed]) -> None:
        for row in rows:
            point = row.point
            self._statuses[point.status] += 1
            if point.failure_kind is not None:
                self._failures[point.failure_kind] += 1
            self._cached += point.is_cached
            self._compared += point.compared
            self._disagreed += point.disagreed
            if point.seconds is not None:
                self._judgments += 1
                self._tokens += point.tokens or 0
            if point.flags:
                self._flag(point.flags.split(","))
        self._points += len(rows)

    def _flag(self, names: Sequence[str]) -> None:
        self._hacked += any(name in HACK_FLAGS for name in names)
        for name in names:
            if name in self._flags or len(self._flags) < MAX_FLAG_NAMES:
                self._flags[name] += 1

    def _segments(self, rows: Sequence[Placed], reward: Floats) -> None:
        has_reward = ~np.isnan(reward)
        keys = np.array([(row.step, row.point.task_key, row.point.content_key) for row in rows], np.int64)
        grouped: Ints = keys[has_reward]
        self._groups.add([grouped[:, 0], grouped[:, 1]], reward[has_reward])
        # What was remembered repeats itself: it says nothing of how a judge varies.
        is_fresh = has_reward & np.array([not row.point.is_cached for row in rows])
        fresh: Ints = keys[is_fresh]
        self._repeats.add([fresh[:, 0], fresh[:, 1], fresh[:, 2]], reward[is_fresh])

    def _dimensional(self, vectors: Sequence[str]) -> dict[str, Floats]:
        read = [self._read(vector) for vector in vectors]
        names = {name for vector in {id(one): one for one in read}.values() for name in vector}
        known = sorted(names & self._dimensions.keys())
        new = sorted(names - self._dimensions.keys())
        room = max(0, MAX_DIMENSIONS - len(self._dimensions))
        if len(self._not_shown) < MAX_DIMENSIONS:
            self._not_shown.update(new[room:])
        return {name: _column([vector.get(name) for vector in read]) for name in [*known, *new[:room]]}

    def _read(self, vector: str) -> dict[str, float | None]:
        found = self._vectors.get(vector)
        if found is None:
            found = json.loads(vector)
            if len(self._vectors) < _VECTORS_KNOWN:
                self._vectors[vector] = found
        return found

    def _share(self, count: int) -> float | None:
        return count / self._points if self._points else None

    def _rewards(self) -> dict[str, Any]:
        n = self._reward.n
        shares = {
            "at_0_share": self._at_low / n if n else None,
            "at_1_share": self._at_high / n if n else None,
        }
        return self._reward.told() | self._sample.quantiles("reward") | shares

    def _lengths(self) -> dict[str, Any]:
        return self._length.told() | {
            "pearson": self._by_length.correlation,
            "spearman": self._sample.spearman("reward", "length"),
        }

    def _grouped(self) -> dict[str, Any]:
        groups = self._groups
        return {
            "count": groups.count,
            "single": groups.single,
            "size_mean": groups.members / groups.count if groups.count else None,
            "std": _root(groups.variance),
            "zero_signal_share": groups.flat / groups.count if groups.count else None,
        }

    def _noises(self) -> dict[str, Any]:
        """By the samples of single judgments, and by judging the same again; both as a standard deviation."""
        return {
            "sampled": self._noise.n,
            "samples_std": _root(self._noise.mean) if self._noise.n else None,
            "repeats": self._repeats.freedom,
            "repeats_std": _root(self._repeats.variance),
        }

    def _signal_to_noise(self) -> float | None:
        """The spread within groups that noise does not explain, over the noise; of repeats where there are any."""
        noise = self._repeats.variance if self._repeats.freedom > 0 else None
        if noise is None and self._noise.n:
            noise = self._noise.mean
        found = self._groups.variance
        if not noise or found is None:
            return None
        ratio = max(0.0, found - noise) / noise
        return math.sqrt(ratio) if math.isfinite(ratio) else None


def _column(values: Sequence[float | None]) -> Floats:
    return np.array([math.nan if value is None else value for value in values], np.float64)


def _root(value: float | None) -> float | None:
    return None if value is None else math.sqrt(value)
