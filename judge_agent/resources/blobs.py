"""Keeps uploaded blobs as files: one folder per tenant, each file named by its SHA-256.

A blob is there or not there: it is written beside its place, synced, and renamed into it. Whoever owns the
data folder can change a file, so a blob's hash is checked again when it is read. Room for an upload is claimed before
it is written (`quota.py`), by this process alone. Does not know what a blob holds.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import IO

from judge_agent.errors import StoreError
from judge_agent.resources.blocking import in_thread, in_thread_to_its_end
from judge_agent.resources.quota import PARTIAL, Claim, Quota, QuotaExceeded
from judge_agent.seams.resources import ResourceMissing

_SHA256 = re.compile(r"[0-9a-f]{64}")
_ABANDONED_SECONDS = 3600.0


class BlobTooLarge(Exception):
    """An upload has more bytes than one blob may have."""


class Upload:
    """One blob on its way in. `written` counts its bytes.

    What there is no room for may be a blob that is kept already: then it is only hashed.
    """

    def __init__(self, file: IO[bytes], max_bytes: int, claim: Claim) -> None:
        self._file = file
        self._max_bytes = max_bytes
        self._claim = claim
        self._digest = hashlib.sha256()
        self.written = 0

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    async def write(self, chunk: bytes) -> None:
        """Append a chunk. Raises BlobTooLarge, QuotaExceeded, StoreError."""
        if self.written + len(chunk) > self._max_bytes:
            raise BlobTooLarge
        self.written += len(chunk)
        await in_thread(self._append, chunk)

    def _append(self, chunk: bytes) -> None:
        self._digest.update(chunk)
        if self._claim.covers(self.written):
            self._file.write(chunk)


class BlobFiles:
    """The blobs under one folder. `max_tenant_bytes` bounds what one tenant keeps, with what is on its way in."""

    def __init__(self, folder: Path, *, max_bytes: int, max_tenant_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._quota = Quota(max_tenant_bytes)

    @asynccontextmanager
    async def upload(self, tenant: str, declared_bytes: int | None = None) -> AsyncIterator[Upload]:
        """Take a blob in; at the end of the block it is kept. Raises QuotaExceeded, StoreError.

        `declared_bytes` have their room claimed before the block begins; without them it is claimed as they come.
        An error inside the block leaves nothing behind. The same bytes again are the same blob.
        """
        claim = Claim(self._quota, self._place(tenant), declared_bytes)
        try:
            if declared_bytes is not None:
                await in_thread(claim.covers, declared_bytes)
            partial = _Partial(self._place(tenant))
            try:
                upload = Upload(await in_thread_to_its_end(partial.open), self._max_bytes, claim)
                yield upload
                await in_thread(self._keep, partial, upload, claim)
            finally:
                await in_thread(partial.abandon)
        finally:
            claim.release()

    async def size(self, tenant: str, sha256: str) -> int:
        """Return how many bytes a blob has. Raises ResourceMissing, StoreError."""
        return await in_thread(self._size, tenant, sha256)

    async def read(self, tenant: str, sha256: str) -> bytes:
        """Return a blob. Raises ResourceMissing; StoreError for a file that was changed."""
        return await in_thread(self._read, tenant, sha256)

    async def delete(self, tenant: str, sha256: str) -> None:
        """Take a blob away; judgments that still name it end unscored. Raises ResourceMissing, StoreError."""
        await in_thread(self._delete, tenant, sha256)

    def _place(self, tenant: str) -> Path:
        # A tenant's name may hold anything, and must not choose a folder.
        return self._folder / hashlib.sha256(tenant.encode("utf-8", "surrogatepass")).hexdigest()[:32]

    def _keep(self, partial: _Partial, upload: Upload, claim: Claim) -> None:
        target = partial.path.parent / upload.sha256
        partial.sync()
        with self._quota.changing:
            if target.exists():
                return
            if not claim.covers(upload.written):
                raise QuotaExceeded
            os.replace(partial.path, target)
            claim.release()
        _sync_folder(target.parent)

    def _delete(self, tenant: str, sha256: str) -> None:
        with self._quota.changing:
            self._size(tenant, sha256)
            (self._place(tenant) / sha256).unlink(missing_ok=True)
        _sync_folder(self._place(tenant))

    def _size(self, tenant: str, sha256: str) -> int:
        try:
            if not _SHA256.fullmatch(sha256):
                raise FileNotFoundError
            return (self._place(tenant) / sha256).stat().st_size
        except FileNotFoundError:
            raise ResourceMissing(f"there is no blob {sha256!r}; upload it by POST /v1/blobs") from None

    def _read(self, tenant: str, sha256: str) -> bytes:
        self._size(tenant, sha256)
        content = (self._place(tenant) / sha256).read_bytes()
        if hashlib.sha256(content).hexdigest() != sha256:
            raise StoreError(f"the blob {sha256!r} was changed on disk; delete its file and upload it again")
        return content


class _Partial:
    """The file of a blob on its way in, beside its place."""

    def __init__(self, place: Path) -> None:
        self.path = place / f"{PARTIAL}{secrets.token_hex(8)}"
        self._file: IO[bytes] | None = None

    def open(self) -> IO[bytes]:
        """Make the file, and take away what uploads of an earlier process left."""
        place = self.path.parent
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in place.glob(f"{PARTIAL}*"):
            with suppress(FileNotFoundError):  # its own upload has just ended
                if time.time() - left.stat().st_mtime > _ABANDONED_SECONDS:
                    left.unlink()
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._file = os.fdopen(descriptor, "wb")
        return self._file

    def sync(self) -> None:
        assert self._file is not None
        self._file.flush()
        os.fsync(self._file.fileno())

    def abandon(self) -> None:
        """Take away what is no blob; one that was kept is no longer under this name."""
        if self._file is not None:
            with suppress(OSError):  # a full disk fails the flush of the close again; it was reported
                self._file.close()
        self.path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
