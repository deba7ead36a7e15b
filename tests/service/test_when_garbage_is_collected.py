"""What a failure left in a circle goes when no judgment is on its way, and while one is nobody waits for that."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from api import collecting


class _Link:
    def __init__(self) -> None:
        self.own = self


@pytest.fixture
def circle() -> Iterator[weakref.ref[_Link]]:
    """Something that only the collector ends, among as many things as a few judgments leave."""
    before = gc.get_threshold()
    collecting.begin()
    try:
        made = [_Link() for _ in range(collecting.WORTH_A_RUN)]
        found = weakref.ref(made[0])
        del made
        yield found
    finally:
        # What other tests have left in circles stays frozen: it would end here, with its warnings.
        gc.set_threshold(*before)


def test_an_idle_service_collects_what_is_left(circle: weakref.ref[_Link]) -> None:
    assert circle() is not None  # not by itself: so little is not worth a walk over what lives
    collecting.look(running=0)
    assert circle() is None


def test_nobody_waits_for_it_while_judgments_are_on_their_way(circle: weakref.ref[_Link]) -> None:
    collecting.look(running=1)
    assert circle() is not None


def test_an_idle_service_that_has_nothing_to_collect_walks_nowhere(circle: weakref.ref[_Link]) -> None:
    collecting.look(running=0)
    walks = [one["collections"] for one in gc.get_stats()]
    collecting.look(running=0)
    assert [one["collections"] for one in gc.get_stats()] == walks


def test_what_fails_under_load_is_collected_all_the_same(circle: weakref.ref[_Link]) -> None:
    left = [weakref.ref(_Link()) for _ in range(3 * collecting.YOUNG_OBJECTS // 2)]
    collecting.look(running=1)
    assert sum(one() is None for one in left) > collecting.YOUNG_OBJECTS // 2
