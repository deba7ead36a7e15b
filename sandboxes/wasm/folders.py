"""Folders of the host that WASM boxes work in: one for each box, below one for each service, below the cache.

A service holds a lock on its folder while it lives, so that the next one knows which folders nobody needs any more
and removes them: also those of a service that was killed.

Does NOT protect against: a program that fills the disk (the quota in its child process does).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
from pathlib import Path

from judge_agent.errors import SandboxError


class Folders:
    """The folder of one service. Opened by its making; `close` removes it."""

    def __init__(self, root: Path) -> None:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._place = root / secrets.token_hex(8)
        fresh = root / f"{self._place.name}.new"  # swept by nobody: it has no lock yet
        fresh.mkdir(mode=0o700)
        self._lock = _lock(fresh)
        if self._lock is None:
            raise SandboxError(f"{fresh} is held by another service")
        fresh.rename(self._place)
        _sweep(root, keep=self._place.name)

    def make(self) -> Path:
        place = self._place / secrets.token_hex(8)
        place.mkdir(mode=0o700)
        return place

    def close(self) -> None:
        remove(self._place)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def remove(folder: Path) -> None:
    """Remove a folder with all in it, whatever modes its program gave to what is in it; no link is followed."""
    shutil.rmtree(folder, onerror=_open_up)


def _lock(folder: Path) -> int | None:
    """A descriptor that holds the folder's lock; None where another process holds it."""
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _sweep(root: Path, *, keep: str) -> None:
    for folder in root.iterdir():
        if folder.name == keep or folder.suffix == ".new":
            continue
        with contextlib.suppress(FileNotFoundError):  # another service sweeps at the same time
            if (lock := _lock(folder)) is not None:
                remove(folder)
                os.close(lock)


def _open_up(function: object, path: str, failure: object) -> None:
    """A folder that its program made unreadable is made readable; what somebody else has removed is gone."""
    with contextlib.suppress(FileNotFoundError):
        os.chmod(os.path.dirname(path), 0o700)
        if os.path.isdir(path) and not os.path.islink(path):
            os.chmod(path, 0o700)
            shutil.rmtree(path)
        else:
            os.unlink(path)
