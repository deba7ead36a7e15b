"""Verifies the log against itself and against its anchored heads; names what was done to which line.

Finds changed, removed, doubled, swapped and inserted lines, changed and missing contents, missing headers
and segments, and heads that do not fit. Does not know whether what was written was true, and cannot see
a change by someone who rewrites the chain and the database's heads alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from judge_agent.log.contents import contents, digest
from judge_agent.log.heads import Head, Heads
from judge_agent.log.lines import FIRST, Line, decode
from judge_agent.log.segments import SegmentFile, raw_lines, segment_files

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


@dataclass(frozen=True)
class CheckedFile:
    file: str
    lines: int
    anchored_lines: int | None
    redacted: int


@dataclass(frozen=True)
class Report:
    """`incomplete`: the end is open. A crash cut the last line off, or came before the last anchor, and no
    writer went on since; or no heads were given.
    """

    status: Literal["intact", "incomplete", "tampered", "empty"]
    problems: tuple[LogProblem, ...]
    files: tuple[CheckedFile, ...]
    notes: tuple[str, ...] = ()

    @property
    def lines(self) -> int:
        return sum(file.lines for file in self.files)


def verify(folder: Path, heads: Heads | None) -> Report:
    """Verify every segment in the folder. `heads` None: the ends of the segments are anchored nowhere."""
    files = segment_files(folder)
    segments = [_read_segment(file, (heads or {}).get((file.writer, file.segment))) for file in files]
    for before, segment in zip([None, *segments], segments, strict=False):
        same_writer = before is not None and before.file.writer == segment.file.writer
        segment.problems += [
            *_header_problems(segment, before if same_writer else None),
            *_content_problems(segment),
        ]
    if heads is not None:
        _check_last_ends(segments)
    problems = [problem for segment in segments for problem in segment.problems]
    problems += _missing_segments(files, heads or {})
    checked = tuple(
        CheckedFile(segment.file.path.name, segment.whole, _count(segment.anchor), segment.redacted)
        for segment in segments
    )
    notes = _notes(checked, heads, sum(segment.cut_off for segment in segments))
    return Report(_status(files, problems, heads), tuple(problems), checked, notes)


@dataclass
class _Segment:
    """What one file was found to hold. `lines` are those that are what their own hash says, by number."""

    file: SegmentFile
    anchor: Head | None
    lines: dict[int, Line]
    places: dict[int, int]
    whole: int
    problems: list[LogProblem]
    redacted: int = 0
    torn_bytes: int = 0
    cut_off: bool = False

    def problem(self, kind: ProblemKind, line: int | None, detail: str) -> None:
        self.problems.append(LogProblem(kind, self.file.path.name, line, detail))


def _read_segment(file: SegmentFile, anchor: Head | None) -> _Segment:
    segment = _Segment(file, anchor, {}, {}, 0, [])
    found = list(_found(segment))
    _check_order(segment, found)
    _check_gaps(segment, {number for number, _, _ in found})
    _check_chain(segment)
    _check_head(segment)
    return segment


def _found(segment: _Segment) -> Iterator[tuple[int, int, Line | None]]:
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


def _check_order(segment: _Segment, found: Sequence[tuple[int, int, Line | None]]) -> None:
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


def _check_gaps(segment: _Segment, present: set[int]) -> None:
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


def _check_chain(segment: _Segment) -> None:
    """A line whose successor names another hash was rewritten together with its own hash."""
    for number, line in sorted(segment.lines.items()):
        after = segment.lines.get(number + 1)
        if after is not None and after.previous != line.hash:
            segment.problem(
                "changed",
                segment.places[number] + 1,
                "rewritten with a new hash: the next line names another",
            )


def _check_head(segment: _Segment) -> None:
    anchor = segment.anchor
    last = segment.lines.get(anchor.count - 1) if anchor else None
    if anchor is not None and last is not None and last.hash != anchor.head:
        place = segment.places[anchor.count - 1] + 1
        segment.problem("wrong_head", place, f"line {anchor.count} is not the one that was anchored")


def _check_last_ends(segments: Sequence[_Segment]) -> None:
    """Lines past the anchor of a writer's last segment are open: of a crash, or added by somebody."""
    for segment in {segment.file.writer: segment for segment in segments}.values():
        anchored = segment.anchor.count if segment.anchor else 0
        if segment.whole > anchored and not segment.problems:
            lines = f"{segment.whole - anchored} lines after the anchored end"
            segment.problem(
                "unanchored", anchored + 1, f"{lines}: a crash came before their anchor, or they were added"
            )


def _header_problems(segment: _Segment, before: _Segment | None) -> Iterator[LogProblem]:
    """The header says which file this is, and where the writer's segment before it ended."""
    name = segment.file.path.name
    header = segment.lines.get(0)
    if header is None:
        return
    if (header.data.get("writer"), header.data.get("segment")) != (segment.file.writer, segment.file.segment):
        yield LogProblem("broken_chain", name, 1, "the header belongs to another file")
    told = header.data.get("before")
    if not isinstance(told, Mapping):
        if int(segment.file.segment) > 1:
            yield LogProblem("broken_chain", name, 1, "the header names no segment before it")
        return
    if header.previous != told.get("head"):
        yield LogProblem("broken_chain", name, 1, "the header contradicts itself about the segment before")
    if before is None or told.get("segment") != before.file.segment:
        missing = f"{segment.file.writer}-{told.get('segment')}.jsonl"
        yield LogProblem("missing_segment", missing, None, f"{name} follows it, and it is not there")
        return
    if (
        before.torn_bytes
        and told.get("torn_bytes") == before.torn_bytes
        and told.get("count") == before.whole
    ):
        # The writer saw this torn end when it came back, and went on here: nothing is open any more.
        before.cut_off = True
        before.problems = [problem for problem in before.problems if problem.kind != "torn"]
    yield from _end_problems(before, told)


def _end_problems(before: _Segment, told: Mapping[str, object]) -> Iterator[LogProblem]:
    """Whether the segment before still ends where this header says that it ended."""
    count = told.get("count")
    if not isinstance(count, int) or count < 0:
        return
    name = before.file.path.name
    present = {*before.lines, *before.places}
    known_end = max([number + 1 for number in present] + [before.anchor.count if before.anchor else 0])
    if count > known_end:
        yield LogProblem("removed", name, known_end + 1, f"lines {known_end + 1} to {count} are gone")
    elif max(present, default=-1) >= count:
        yield LogProblem("inserted", name, count + 1, f"the segment ended with line {count}")
    last = before.lines.get(count - 1)
    if last is not None and last.hash != told.get("head"):
        place = before.places[count - 1] + 1
        yield LogProblem("changed", name, place, "rewritten with a new hash: the next segment names another")
    if count == 0 and told.get("head") != FIRST:
        yield LogProblem("broken_chain", name, 1, "an empty segment has a head")


def _content_problems(segment: _Segment) -> Iterator[LogProblem]:
    """Compare the texts in the side file with the salted hashes that the lines hold."""
    name = segment.file.contents.name
    expected = {
        (number, str(field)): told
        for number, line in segment.lines.items()
        for field, told in (line.data.get("contents") or {}).items()
    }
    seen: set[tuple[int, str]] = set()
    for content in contents(segment.file.contents):
        key = (content.line, content.name)
        told = expected.get(key)
        if told is None:
            # Contents are written before their line: after a crash there may be some without one.
            if content.line in segment.lines:
                yield LogProblem("inserted", name, content.line + 1, f"content {content.name!r} has no place")
        elif key in seen:
            yield LogProblem("doubled", name, content.line + 1, f"content {content.name!r} is there twice")
        elif content.text is None:
            segment.redacted += 1
        elif digest(content.salt, content.text) != told.get("sha256"):
            yield LogProblem(
                "changed_content", name, content.line + 1, f"content {content.name!r} was changed"
            )
        seen.add(key)
    for number, field in sorted(expected.keys() - seen):
        yield LogProblem(
            "missing_content", name, number + 1, f"content {field!r} is gone without being redacted"
        )


def _missing_segments(files: Sequence[SegmentFile], heads: Heads) -> list[LogProblem]:
    there = {(file.writer, file.segment) for file in files}
    return [
        LogProblem(
            "missing_segment", f"{writer}-{segment}.jsonl", None, f"{head.count} lines of it were anchored"
        )
        for (writer, segment), head in sorted(heads.items())
        if (writer, segment) not in there
    ]


def _notes(checked: Sequence[CheckedFile], heads: Heads | None, cut_off: int) -> tuple[str, ...]:
    loose = sum(max(0, file.lines - (file.anchored_lines or 0)) for file in checked)
    notes = {
        "no heads were given: lines removed from the end of a last segment cannot be seen": heads is None,
        f"{loose} lines are past the anchors of their segments (a crash came before)": heads is not None
        and loose,
        f"{cut_off} segments end in a line that a crash cut off; the segments after them say so": cut_off,
    }
    return tuple(note for note, holds in notes.items() if holds)


def _status(
    files: Sequence[SegmentFile], problems: Sequence[LogProblem], heads: Heads | None
) -> Literal["intact", "incomplete", "tampered", "empty"]:
    if any(problem.kind not in ("torn", "unanchored") for problem in problems):
        return "tampered"
    if not files:
        return "empty"
    return "incomplete" if problems or heads is None else "intact"


def _count(anchor: Head | None) -> int | None:
    return anchor.count if anchor else None
