"""What a failure left in a circle goes when no judgment is on its way, and while one is nobody waits for that."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import weakref
from collections.abc import Iterator

import pytest

from api.collecting import GROWTH_BYTES, WORTH_A_RUN, YOUNG_OBJECTS, Collecting
from tests.service.served import request, serving


class _Link:
    def __init__(self) -> None:
        self.own = self


class _Service:
    """A process that is made to grow, with something that only the collector ends: as much as a few judgments leave."""

    def __init__(self) -> None:
        self.bytes = 10 * GROWTH_BYTES
        self.collecting = Collecting(lambda: self.bytes)
        made = [_Link() for _ in range(WORTH_A_RUN)]
        self.circle = weakref.ref(made[0])


@pytest.fixture
def service() -> Iterator[_Service]:
    before = gc.get_threshold()
    try:
        yield _Service()
    finally:
        # What other tests have left in circles stays frozen: it would end here, with its warnings.
        gc.set_threshold(*before)


def _walks() -> list[int]:
    return [one["collections"] for one in gc.get_stats()]


def test_an_idle_service_collects_what_is_left(service: _Service) -> None:
    assert service.circle() is not None  # not by itself: so little is not worth a walk over what lives
    service.collecting.look(running=0, begun=0)
    assert service.circle() is None


def test_nobody_waits_for_it_while_judgments_are_on_their_way(service: _Service) -> None:
    service.collecting.look(running=1, begun=1)
    assert service.circle() is not None


def test_nor_where_one_came_and_went_between_two_looks(service: _Service) -> None:
    service.collecting.look(running=0, begun=1)
    assert service.circle() is not None
    service.collecting.look(running=0, begun=1)
    assert service.circle() is None


def test_an_idle_service_that_has_nothing_to_collect_walks_nowhere(service: _Service) -> None:
    service.collecting.look(running=0, begun=0)
    walks = _walks()
    service.collecting.look(running=0, begun=0)
    assert _walks() == walks


def test_what_fails_under_load_is_collected_all_the_same(service: _Service) -> None:
    left = [weakref.ref(_Link()) for _ in range(3 * YOUNG_OBJECTS // 2)]
    service.collecting.look(running=1, begun=1)
    assert sum(one() is None for one in left) > YOUNG_OBJECTS // 2


def test_a_process_that_grows_under_load_is_looked_at_each_time_that_it_has_grown(service: _Service) -> None:
    service.bytes += GROWTH_BYTES
    service.collecting.look(running=1, begun=1)
    assert service.circle() is not None
    service.bytes += 1
    service.collecting.look(running=1, begun=1)
    assert service.circle() is None
    walks = _walks()
    service.collecting.look(running=1, begun=1)
    assert _walks() == walks
    service.bytes -= GROWTH_BYTES
    service.collecting.look(running=1, begun=1)
    service.bytes += GROWTH_BYTES + 1
    service.collecting.look(running=1, begun=1)
    assert _walks() != walks


# In a process of its own: what the other tests of this one leave may go at the same time.
_GROWS = """
from api.collecting import resident_bytes
before = resident_bytes()
held = b"x" * (64 << 20)
print(before, resident_bytes() - before - len(held) // 2)
"""


def test_what_a_process_has_in_memory_is_known_here() -> None:
    told = subprocess.run(
        [sys.executable, "-c", _GROWS], check=True, capture_output=True, text=True, timeout=60
    )
    assert all(int(number) > 0 for number in told.stdout.split())


@pytest.mark.anyio
async def test_a_service_begins_with_it_and_looks_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    before, looked = gc.get_threshold(), asyncio.Queue[tuple[int, int]]()
    monkeypatch.setattr(Collecting, "look", lambda _, running, begun: looked.put_nowait((running, begun)))
    try:
        async with serving() as served:
            assert gc.get_threshold()[0] == YOUNG_OBJECTS
            assert (await served.post(request())).status_code == 200
            async with asyncio.timeout(10):
                while await looked.get() != (0, 1):
                    pass
    finally:
        gc.set_threshold(*before)
