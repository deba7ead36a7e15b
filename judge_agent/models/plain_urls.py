"""Addresses of model servers: they stand in records and logs, so that no password may stand in them."""

from __future__ import annotations

from urllib.parse import urlsplit

REASON = "holds a user name or password; leave it out"


def is_plain(url: str) -> bool:
    """Whether an address holds neither a user name nor a password."""
    return "@" not in urlsplit(url).netloc
