"""A query's time is what it computes: on a busy machine it takes no more of that than elsewhere."""

from __future__ import annotations

import threading
import time

import pytest

from judge_agent.schema import Database
from tools.sql.database import source_of
from tools.sql.engine_box import QueryFailed, open_database
from tools.sql.in_box.engine import Alarm, Clock


def _compute(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_time_without_a_processor_is_not_counted() -> None:
    clock = Clock(0.05)
    time.sleep(0.1)
    assert not clock.is_over()
    assert clock.left() > 0.02
    _compute(0.06)
    assert clock.is_over()
    assert clock.left() == 0.0


def test_an_alarm_rings_when_the_query_has_computed_for_its_time() -> None:
    rung = threading.Event()
    Alarm(Clock(0.06), rung.set)
    assert not rung.wait(0.1)
    _compute(0.08)
    assert rung.wait(10)


def test_an_alarm_that_was_cancelled_does_not_ring() -> None:
    rung = threading.Event()
    Alarm(Clock(0.03), rung.set).cancel()
    _compute(0.06)
    assert not rung.wait(0.05)


@pytest.mark.anyio
@pytest.mark.parametrize("engine", ["sqlite", "duckdb"])
async def test_a_query_without_end_is_ended_and_the_next_one_runs(engine, sandbox) -> None:
    endless = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i > 0) SELECT count(*) FROM n"
    )
    database = Database(name="main", engine=engine, sql="CREATE TABLE t (x INTEGER)")
    async with open_database(sandbox, await source_of(database, None, ""), seed=1) as box:
        with pytest.raises(QueryFailed, match="did not end within") as failed:
            await box.query(endless, seconds=0.3)
        assert failed.value.kind == "timeout"
        assert (await box.query("SELECT 7", seconds=5)).rows
