"""Lists as a setting's text holds them: words by comma, and the API keys of tenants among them."""

from __future__ import annotations

MIN_KEY_CHARS = 16


def parts_of(text: str) -> tuple[str, ...]:
    """Split at commas; what is empty is left out."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def pairs_of_keys(text: str) -> tuple[tuple[str, str], ...]:
    """Split `tenant:key,tenant:key`. Raises ValueError that names a position, never a key."""
    pairs = tuple(_tenant_and_key(pair, position) for position, pair in enumerate(parts_of(text), start=1))
    if len({key for _, key in pairs}) < len(pairs):
        raise ValueError("one key is given to more than one tenant")
    return pairs


def _tenant_and_key(pair: str, position: int) -> tuple[str, str]:
    tenant, colon, key = pair.partition(":")
    if not colon or not tenant:
        raise ValueError(f"entry {position} must be tenant:key")
    if len(key) < MIN_KEY_CHARS:
        raise ValueError(f"the key of entry {position} has {len(key)} characters; at least {MIN_KEY_CHARS}")
    return tenant, key
