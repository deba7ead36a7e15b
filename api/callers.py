"""Who calls: whom a key stands for, what it may do, and what it may use."""

from __future__ import annotations

from typing import NamedTuple

from judge_agent.store import KeyLimits, KeyScope

LOCAL_TENANT = "local"


class Caller(NamedTuple):
    """Whom a key stands for, and what it may do and use. Keys of the settings have an id made of their hash."""

    tenant: str
    scope: KeyScope = "all"
    key_id: str = LOCAL_TENANT
    limits: KeyLimits = KeyLimits()
