"""Verifies one segment against itself and its anchored head: order, gaps, chain, end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from judge_agent.log.heads import Head
from judge_agent.log.lines import Line, decode
from judge_agent.log.segments import SegmentFile, raw_lines

ProblemKind = Literal[
    "changed", "removed", "doubled", "swapped", "inserted", "changed_content", "missing_content",
    "missing_header", "missing_segment", "broken_chain", "wrong_head", "torn", "unanchored",
]  # fmt: skip


@dataclass(frozen=True)
class LogProblem:
    """One finding. `line` is the place in the file, from 1 (the header); for a removed line, where it was."""

    kind: ProblemKind
    file: str
    line: int | None
    detail: str


@dataclass
class CheckedSegment:
    """What one file was found to hold. `lines` are those that are what their own hash says, by number."""

    file: SegmentFile
    anchor: Head | None
    lines: dict[int, Line]
    places: dict[int, int]
    whole: int
    problems: list[LogProblem]
    redacted: int = 0
    loose_contents: int = 0
    torn_bytes: int = 0
    cut_off: bool = False

    def problem(self, kind: ProblemKind, line: int | None, detail: str) -> None:
        self.problems.append(LogProblem(kind, self.file.path.name, line, detail))


def check_segment(file: SegmentFile, anchor: Head | None) -> CheckedSegment:
    segment = CheckedSegment(file, anchor, {}, {}, 0, [])
    found = list(_found(segment))
    _check_order(segment, found)
    _check_gaps(segment, {number for number, _, _ in found})
    _check_chain(segment)
    _check_head(segment)
    return segment


def _found(segment: CheckedSegment) -> Iterator[tuple[int, int, Line | None]]:
    """Yield (number, place, line) of every whole line; number -1 - place where it cannot be told."""
    expected = 0
    for place, raw in enumerate(raw_lines(segment.file.path)):
        if not raw.endswith(b"\n"):
            segment.torn_bytes = len(raw)
            segment.problem("torn", place + 1, f"{len(raw)} bytes without an end: a write was cut off")
            return
        segment.whole += 1
        line = decode(raw[:-1])
        if line is None:
            segment.problem("changed", place + 1, "the line is not what its own hash says")
            yield expected, place, None
            expected += 1
        else:
            yield line.number, place, line
            expected = line.number + 1


def _check_order(segment: CheckedSegment, found: Sequence[tuple[int, int, Line | None]]) -> None:
    """Keep one line per number; name doubled, inserted and swapped ones."""
    links = {line.previous for _, _, line in found if line is not None}
    kept: dict[int, tuple[int, Line | None]] = {}
    for number, place, line in found:
        if number not in kept or kept[number][1] is None:
            kept[number] = (place, line)
            continue
        other_place, other = kept[number]
        if line is None or other is None:
            continue
        if line.hash == other.hash:
            segment.problem(
                "doubled", place + 1, f"line {number + 1} is in the file again (first at {other_place + 1})"
            )
        elif line.hash in links and other.hash not in links:
            segment.problem(
                "inserted", other_place + 1, f"a second line with number {number + 1} that no line follows"
            )
            kept[number] = (place, line)
        else:
            segment.problem("inserted", place + 1, f"a second line with number {number + 1}")
    ranks = sorted(kept)
    by_place = sorted(kept, key=lambda number: kept[number][0])
    for wanted, number in zip(ranks, by_place, strict=True):
        if wanted != number:
            segment.problem(
                "swapped", kept[number][0] + 1, f"line {number + 1} stands where {wanted + 1} belongs"
            )
    segment.lines = {number: line for number, (_, line) in kept.items() if line is not None}
    segment.places = {number: place for number, (place, _) in kept.items()}


def _check_gaps(segment: CheckedSegment, present: set[int]) -> None:
    """Name removed lines: before the last line that is there, and up to the anchored count."""
    end = max([number + 1 for number in present] + [segment.anchor.count if segment.anchor else 0])
    for first, last in _runs(number for number in range(end) if number not in present):
        if first == 0:
            segment.problem("missing_header", 1, "the segment's header is gone")
        lines = f"line {first + 1} is" if first == last else f"lines {first + 1} to {last + 1} are"
        segment.problem("removed", first + 1, f"{lines} gone")


def _runs(numbers: Iterator[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


def _check_chain(segment: CheckedSegment) -> None:
    """A line whose successor names another hash was rewritten together with its own hash."""
    for number, line in sorted(segment.lines.items()):
        after = segment.lines.get(number + 1)
        if after is not None and after.previous != line.hash:
            segment.problem(
                "changed",
                segment.places[number] + 1,
                "rewritten with a new hash: the next line names another",
            )


def _check_head(segment: CheckedSegment) -> None:
    anchor = segment.anchor
    last = segment.lines.get(anchor.count - 1) if anchor else None
    if anchor is not None and last is not None and last.hash != anchor.head:
        place = segment.places[anchor.count - 1] + 1
        segment.problem("wrong_head", place, f"line {anchor.count} is not the one that was anchored")
