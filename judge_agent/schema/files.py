"""Where a resource comes from: exactly one source, and the names of files under the operator's root."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def check_source(resource: Any, sources: Sequence[str]) -> None:
    """Raise ValueError where not exactly one of the sources is given, or its `root_name` is no plain name."""
    exactly_one(sources, [name for name in sources if getattr(resource, name) is not None])
    if resource.root_name is not None:
        refuse_climbing(resource.root_name)


def exactly_one(names: Sequence[str], given: Sequence[str]) -> None:
    """Raise ValueError where not exactly one of the names was given."""
    if len(given) != 1:
        listed = " and ".join(given) or "none"
        raise ValueError(f"exactly one of {', '.join(names)} must be given, not {listed}")


def refuse_climbing(name: str) -> None:
    """Raise ValueError for a name that is not plain and relative; the file is opened so that links do not help."""
    if "\x00" in name or "\\" in name or any(part in ("", ".", "..") for part in name.split("/")):
        raise ValueError(
            f"root_name: {name!r} must be a plain relative name: no '..', no leading '/', no empty part"
        )
