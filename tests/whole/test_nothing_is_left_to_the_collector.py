"""A judgment that has ended is gone: nothing of it waits for the garbage collector, whose walks hold up all others."""

from __future__ import annotations

import gc
from collections import Counter

import pytest

from tests.groups.grouped import by_word, member
from tests.service.served import serving

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("recipe", ["verify", "by-place", "default"])
async def test_a_judgment_that_has_ended_is_in_no_circle(recipe: str) -> None:
    body = {name: value for name, value in member(0, "RIGHT", recipe=recipe).items() if name != "group"}
    async with serving(model=by_word()) as served:
        assert (await served.post(body)).status_code == 200
        gc.collect()
        gc.disable()
        try:
            for at in range(3):
                assert (await served.post(body | {"seed": at + 1})).json()["state"] == "done"
            gc.set_debug(gc.DEBUG_SAVEALL)
            gc.collect()
            left = Counter(
                type(one).__name__
                for one in gc.garbage
                if type(one).__module__.partition(".")[0] in ("judge_agent", "tools")
            )
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
    assert left == {}
