"""What a service is asked all the time: judgments, runs, groups of all kinds, and what was made of them."""

from __future__ import annotations

import asyncio

from tests.groups.grouped import member, post, whole
from tests.service.served import Served


async def a_day_of(served: Served) -> None:
    body = {name: value for name, value in member(0, "RIGHT").items() if name != "group"}
    judged = await served.post(body | {"run": {"id": "r", "step": 1}})
    for path in ("/v1/judgments", f"/v1/judgments/{judged.json()['id']}", "/v1/runs/r", "/metrics"):
        assert (await served.http.get(path)).status_code == 200
    alone = await post(served, whole("RIGHT", "WRONG"), idempotency_key="k")
    for recipe in ("verify", "by-place"):
        posts = [post(served, member(at, f"RIGHT {at}", recipe=recipe, group_id=recipe)) for at in range(3)]
        found = [one.json() for one in await asyncio.gather(*posts)]
        assert {one["state"] for one in found} == {"done"}
    for path in (f"/v1/groups/{alone.json()['id']}", "/v1/groups?group_id=verify"):
        assert (await served.http.get(path)).status_code == 200
    await served.parts.store.groups.unlogged(60.0)
    await served.parts.store.groups.due(9)
