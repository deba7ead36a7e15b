"""Whose judgments come next: every tenant gets as much as the others, whoever has more waiting or more keys. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from typing import NamedTuple


class Whose(NamedTuple):
    """By whom a judgment was posted. `key_id` is empty for those that no key came with."""

    tenant: str
    key_id: str


def shares_by_key(waiting: Mapping[Whose, int], running: Mapping[Whose, int], count: int) -> dict[Whose, int]:
    """Return how many of `count` free places each key gets: shared by tenants, and a tenant's part by its keys."""
    shares = dict[Whose, int]()
    for tenant, part in fair_shares(_by_tenant(waiting), _by_tenant(running), count).items():
        own = {whose.key_id: number for whose, number in waiting.items() if whose.tenant == tenant}
        busy = {whose.key_id: number for whose, number in running.items() if whose.tenant == tenant}
        for key_id, share in fair_shares(own, busy, part).items():
            shares[Whose(tenant, key_id)] = share
    return shares


def _by_tenant(counts: Mapping[Whose, int]) -> dict[str, int]:
    found = dict[str, int]()
    for whose, number in counts.items():
        found[whose.tenant] = found.get(whose.tenant, 0) + number
    return found


def fair_shares(waiting: Mapping[str, int], running: Mapping[str, int], count: int) -> dict[str, int]:
    """Return how many of `count` free places each gets: one at a time to whoever has the least running.

    `waiting` and `running` are numbers of judgments by name. Ties go by name, so that every worker decides alike.
    """
    shares = dict[str, int]()
    queue = [(running.get(tenant, 0), tenant) for tenant, number in waiting.items() if number > 0]
    heapq.heapify(queue)
    while queue and count > 0:
        load, tenant = heapq.heappop(queue)
        shares[tenant] = shares.get(tenant, 0) + 1
        count -= 1
        if shares[tenant] < waiting[tenant]:
            heapq.heappush(queue, (load + 1, tenant))
    return shares
