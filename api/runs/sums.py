"""The numbers of a run, from points that pass by: exact sums, and a fixed sample for what needs an order.

What is kept does not grow with the run. Quantiles and ranks are exact up to SAMPLE points, and of a sample of so many
past that, chosen by a hash of each point's number: the same points always give the same answer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
SAMPLE = 100_000
# Below these a correlation says nothing.
MIN_CORRELATED = 10
QUANTILES = {"p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}


@dataclass
class Moments:
    """Count, mean and spread of numbers, without the numbers (Chan, Golub and LeVeque 1983)."""

    n: int = 0
    mean: float = 0.0
    squares: float = 0.0
    low: float = math.inf
    high: float = -math.inf

    def add(self, values: Floats) -> None:
        values = values[~np.isnan(values)]
        if not len(values):
            return
        mean = float(values.mean())
        squares = float(((values - mean) ** 2).sum())
        total = self.n + len(values)
        apart = mean - self.mean
        self.squares += squares + apart**2 * self.n * len(values) / total
        self.mean += apart * len(values) / total
        self.n = total
        self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))

    @property
    def std(self) -> float | None:
        """The sample standard deviation; None below two numbers."""
        return math.sqrt(self.squares / (self.n - 1)) if self.n > 1 else None

    def told(self) -> dict[str, Any]:
        if not self.n:
            return {"n": 0, "mean": None, "std": None, "min": None, "max": None}
        return {"n": self.n, "mean": self.mean, "std": self.std, "min": self.low, "max": self.high}


@dataclass
class Together:
    """How two columns go together, by Pearson."""

    n: int = 0
    means: tuple[float, float] = (0.0, 0.0)
    sums: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def add(self, first: Floats, second: Floats) -> None:
        both = ~(np.isnan(first) | np.isnan(second))
        x, y = first[both], second[both]
        if not len(x):
            return
        mx, my = float(x.mean()), float(y.mean())
        dx, dy = x - mx, y - my
        total = self.n + len(x)
        ax, ay, share = mx - self.means[0], my - self.means[1], self.n * len(x) / total
        self.sums = (
            self.sums[0] + float(dx @ dx) + ax * ax * share,
            self.sums[1] + float(dy @ dy) + ay * ay * share,
            self.sums[2] + float(dx @ dy) + ax * ay * share,
        )
        self.means = (self.means[0] + ax * len(x) / total, self.means[1] + ay * len(x) / total)
        self.n = total

    @property
    def correlation(self) -> float | None:
        return _correlation(self.n, *self.sums)


@dataclass
class Segments:
    """Spread within neighbours of one key (the candidates of one task), pooled; those of one number say nothing."""

    count: int = 0
    single: int = 0
    flat: int = 0
    members: int = 0
    squares: float = 0.0
    _last: tuple[tuple[int, ...], int, float, float, float, float] | None = None

    def add(self, keys: Sequence[Ints], values: Floats) -> None:
        """Take rows in the order of their keys; the last key may go on in the next call."""
        if not len(values):
            return
        changes = np.zeros(len(values), bool)
        changes[0] = True
        for key in keys:
            changes[1:] |= key[1:] != key[:-1]
        starts = np.flatnonzero(changes)
        n = np.diff(np.append(starts, len(values)))
        means = np.add.reduceat(values, starts) / n
        squares = np.add.reduceat((values - np.repeat(means, n)) ** 2, starts)
        lows, highs = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
        names = [tuple(int(key[start]) for key in keys) for start in (starts[0], starts[-1])]
        first = 0
        if self._last is not None and self._last[0] == names[0]:
            _, m, mean, spread, low, high = self._last
            total = m + int(n[0])
            squares[0] += spread + (means[0] - mean) ** 2 * m * n[0] / total
            means[0] += (mean - means[0]) * m / total
            lows[0], highs[0], n[0] = min(low, lows[0]), max(high, highs[0]), total
        else:
            self.close()
        last = len(starts) - 1
        self._take(n[first:last], squares[first:last], lows[first:last], highs[first:last])
        self._last = (
            names[1],
            int(n[last]),
            float(means[last]),
            float(squares[last]),
            float(lows[last]),
            float(highs[last]),
        )

    def close(self) -> None:
        """Say that the last key does not go on."""
        if self._last is not None:
            _, n, _, squares, low, high = self._last
            self._take(np.array([n]), np.array([squares]), np.array([low]), np.array([high]))
            self._last = None

    def _take(self, n: Ints, squares: Floats, lows: Floats, highs: Floats) -> None:
        several = n > 1
        self.count += int(several.sum())
        self.single += int((~several).sum())
        self.flat += int((several & (lows == highs)).sum())
        self.members += int(n[several].sum())
        # Equal numbers have no spread, whatever their mean is rounded to.
        self.squares += float(squares[several & (lows != highs)].sum())

    @property
    def freedom(self) -> int:
        return self.members - self.count

    @property
    def variance(self) -> float | None:
        return self.squares / self.freedom if self.freedom > 0 else None


@dataclass
class Sample:
    """Rows of named columns: all up to SAMPLE, then those whose hashes are lowest."""

    columns: dict[str, Floats] = field(default_factory=dict)
    _ranks: npt.NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, np.uint64))
    seen: int = 0

    def add(self, numbers: Ints, columns: Mapping[str, Floats]) -> None:
        """Take rows; a column that some of them lack is not a number there."""
        kept, new = len(self._ranks), len(numbers)
        self.seen += new
        for name in {*self.columns, *columns}:
            before = self.columns.get(name, np.full(kept, np.nan))
            self.columns[name] = np.concatenate((before, columns.get(name, np.full(new, np.nan))))
        self._ranks = np.concatenate((self._ranks, _mixed(numbers)))
        if len(self._ranks) > 2 * SAMPLE:
            self._cut()

    def column(self, name: str) -> Floats:
        self._cut()
        found = self.columns.get(name, np.empty(0))
        return found[~np.isnan(found)]

    def quantiles(self, name: str) -> dict[str, float | None]:
        values = self.column(name)
        if not len(values):
            return dict.fromkeys(QUANTILES)
        found = np.quantile(values, list(QUANTILES.values()))
        return dict(zip(QUANTILES, map(float, found), strict=True))

    def quantile(self, name: str, at: float) -> float | None:
        values = self.column(name)
        return float(np.quantile(values, at)) if len(values) else None

    def spearman(self, first: str, second: str) -> float | None:
        """Pearson of the ranks; ties have their mean rank."""
        self._cut()
        if first not in self.columns or second not in self.columns:
            return None
        x, y = self.columns[first], self.columns[second]
        both = ~(np.isnan(x) | np.isnan(y))
        together = Together()
        together.add(_ranked(x[both]), _ranked(y[both]))
        return together.correlation

    def _cut(self) -> None:
        if len(self._ranks) > SAMPLE:
            keep = np.sort(np.argpartition(self._ranks, SAMPLE)[:SAMPLE])
            self._ranks = self._ranks[keep]
            self.columns = {name: values[keep] for name, values in self.columns.items()}


def _correlation(n: int, xx: float, yy: float, xy: float) -> float | None:
    if n < MIN_CORRELATED or xx <= 0 or yy <= 0:
        return None
    found = xy / math.sqrt(xx) / math.sqrt(yy)
    return max(-1.0, min(1.0, found)) if math.isfinite(found) else None


def _ranked(values: Floats) -> Floats:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[places], np.float64)


def _mixed(numbers: Ints) -> npt.NDArray[np.uint64]:
    """A hash of each number (SplitMix64, Steele et al. 2014): which points are kept depends on nothing else."""
    z = numbers.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
