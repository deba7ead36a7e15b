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

from judge_agent.log.contents import Content, contents, digest
from judge_agent.log.ends import ended_twice
from judge_agent.log.heads import Head, Heads
from judge_agent.log.lines import FIRST
from judge_agent.log.redaction import RedactedLine, redacted_lines
from judge_agent.log.segment_check import CheckedSegment, LogProblem, check_segment
from judge_agent.log.segments import SegmentFile, is_live, segment_files
from judge_agent.log.writer import MAX_BATCH


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
    report = _verify(folder, heads)
    # A redaction that began after its line could be read leaves texts that seem to be gone: look once more.
    return _verify(folder, heads) if any(p.kind == "missing_content" for p in report.problems) else report


def _verify(folder: Path, heads: Heads | None) -> Report:
    files = segment_files(folder)
    segments = [check_segment(file, (heads or {}).get((file.writer, file.segment))) for file in files]
    redacted = redacted_lines(line for segment in segments for line in segment.lines.values())
    for before, segment in zip([None, *segments], segments, strict=False):
        same_writer = before is not None and before.file.writer == segment.file.writer
        segment.problems += [
            *_header_problems(segment, before if same_writer else None),
            *_content_problems(segment, redacted),
        ]
    live = _settle_last_ends(segments, heads is not None)
    problems = [problem for segment in segments for problem in segment.problems]
    problems += _missing_segments(files, heads or {})
    checked = tuple(
        CheckedFile(segment.file.path.name, segment.whole, _count(segment.anchor), segment.redacted)
        for segment in segments
    )
    loose = sum(segment.loose_contents for segment in segments if segment.file.writer not in live)
    notes = _notes(checked, heads, sum(segment.cut_off for segment in segments), live, loose)
    if twice := ended_twice(line.data for segment in segments for line in segment.lines.values()):
        notes += (f"{len(twice)} judgments have more than one end, {twice[0]} among them",)
    return Report(_status(files, problems, heads), tuple(problems), checked, notes)


def _settle_last_ends(segments: Sequence[CheckedSegment], has_heads: bool) -> list[str]:
    """Lines past the anchor of a writer's last segment that has lines are open: of a crash, or added by somebody.

    Where the writer is at work they are its newest ones; returns the names of such writers.
    """
    live = []
    # A file without a line says nothing of where the one before it ended.
    begun = {segment.file.writer: segment for segment in segments if segment.whole}
    for segment in {segment.file.writer: segment for segment in segments}.values():
        if is_live(segment.file.path.parent, segment.file.writer):
            live.append(segment.file.writer)
            segment.problems = [problem for problem in segment.problems if problem.kind != "torn"]
            continue
        last = begun.get(segment.file.writer, segment)
        anchored = last.anchor.count if last.anchor else 0
        if has_heads and last.whole > anchored and not last.problems:
            lines = f"{last.whole - anchored} lines after the anchored end"
            last.problem(
                "unanchored", anchored + 1, f"{lines}: a crash came before their anchor, or they were added"
            )
    return live


def _header_problems(segment: CheckedSegment, before: CheckedSegment | None) -> Iterator[LogProblem]:
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


def _end_problems(before: CheckedSegment, told: Mapping[str, object]) -> Iterator[LogProblem]:
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


def _content_problems(segment: CheckedSegment, redacted: frozenset[RedactedLine]) -> Iterator[LogProblem]:
    """Compare the texts in the side file with the salted hashes that the lines hold."""
    name = segment.file.contents.name
    expected = {
        (number, str(field)): told
        for number, line in segment.lines.items()
        for field, told in (line.data.get("contents") or {}).items()
    }
    end = max([*segment.lines, *segment.places, -1]) + 1
    seen: set[tuple[int, str]] = set()
    for content in contents(segment.file.contents):
        key, place = (content.line, content.name), content.line + 1
        told = expected.get(key)
        if told is None:
            # Contents are written before their lines: a crash may leave those of one batch without.
            if content.line in segment.lines or not 0 <= content.line < end + MAX_BATCH:
                yield LogProblem("inserted", name, place, f"content {content.name!r} has no place")
            segment.loose_contents += content.line >= end
        elif key in seen:
            yield LogProblem("doubled", name, place, f"content {content.name!r} is there twice")
        elif content.text is None:
            segment.redacted += 1
            line = segment.lines[content.line]
            judgment = str(line.data.get("judgment_id"))
            if RedactedLine(segment.file.path.name, content.line, judgment) not in redacted:
                what = f"content {content.name!r} is blank, and no line says that it was redacted"
                yield LogProblem("missing_content", name, place, what)
        elif not _is_told(content, told):
            yield LogProblem("changed_content", name, place, f"content {content.name!r} was changed")
        seen.add(key)
    for number, field in sorted(expected.keys() - seen):
        yield LogProblem(
            "missing_content", name, number + 1, f"content {field!r} is gone without being redacted"
        )


def _is_told(content: Content, told: Mapping[str, object]) -> bool:
    """Whether a text is the one that the line names, read the way it was written: as text, or as JSON."""
    same_kind = told.get("json", content.is_json) == content.is_json
    return same_kind and digest(content.salt, content.text or "") == told.get("sha256")


def _missing_segments(files: Sequence[SegmentFile], heads: Heads) -> list[LogProblem]:
    there = {(file.writer, file.segment) for file in files}
    return [
        LogProblem(
            "missing_segment", f"{writer}-{segment}.jsonl", None, f"{head.count} lines of it were anchored"
        )
        for (writer, segment), head in sorted(heads.items())
        if (writer, segment) not in there
    ]


def _notes(
    checked: Sequence[CheckedFile],
    heads: Heads | None,
    cut_off: int,
    live: Sequence[str],
    loose_contents: int,
) -> tuple[str, ...]:
    loose = (
        sum(max(0, file.lines - (file.anchored_lines or 0)) for file in checked) if heads is not None else 0
    )
    notes = {
        "no heads were given: lines removed from the end of a last segment cannot be seen": heads is None,
        f"{loose} lines are past the anchors of their segments (new ones, or a crash came before)": loose,
        f"{cut_off} segments end in a line that a crash cut off; the segments after them say so": cut_off,
        f"{loose_contents} texts belong to no line: a crash came before it, or they were added": loose_contents,
        f"being written now by {', '.join(live)}: the newest lines are not verified against an anchor": live,
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
