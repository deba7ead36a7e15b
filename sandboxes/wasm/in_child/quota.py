"""The quota of a work folder, which WASI lacks: bytes and entries are counted before each call that makes any.

What is admitted is counted down; when that is used up, the folder itself is looked at, so that what was deleted or
overwritten comes free again. In a folder that is full to the last byte not even overwriting is admitted.

Does NOT protect against: a larger file by `truncate` (it takes no space; RLIMIT_FSIZE bounds it), and what the file
system keeps for itself (blocks that are not full, folders).
"""

from __future__ import annotations

import os
import resource
import stat

FULL = 51  # ENOSPC as WASI numbers it


class Quota:
    """`refused` names the limits that were met, in the words of `seams.sandbox.Limit`."""

    def __init__(self, folder: str, *, disk_bytes: int, files: int) -> None:
        self._folder = folder
        self._disk_bytes = disk_bytes
        self._files = files
        self._bytes_left = 0
        self._entries_left = 0
        self.refused: set[str] = set()

    def admit_bytes(self, size: int) -> int:
        """Return 0 where so many bytes more still fit, else ENOSPC."""
        if size > self._bytes_left:
            self._look()
        if size > self._bytes_left or size < 0:
            self.refused.add("disk_bytes")
            return FULL
        self._bytes_left -= size
        return 0

    def admit_entry(self) -> int:
        """Return 0 where one more file, folder or link still fits, else ENOSPC."""
        if self._entries_left < 1:
            self._look()
        if self._entries_left < 1:
            self.refused.add("files")
            return FULL
        self._entries_left -= 1
        return 0

    def _look(self) -> None:
        try:
            size, entries = _held(self._folder)
        except OSError:  # nested deeper than a path may be long: what cannot be looked at is full
            self._bytes_left = self._entries_left = 0
            return
        self._bytes_left = self._disk_bytes - size - _deleted_but_open()
        self._entries_left = self._files - entries


def _held(folder: str) -> tuple[int, int]:
    """Bytes and entries below a folder; no link is followed."""
    size = entries = 0
    unseen = [folder]
    while unseen:
        with os.scandir(unseen.pop()) as found:
            for entry in found:
                entries += 1
                if entry.is_dir(follow_symlinks=False):
                    unseen.append(entry.path)
                else:
                    size += entry.stat(follow_symlinks=False).st_size
    return size, entries


def _deleted_but_open() -> int:
    """Bytes of files that no folder names any more, but that this process still holds."""
    size = 0
    for number in range(resource.getrlimit(resource.RLIMIT_NOFILE)[0]):
        try:
            found = os.fstat(number)
        except OSError:  # not open
            continue
        if stat.S_ISREG(found.st_mode) and found.st_nlink == 0:
            size += found.st_size
    return size
