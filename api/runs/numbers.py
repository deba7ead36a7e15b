"""The numbers of one step of a run, or of the whole: fed with points in the order of the walk, told as JSON.

What cannot be said (a mean of nothing, a correlation of nine points, a ratio to no noise) is null, never NaN. A
candidate without a reward is left out of every number of rewards and groups. A rollout that was posted again, and
answered from memory, is counted as a repost and nowhere else.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from api.runs.rollouts import Firsts, Rows
from api.runs.sums import SAMPLE, Floats, Ints, Moments, Sample, Segments, Together
from judge_agent.run_points import HACK_FLAGS
from judge_agent.store.runs import Walked

# Requests may name dimensions of their own; past so many different ones the others are only counted.
MAX_DIMENSIONS = 64
MAX_FLAG_NAMES = 64
UNTOLD_NOISE = "nothing was sampled more than once, and nothing was judged again with another seed"


class Columns:
    """The columns of some points, by name."""

    def __init__(self, rows: Sequence[Walked]) -> None:
        self._columns: dict[str, tuple[Any, ...]] = dict(
            zip(Walked._fields, zip(*rows, strict=True), strict=True)
        )

    def __getitem__(self, name: str) -> tuple[Any, ...]:
        return self._columns[name]

    def floats(self, name: str) -> Floats:
        """A column as numbers; what is None is not a number."""
        return np.array(self._columns[name], np.float64)

    def ints(self, name: str) -> Ints:
        return np.array(self._columns[name], np.int64)

    def bools(self, name: str) -> Rows:
        return np.array(self._columns[name], bool)

    @property
    def places(self) -> list[Ints]:
        """What is the same for points of one content in one step."""
        return [self.ints(name) for name in ("step", "task_key", "content_key")]


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
        self._rollouts, self._members, self._seeds = Firsts(), Firsts(), Firsts()
        self._reposts = 0
        self._noise = Moments()
        self._compared = self._disagreed = 0
        self._judgments = self._tokens = 0
        self._sample = Sample()

    def add(self, rows: Sequence[Walked]) -> None:
        """Take points that follow those taken before."""
        if rows:
            # Sums of huge rewards may overflow; what comes of that is told as null.
            with np.errstate(over="ignore", invalid="ignore"):
                self._add(self._without_reposts(rows))

    def _without_reposts(self, rows: Sequence[Walked]) -> Sequence[Walked]:
        columns = Columns(rows)
        everyone = np.ones(len(rows), bool)
        is_new = self._rollouts.among(columns.places, columns.ints("rollout"), everyone)
        is_repost = columns.bools("is_cached") & ~is_new
        self._reposts += int(is_repost.sum())
        self._tokens += sum(one for one in columns["tokens"] if one is not None)
        if not is_repost.any():
            return rows
        return [row for row, is_left_out in zip(rows, is_repost, strict=True) if not is_left_out]

    def _add(self, rows: Sequence[Walked]) -> None:
        if not rows:
            return
        columns = Columns(rows)
        self._count(columns)
        reward, length = columns.floats("reward"), columns.floats("length")
        self._reward.add(reward)
        self._length.add(length)
        self._confidence.add(columns.floats("confidence"))
        self._noise.add(columns.floats("noise"))
        self._at_low += int((reward <= 0.0).sum())
        self._at_high += int((reward >= 1.0).sum())
        self._by_length.add(reward, length)
        self._segments(columns, reward)
        vectors = self._dimensional(columns["vector"])
        for name, values in vectors.items():
            self._dimensions.setdefault(name, Moments()).add(values)
        named = {f"dimension/{name}": values for name, values in vectors.items()}
        found = {"reward": reward, "length": length, "seconds": columns.floats("seconds"), **named}
        self._sample.add(columns.ints("sequence"), found)

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
            "reposts": self._reposts,
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

    def _count(self, columns: Columns) -> None:
        self._statuses.update(columns["status"])
        self._failures.update(kind for kind in columns["failure_kind"] if kind is not None)
        self._cached += sum(columns["is_cached"])
        self._compared += sum(columns["compared"])
        self._disagreed += sum(columns["disagreed"])
        self._judgments += sum(one is not None for one in columns["seconds"])
        for flags, count in Counter(columns["flags"]).items():
            if flags:
                self._flag(flags.split(","), count)
        self._points += len(columns["status"])

    def _flag(self, names: Sequence[str], count: int) -> None:
        self._hacked += count * any(name in HACK_FLAGS for name in names)
        for name in names:
            if name in self._flags or len(self._flags) < MAX_FLAG_NAMES:
                self._flags[name] += count

    def _segments(self, columns: Columns, reward: Floats) -> None:
        has_reward = ~np.isnan(reward)
        keys = columns.places
        # A rollout that was judged anew is no further member of its group.
        is_member = self._members.among(keys, columns.ints("rollout"), has_reward)
        self._groups.add([key[is_member] for key in keys[:2]], reward[is_member])
        # What was remembered, and what the same seed was asked for again, says nothing of how a judge varies.
        is_fresh = has_reward & ~columns.bools("is_cached")
        is_apart = self._seeds.among(keys, columns.ints("seed"), is_fresh)
        self._repeats.add([key[is_apart] for key in keys], reward[is_apart])

    def _dimensional(self, vectors: Sequence[str]) -> dict[str, Floats]:
        # In one piece: a parser that is called for each takes several times as long.
        read: list[dict[str, float | None]] = json.loads(f"[{','.join(vectors)}]")
        names = set().union(*map(dict.keys, read))
        known = sorted(names & self._dimensions.keys())
        new = sorted(names - self._dimensions.keys())
        room = max(0, MAX_DIMENSIONS - len(self._dimensions))
        if len(self._not_shown) < MAX_DIMENSIONS:
            self._not_shown.update(new[room:])
        return {
            name: np.array([vector.get(name) for vector in read], np.float64)
            for name in [*known, *new[:room]]
        }

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
        """By the samples of single judgments, and by judging the same with other seeds; as standard deviations."""
        return {
            "sampled": self._noise.n,
            "samples_std": _root(self._noise.mean) if self._noise.n else None,
            "repeats": self._repeats.freedom,
            "repeats_std": _root(self._repeats.variance),
            "reason": None if self._noise.n or self._repeats.freedom else UNTOLD_NOISE,
        }

    def _signal_to_noise(self) -> float | None:
        """The spread within groups that noise does not explain, over the noise: the larger one of the two.

        Samples show what the model's draws do, repeats also what else differs; few repeats may agree by chance.
        """
        told = (self._repeats.variance, self._noise.mean if self._noise.n else None)
        noise = max((one for one in told if one is not None), default=None)
        found = self._groups.variance
        if not noise or found is None:
            return None
        ratio = max(0.0, found - noise) / noise
        return math.sqrt(ratio) if math.isfinite(ratio) else None


def _root(value: float | None) -> float | None:
    return None if value is None else math.sqrt(value)
