"""The files of one writer: opening segments, appending batches, finding where a crash left off.

All of it blocks; the writer calls it from a thread. Does not protect against another process that ignores
the lock file.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from judge_agent.log.contents import SUFFIX, seal
from judge_agent.log.lines import FIRST, FORMAT, decode, encode
from judge_agent.log.secret_patterns import SecretFilter
from judge_agent.seams.storage import AuditEvent

_NAME = re.compile(r"^([a-z0-9]+)-(\d{6,})\.jsonl$")
MAX_WRITERS = 1000
MAX_HEADER_BYTES = 65_536


class SegmentFile(NamedTuple):
    """One segment on disk, by its file name."""

    writer: str
    segment: str
    path: Path

    @property
    def contents(self) -> Path:
        return self.path.with_suffix(SUFFIX)

    @property
    def number(self) -> int:
        return int(self.segment)


@dataclass(frozen=True)
class Intact:
    """The unbroken beginning of a segment: how many lines, the hash of the last, and what follows in bytes."""

    count: int
    head: str
    bytes: int
    rest: int


def segment_files(folder: Path) -> tuple[SegmentFile, ...]:
    """Return the segments in the folder, ordered by writer and number."""
    found = []
    for path in folder.iterdir() if folder.is_dir() else ():
        match = _NAME.match(path.name)
        if match:
            found.append(SegmentFile(match.group(1), match.group(2), path))
    return tuple(sorted(found, key=lambda file: (file.writer, file.number)))


def intact_lines(path: Path) -> Intact:
    """Walk a segment up to the first line that is torn, or not chained to the one before it."""
    count, head, end = 0, FIRST, 0
    with path.open("rb") as file:
        for raw in file:
            line = decode(raw[:-1]) if raw.endswith(b"\n") else None
            if line is None or line.number != count or (count and line.previous != head):
                break
            count, head, end = count + 1, line.hash, end + len(raw)
        file.seek(0, os.SEEK_END)
        return Intact(count, head, end, file.tell() - end)


@dataclass(frozen=True)
class Lease:
    """A writer's name that this process alone uses; the lock lasts as long as the file is open."""

    writer: str
    descriptor: int

    def release(self) -> None:
        os.close(self.descriptor)


def lease(folder: Path) -> Lease:
    """Take the first free name (w1, w2, ...), so that a restart continues the chain it left. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    for number in range(1, MAX_WRITERS + 1):
        descriptor = os.open(folder / f"w{number}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            continue
        return Lease(f"w{number}", descriptor)
    raise OSError(f"more than {MAX_WRITERS} writers hold locks in {folder}")


def is_live(folder: Path, writer: str) -> bool:
    """Whether a process writes under this name now."""
    try:
        descriptor = os.open(folder / f"{writer}.lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


class Segment:
    """The open segment of a writer. One thread at a time."""

    def __init__(self, folder: Path, writer: str, *, known: int = 0, full: Segment | None = None) -> None:
        """Begin a new segment, chained to `full`, which this process ended, else to the last on disk. Raises OSError.

        `known` is the writer's last number that was anchored or written: numbers up to it are not given again,
        and their files stay, whatever was done to them. Else a new segment would take the place, and in time the
        anchor, of one that somebody removed or emptied.
        """
        before = [file for file in segment_files(folder) if file.writer == writer]
        while before and before[-1].number > known and _is_unbegun(before[-1].path):
            # Else nobody would say where the segment before it had ended.
            _remove(before.pop())
        number = max(known, before[-1].number if before else 0) + 1
        self.writer, self.segment = writer, f"{number:06d}"
        path = folder / f"{writer}-{self.segment}.jsonl"
        self._log = _new_file(path)
        try:
            self._contents = _new_file(path.with_suffix(SUFFIX))
            _sync_folder(folder)
        except OSError:
            os.close(self._log)
            raise
        self.count, self.head, self.size = 0, FIRST, 0
        self._without_secrets = SecretFilter()
        self._header = self._header_after(full or (before[-1] if before else None))

    def append(self, events: Sequence[AuditEvent]) -> None:
        """Write events and wait until they are on disk: first their contents, then the lines. Raises OSError."""
        lines, records = [], []
        if self.count == 0:
            lines.append(self._chained(self._header))
        for event in events:
            entry, sealed = self._entry(event)
            lines.append(self._chained(entry))
            records.extend(sealed)
        if records:
            _write(self._contents, b"".join(records))
            os.fdatasync(self._contents)
        _write(self._log, b"".join(lines))
        os.fdatasync(self._log)
        self.size += sum(map(len, lines)) + sum(map(len, records))

    def close(self) -> None:
        os.close(self._log)
        os.close(self._contents)

    def _header_after(self, before: SegmentFile | Segment | None) -> dict[str, Any]:
        header: dict[str, Any] = {"type": "segment", "format": FORMAT, "pid": os.getpid(), "before": None}
        if before is not None:
            count, head, torn_bytes = _end_of(before)
            self.head = head
            # Bytes past the last whole line: a write that a crash cut off.
            header["before"] = {"segment": before.segment, "count": count, "head": head}
            header["before"]["torn_bytes"] = torn_bytes
        return header

    def _entry(self, event: AuditEvent) -> tuple[dict[str, Any], list[bytes]]:
        named, records = {}, []
        for name, value in event.contents.items():
            sealed = seal(self.count, name, self._without_secrets(value))
            named[name] = sealed.named
            records.append(sealed.record)
        entry = {
            "type": event.type,
            "judgment_id": event.judgment_id,
            "tenant": event.tenant,
            "node": event.node,
            "fields": self._without_secrets(event.fields),
            "contents": named,
        }
        return entry, records

    def _chained(self, entry: dict[str, Any]) -> bytes:
        place = {"writer": self.writer, "segment": self.segment, "line": self.count, "previous": self.head}
        line, self.head = encode({**entry, **place, "time": time.time()})
        self.count += 1
        return line


def _end_of(before: SegmentFile | Segment) -> tuple[int, str, int]:
    """How many lines a segment has, the hash of the last, and how many bytes follow it."""
    if isinstance(before, Segment):
        return before.count, before.head, 0
    intact = intact_lines(before.path)
    return intact.count, intact.head, intact.rest


def _is_unbegun(path: Path) -> bool:
    """Whether not even the header came to its end: a full disk or a crash came first. Nothing is lost with it."""
    with path.open("rb") as file:
        return b"\n" not in file.read(MAX_HEADER_BYTES)


def _remove(file: SegmentFile) -> None:
    file.contents.unlink(missing_ok=True)
    file.path.unlink()


def _new_file(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(descriptor: int, data: bytes) -> None:
    """Write all of it; a short write (a full disk) raises at the next try."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def raw_lines(path: Path) -> Iterator[bytes]:
    """Yield the raw lines of a segment, newlines included."""
    with path.open("rb") as file:
        yield from file
