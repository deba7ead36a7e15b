"""The structural similarity of two pictures of one size (SSIM), and where they differ.

Source: Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment: from error visibility to structural similarity",
IEEE Transactions on Image Processing 13(4), 2004; with a uniform window of 7 x 7 and sample covariances, as
scikit-image has it by default.
"""

from __future__ import annotations

import numpy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    Array = numpy.ndarray[Any, Any]
    Box = tuple[int, int, int, int]

WINDOW = 7
BLOCK = 8  # pixels that differ within a block of each other, or of neighbouring blocks, are one region
_BAND = 256  # rows that are worked on at a time: ten megapixels of doubles would not fit
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def ssim(first: Array, second: Array) -> tuple[float, float]:
    """The mean of two grey pictures (rows x columns, 0..255), in [-1, 1]: over all windows, and over those that show.

    A window shows where either picture is not flat in it, or the two differ by more than a level: on a page that is
    mostly empty the first number says little.
    """
    window = WINDOW if min(first.shape) >= WINDOW else max((min(first.shape) - 1) | 1, 1)
    totals = numpy.zeros(4)
    for start in range(0, first.shape[0] - window + 1, _BAND):
        rows = slice(start, start + _BAND + window - 1)
        found, shows = _ssim_of(first[rows], second[rows], window)
        totals += (found.sum(), found.size, found[shows].sum(), shows.sum())
    return float(totals[0] / totals[1]), float(totals[2] / totals[3]) if totals[3] else 1.0


def _ssim_of(first: Array, second: Array, window: int) -> tuple[Array, Array]:
    """The SSIM of each window of a band, and which of the windows show something."""
    size = window * window
    mean_1, mean_2 = _sums(first, window) / size, _sums(second, window) / size
    unbiased = size / max(size - 1, 1)
    variance_1 = unbiased * (_sums(first * first, window) / size - mean_1 * mean_1)
    variance_2 = unbiased * (_sums(second * second, window) / size - mean_2 * mean_2)
    together = unbiased * (_sums(first * second, window) / size - mean_1 * mean_2)
    above = (2 * mean_1 * mean_2 + _C1) * (2 * together + _C2)
    below = (mean_1 * mean_1 + mean_2 * mean_2 + _C1) * (variance_1 + variance_2 + _C2)
    shows = (variance_1 > 1) | (variance_2 > 1) | (numpy.abs(mean_1 - mean_2) > 1)
    return numpy.asarray(above / below), numpy.asarray(shows)


def _sums(values: Array, window: int) -> Array:
    """The sum of each window, by a summed-area table."""
    table = numpy.zeros((values.shape[0] + 1, values.shape[1] + 1))
    numpy.cumsum(numpy.cumsum(values, axis=0), axis=1, out=table[1:, 1:])
    return numpy.asarray(
        table[window:, window:]
        - table[:-window, window:]
        - table[window:, :-window]
        + table[:-window, :-window]
    )


def regions(differs: Array) -> tuple[int, list[tuple[int, Box]]]:
    """How many regions of differing pixels there are, and each with its pixels and exact box, largest first."""
    counts = _by_block(differs)
    labels, number = _labelled(counts > 0)
    weights = numpy.bincount(labels.ravel(), weights=counts.ravel(), minlength=number + 1)
    found = []
    for label in _largest(weights):
        found.append((int(weights[label]), _box_of(differs, labels, label)))
    found.sort(key=lambda one: (-one[0], one[1][1], one[1][0]))
    return number, found


def _by_block(differs: Array) -> Array:
    height, width = differs.shape
    rows, columns = numpy.arange(0, height, BLOCK), numpy.arange(0, width, BLOCK)
    return numpy.add.reduceat(numpy.add.reduceat(differs.astype(numpy.int64), rows, axis=0), columns, axis=1)


def _labelled(marked: Array) -> tuple[Array, int]:
    """Number the connected groups of marked blocks, corners included, from 1."""
    labels = numpy.zeros(marked.shape, dtype=numpy.int64)
    number = 0
    for row, column in zip(*(part.tolist() for part in numpy.nonzero(marked)), strict=True):
        if labels[row, column]:
            continue
        number += 1
        labels[row, column] = number
        waiting = [(row, column)]
        while waiting:
            for place in _around(*waiting.pop(), marked.shape):
                if marked[place] and not labels[place]:
                    labels[place] = number
                    waiting.append(place)
    return labels, number


def _around(row: int, column: int, shape: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    for next_row in range(max(row - 1, 0), min(row + 2, shape[0])):
        for next_column in range(max(column - 1, 0), min(column + 2, shape[1])):
            yield next_row, next_column


def _largest(weights: Array) -> list[int]:
    order = numpy.argsort(-weights[1:], kind="stable")[:64]
    return [int(at) + 1 for at in order if weights[at + 1]]


def _box_of(differs: Array, labels: Array, label: int) -> Box:
    """The exact box of a region: of its pixels, not of its blocks."""
    rows, columns = numpy.nonzero(labels == label)
    top, left = int(rows.min()) * BLOCK, int(columns.min()) * BLOCK
    bottom, right = (int(rows.max()) + 1) * BLOCK, (int(columns.max()) + 1) * BLOCK
    own = (labels == label)[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    own = own.repeat(BLOCK, axis=0).repeat(BLOCK, axis=1)
    inside = differs[top:bottom, left:right]
    inside = inside & own[: inside.shape[0], : inside.shape[1]]
    ys, xs = numpy.flatnonzero(inside.any(axis=1)), numpy.flatnonzero(inside.any(axis=0))
    return left + int(xs[0]), top + int(ys[0]), left + int(xs[-1]) + 1, top + int(ys[-1]) + 1
