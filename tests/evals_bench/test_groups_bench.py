"""The benchmark of groups measures both ways on the same arrivals, and says so in the form that scripts read."""

from __future__ import annotations

import json

import pytest

from evals.__main__ import main
from evals.bench.groups import Plan


@pytest.mark.slow
def test_both_ways_are_measured_in_one_run(capsys: pytest.CaptureFixture[str]) -> None:
    small = ["--seconds", "2", "--latency", "0.1", "--spread", "0.5", "--size", "3", "--rounds", "1"]
    assert main(["bench", "groups", *small, "--load", "0.5", "--json"]) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    told = json.loads(last)
    assert told["whole"]["groups"] == told["first_come"]["groups"] > 0
    for way in ("whole", "first_come"):
        assert 0.1 < told[way]["p50_s"] <= told[way]["p99_s"]
    assert told["ratio"]["p99_s"] == round(told["whole"]["p99_s"] / told["first_come"]["p99_s"], 3)
    assert any("load average" in line for line in lines)
    assert "commit" in told["machine"]


def test_arrivals_are_drawn_beforehand_and_repeat_with_their_seed() -> None:
    def drawn(seed: int) -> Plan:
        return Plan.drawn(per_second=20.0, seconds=10.0, size=4, spread=3.0, seed=seed)

    plan = drawn(1)
    assert plan == drawn(1) != drawn(2)
    assert 120 < len(plan.times) < 280
    for times in plan.times:
        assert len(times) == 4
        assert min(times) == times[0] < 10.0
        assert max(times) <= times[0] + 3.0


@pytest.mark.parametrize("wrong", [["--size", "0"], ["--load", "0"], ["--places", "257"], ["--rounds", "6"]])
def test_an_option_that_cannot_be_run_is_refused(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["bench", "groups", *wrong])
    assert stopped.value.code == 2
    assert wrong[1] in capsys.readouterr().err
