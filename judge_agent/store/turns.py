"""Whose judgments come next: every tenant gets as much as the others, whoever has more waiting. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Mapping


def fair_shares(waiting: Mapping[str, int], running: Mapping[str, int], count: int) -> dict[str, int]:
    """Return how many of `count` free places each tenant gets: one at a time to whoever has the least running.

    `waiting` and `running` are numbers of judgments by tenant. Ties go by name, so that every worker decides alike.
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
