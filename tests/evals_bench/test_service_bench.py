"""The benchmark of the service measures every part with a few requests, and says so in the form that scripts read."""

from __future__ import annotations

import asyncio
import gc
import json

import pytest

from evals.__main__ import main
from evals.bench.loads import Poster, arrivals, quantile
from judge_agent.seams.sandbox import Sandbox


@pytest.mark.slow
def test_every_part_of_the_service_is_measured(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    # The bounds are for a quiet machine; here only what is counted must hold.
    main(["bench", "service", "--seconds", "2", "--latency", "0.3", "--in-flight", "40", "--json"])
    *lines, last = capsys.readouterr().out.splitlines()
    told = json.loads(last)
    assert told["overhead"]["judgments"] > 0
    assert told["overhead"]["overhead_p50_ms"] > 0
    assert told["overhead"]["overhead_p99_ms"] >= told["overhead"]["overhead_p50_ms"]
    assert told["overhead"]["disk_max_ms"] >= told["overhead"]["disk_p99_ms"] > 0
    assert told["in_flight"]["running_at_once"] == 40
    assert told["in_flight"]["rss_mb"] >= told["in_flight"]["rss_idle_mb"] > 0
    assert told["verify"]["judgments_per_second"] > 0
    assert told["verify"]["half_p99_ms"] >= told["verify"]["half_p50_ms"] > 0
    tests, model = told["identical"]["tests"], told["identical"]["model"]
    assert tests["calls_of_17"] == tests["calls_of_one"] == {"model": 0, "tool": 1}
    assert model["calls_of_17"] == model["calls_of_one"] == {"model": 1, "tool": 0}
    assert "commit" in told["machine"]
    assert any("load average" in line for line in lines)
    assert all(one.startswith("overhead: p99 of") for one in told["failures"])


def test_arrivals_are_drawn_beforehand_and_repeat_with_their_seed() -> None:
    times = arrivals(50.0, 100.0, seed=3)
    assert times == sorted(times) == arrivals(50.0, 100.0, seed=3)
    assert times != arrivals(50.0, 100.0, seed=4)
    assert 4500 < len(times) < 5500
    assert 0 < times[0] < times[-1] < 100.0


async def _posting_twice() -> list[bool]:
    async with Poster.opened("http://127.0.0.1:9/a") as _, Poster.opened("http://127.0.0.1:9/b"):
        inside = gc.isenabled()
    return [inside, gc.isenabled()]


def test_the_collector_of_the_client_makes_no_pauses_while_it_loads() -> None:
    assert gc.isenabled()
    assert asyncio.run(_posting_twice()) == [False, True]


def test_a_quantile_is_a_value_that_so_many_do_not_exceed() -> None:
    values = [float(number) for number in range(100, 0, -1)]
    assert [quantile(values, percent) for percent in (1, 50, 99, 100)] == [1.0, 50.0, 99.0, 100.0]
    assert quantile([7.0], 99) == 7.0


@pytest.mark.parametrize("wrong", [["--only", "nothing"], ["--in-flight", "0"], ["--seconds", "600"]])
def test_an_option_that_cannot_be_run_is_refused(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["bench", "service", *wrong])
    assert stopped.value.code == 2
    assert wrong[1] in capsys.readouterr().err
