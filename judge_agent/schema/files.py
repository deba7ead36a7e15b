"""The names of files under the operator's root, as requests may give them."""

from __future__ import annotations


def refuse_climbing(name: str) -> None:
    """Raise ValueError for a name that is not plain and relative; the file is opened so that links do not help."""
    if "\x00" in name or "\\" in name or any(part in ("", ".", "..") for part in name.split("/")):
        raise ValueError(
            f"root_name: {name!r} must be a plain relative name: no '..', no leading '/', no empty part"
        )
