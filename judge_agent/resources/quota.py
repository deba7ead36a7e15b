"""Counts what each tenant's blobs take, with those on their way in, so that uploads at one time share one quota.

What is on its way is known to this process alone: two services on one data folder would each count their own.
"""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path

PARTIAL = ".partial-"
_STEP_BYTES = 1 << 20  # what an upload of unknown length claims at a time: each claim looks at the folder
_AMPLE_BYTES = 64 * _STEP_BYTES  # where there is less room, nothing is claimed ahead


class QuotaExceeded(Exception):
    """A tenant's blobs would have more bytes together than they may."""


class Quota:
    """`changing` is held by whoever adds a blob to a tenant's folder, takes one away, or counts them."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.changing = threading.RLock()
        self.coming = Counter[Path]()


class Claim:
    """The room that one upload into `folder` has claimed. `declared_bytes` None: it does not say how long it is."""

    def __init__(self, quota: Quota, folder: Path, declared_bytes: int | None) -> None:
        self._quota = quota
        self._folder = folder
        self._declared = declared_bytes
        self._claimed = 0
        self._open = True

    def covers(self, count: int) -> bool:
        """Claim room for `count` bytes in all. Blocking. Raises QuotaExceeded.

        False where there is no room, but a blob that is kept may be what comes: nothing of it is to be written.
        """
        if count <= self._claimed:
            return True
        with self._quota.changing:
            if not self._open:
                return False
            kept = _sizes(self._folder)
            room = self._quota.max_bytes - sum(kept) - self._quota.coming[self._folder]
            if room >= count - self._claimed:
                ahead = _STEP_BYTES if self._declared is None and room > _AMPLE_BYTES else 0
                self._take(max(count - self._claimed, ahead))
                return True
            self._give_back()
        if not any(size == self._declared if self._declared is not None else size >= count for size in kept):
            raise QuotaExceeded
        return False

    def release(self) -> None:
        """Give the room back: the blob is kept, and counted as such, or it will not be."""
        with self._quota.changing:
            self._give_back()

    def _take(self, count: int) -> None:
        self._claimed += count
        self._quota.coming[self._folder] += count

    def _give_back(self) -> None:
        """Nothing is claimed again afterwards: what was not written cannot be kept."""
        self._open = False
        self._quota.coming[self._folder] -= self._claimed
        self._claimed = 0
        if not self._quota.coming[self._folder]:
            del self._quota.coming[self._folder]


def _sizes(folder: Path) -> list[int]:
    if not folder.is_dir():
        return []
    return [path.stat().st_size for path in folder.iterdir() if not path.name.startswith(PARTIAL)]
