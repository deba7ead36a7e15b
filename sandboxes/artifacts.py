"""Collects the files that a program left in its work folder, from outside, when nothing of the program runs any more.

Every step goes by a descriptor and follows no link; only regular files are read, and no more bytes than the limits say.

Does NOT protect against: what the collected bytes say. They are a claim of the program's.
"""

from __future__ import annotations

import fnmatch
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from judge_agent.seams.sandbox import Artifact, Limits

MAX_DEPTH = 32
MAX_NAME_BYTES = 4096
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FOLDER = _FILE | os.O_DIRECTORY


@dataclass
class _Room:
    """What may still be collected."""

    artifacts: int
    content_bytes: int
    entries: int


def collect(folder: int, patterns: Sequence[str], limits: Limits) -> tuple[Artifact, ...]:
    """Return the files whose names match, in order of their names. `folder` is a descriptor, and stays open.

    What is no regular file, is too large, or is one too many has no content and says why in `skipped`.
    """
    room = _Room(limits.artifacts, limits.artifact_bytes, limits.files)
    found = []
    for entry in _walk(folder, "", 0, room):
        if not entry.blocked and not any(fnmatch.fnmatchcase(entry.name, pattern) for pattern in patterns):
            continue
        if room.artifacts == 0:
            skipped = f"there are more than artifacts={limits.artifacts}; the others were not looked at"
            found.append(Artifact(_shown(entry.name), 0, None, skipped))
            break
        room.artifacts -= 1
        if entry.blocked:
            found.append(Artifact(_shown(entry.name), 0, None, entry.blocked))
        else:
            found.append(_read(entry, room, limits))
    return tuple(found)


@dataclass(frozen=True)
class _Entry:
    """What is no folder, with a descriptor of the folder that it is in; or a folder and why it is not looked into."""

    name: str
    parent: int
    blocked: str = ""


def _walk(folder: int, prefix: str, depth: int, room: _Room) -> Iterator[_Entry]:
    for name in sorted(os.listdir(folder)):
        if room.entries == 0:
            return
        room.entries -= 1
        try:
            is_folder = stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
        except OSError:
            is_folder = False
        if not is_folder:
            yield _Entry(prefix + name, folder)
        elif depth == MAX_DEPTH:
            yield _Entry(f"{prefix}{name}/", folder, f"it lies deeper than {MAX_DEPTH} folders")
        else:
            yield from _inside(name, folder, prefix, depth, room)


def _inside(name: str, folder: int, prefix: str, depth: int, room: _Room) -> Iterator[_Entry]:
    try:
        inner = os.open(name, _FOLDER, dir_fd=folder)
    except OSError as error:
        yield _Entry(f"{prefix}{name}/", folder, f"it cannot be opened: {error.strerror}")
        return
    try:
        yield from _walk(inner, f"{prefix}{name}/", depth + 1, room)
    finally:
        os.close(inner)


def _shown(name: str) -> str:
    return os.fsencode(name)[:MAX_NAME_BYTES].decode("utf-8", "backslashreplace")


def _read(entry: _Entry, room: _Room, limits: Limits) -> Artifact:
    shown = _shown(entry.name)
    try:
        descriptor = os.open(entry.name.rpartition("/")[2], _FILE, dir_fd=entry.parent)
    except OSError as error:
        return Artifact(shown, 0, None, f"it cannot be opened: {error.strerror}")
    try:
        kind = os.fstat(descriptor)
        if not stat.S_ISREG(kind.st_mode):
            return Artifact(shown, 0, None, "it is no regular file")
        if kind.st_size > room.content_bytes:
            return Artifact(
                shown, kind.st_size, None, f"over artifact_bytes={limits.artifact_bytes} of all files"
            )
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(kind.st_size)
        room.content_bytes -= len(content)
        return Artifact(shown, len(content), content)
    finally:
        os.close(descriptor)
