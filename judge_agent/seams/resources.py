"""The seam to files that requests name: blobs that a tenant uploaded, files under the operator's root."""

from __future__ import annotations

from typing import Protocol


class ResourceMissing(Exception):
    """There is no such file, or not for this tenant. The message says what was asked for, never a path."""


class ResourceFiles(Protocol):
    """Reads files by hash or by name. Every method raises StoreError when the disk fails."""

    async def blob_bytes(self, tenant: str, sha256: str) -> int:
        """Return the size of a blob. Raises ResourceMissing, also for another tenant's."""
        ...

    async def read_blob(self, tenant: str, sha256: str) -> bytes:
        """Return a blob, whose hash was checked. Raises ResourceMissing."""
        ...

    async def root_bytes(self, name: str) -> int:
        """Return the size of a file under the root. Raises ResourceMissing, also for a link or a folder."""
        ...

    async def read_root(self, name: str, *, max_bytes: int) -> bytes:
        """Return a file under the root. Raises ResourceMissing; ValueError above `max_bytes`."""
        ...
