"""Both places where resource files lie, behind one Protocol."""

from __future__ import annotations

from pathlib import Path

from judge_agent.resources.blobs import BlobFiles
from judge_agent.resources.blocking import in_thread
from judge_agent.resources.root import read_beneath, size_beneath
from judge_agent.seams.resources import ResourceMissing


class FileResources:
    """Fulfils `ResourceFiles`. `root` None: the operator configured no folder."""

    def __init__(self, blobs: BlobFiles, root: Path | None) -> None:
        self._blobs = blobs
        self._root = root

    async def blob_bytes(self, tenant: str, sha256: str) -> int:
        return await self._blobs.size(tenant, sha256)

    async def read_blob(self, tenant: str, sha256: str) -> bytes:
        return await self._blobs.read(tenant, sha256)

    async def root_bytes(self, name: str) -> int:
        return await in_thread(size_beneath, self._required_root(), name)

    async def read_root(self, name: str, *, max_bytes: int) -> bytes:
        return await in_thread(read_beneath, self._required_root(), name, max_bytes)

    def _required_root(self) -> Path:
        if self._root is None:
            raise ResourceMissing("this service has no resources root (JUDGE_RESOURCES_ROOT is not set)")
        return self._root
