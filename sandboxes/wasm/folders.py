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
import stat
from pathlib import Path

from judge_agent.errors import SandboxError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


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
    """Remove a folder with all in it; no link is followed.

    A program can nest folders deeper than any path may be long, and than Python recurses: so what a folder holds is
    moved up to the top before it is removed.
    """
    try:
        top = os.open(folder, _FOLDER)
    except FileNotFoundError:
        return
    try:
        while names := os.listdir(top):
            for name in names:
                _empty(top, name)
    finally:
        os.close(top)
    folder.rmdir()


def _empty(top: int, name: str) -> None:
    """Remove one entry of the top folder; where it is a folder, its own folders take its place."""
    if not stat.S_ISDIR(os.stat(name, dir_fd=top, follow_symlinks=False).st_mode):
        os.unlink(name, dir_fd=top)
        return
    inner = os.open(name, _FOLDER, dir_fd=top)
    try:
        for entry in os.listdir(inner):
            if stat.S_ISDIR(os.stat(entry, dir_fd=inner, follow_symlinks=False).st_mode):
                os.rename(entry, secrets.token_hex(16), src_dir_fd=inner, dst_dir_fd=top)
            else:
                os.unlink(entry, dir_fd=inner)
    finally:
        os.close(inner)
    os.rmdir(name, dir_fd=top)


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
