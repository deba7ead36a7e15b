"""Opens files by name under the operator's folder, so that neither `..` nor a link leaves it.

Each part of a name is opened relative to the one before without following links, so a link that is put in
place meanwhile changes nothing. The folder itself may be a link: the operator chose it.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from judge_agent.seams.resources import ResourceMissing

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: a named pipe in the folder must not hold the thread up.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def size_beneath(root: Path, name: str) -> int:
    """Return the size of a regular file under `root`. Raises ResourceMissing."""
    descriptor = _open_beneath(root, name)
    try:
        return os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)


def read_beneath(root: Path, name: str, max_bytes: int) -> bytes:
    """Return a regular file under `root`. Raises ResourceMissing; ValueError above `max_bytes`."""
    with os.fdopen(_open_beneath(root, name), "rb") as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise ValueError(f"the file {name!r} is larger than {max_bytes} bytes")
    return content


def _open_beneath(root: Path, name: str) -> int:
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\x00" in name:
        raise ResourceMissing(f"{name!r} is no name under the resources root")
    opened = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            inner = os.open(part, _FOLDER, dir_fd=opened)
            os.close(opened)
            opened = inner
        descriptor = os.open(parts[-1], _FILE, dir_fd=opened)
    except OSError as error:
        raise ResourceMissing(
            f"there is no file {name!r} under the resources root (links are not followed)"
        ) from error
    finally:
        os.close(opened)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ResourceMissing(f"{name!r} under the resources root is no plain file")
    return descriptor
