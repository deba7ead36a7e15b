"""The benchmark of boxes runs all sides, watches for growth and traces, and says so in the form that scripts read."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from evals.__main__ import main
from evals.bench.process_tree import Holdings, growth, holdings
from judge_agent.seams.sandbox import Sandbox

POINT = Holdings(
    executions=0,
    own_rss_mb=50.0,
    own_descriptors=10,
    own_mounts=20,
    below_processes=3,
    below_rss_mb=60.0,
    below_descriptors=None,
    below_mounts=None,
)


def test_the_last_line_has_ratios_quantiles_and_what_was_held(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "sandbox", "--executions", "24", "--cold", "1", "--json"]) == 0
    *table, last = capsys.readouterr().out.splitlines()
    told = json.loads(last)
    assert min(told["ratio_cold_bwrap"], told["ratio_cold_python"], told["p50_ms"]) > 0
    assert told["p99_ms"] >= told["p50_ms"]
    assert (told["executions"], told["cold_bwrap"]["executions"], told["cold_python"]["executions"]) == (
        24,
        12,
        12,
    )
    assert [point["executions"] for point in told["held"]] == [0, 6, 12, 18, 24]
    assert told["grown"] == []
    assert "commit" in told["machine"]
    assert any("nothing grew" in line for line in table)


@pytest.mark.parametrize(
    ("later", "grown"),
    [
        ({}, []),
        ({"own_rss_mb": 57.0, "below_rss_mb": 40.0}, []),
        ({"own_rss_mb": 59.0}, ["own_rss_mb grew from 50 to 59"]),
        ({"own_descriptors": 11}, ["own_descriptors grew from 10 to 11"]),
        ({"below_processes": 4}, ["below_processes grew from 3 to 4"]),
        ({"own_mounts": 21}, ["own_mounts grew from 20 to 21"]),
        ({"below_mounts": 5}, []),
    ],
)
def test_growth_is_what_is_held_beyond_the_first_quarter(later: dict[str, float], grown: list[str]) -> None:
    start = replace(POINT, own_rss_mb=10.0, own_descriptors=1, below_processes=0)
    assert growth([start, POINT, POINT, replace(POINT, **later)]) == grown


def test_a_process_below_is_counted_until_it_has_ended() -> None:
    import subprocess
    import sys

    before = holdings(0).below_processes
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert holdings(0).below_processes == before + 1
        process.communicate()
    assert holdings(0).below_processes == before


@pytest.mark.parametrize("wrong", [["--executions", "3"], ["--executions", "many"], ["--cold", "0"]])
def test_a_number_that_cannot_be_run_is_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["bench", "sandbox", *wrong])
    assert stopped.value.code == 2
    assert wrong[1] in capsys.readouterr().err
