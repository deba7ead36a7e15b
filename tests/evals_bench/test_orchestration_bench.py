"""The benchmark measures what it says, and says so in the form that scripts read."""

from __future__ import annotations

import json

import pytest

from evals.__main__ import main


def test_the_last_line_has_every_ratio_and_null_where_nothing_was_measured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["bench", "orchestration", "--only", "0/1", "--only", "0.05/32", "--seconds", "0.2", "--json"]
    assert main(command) == 0
    *table, last = capsys.readouterr().out.splitlines()
    told = json.loads(last)
    ratios = {name: value for name, value in told.items() if name.startswith("ratio_")}
    assert len(ratios) == 9
    assert {"ratio_50ms_256", "ratio_2s_256"} <= ratios.keys()
    measured = {name for name, value in ratios.items() if value is not None}
    assert measured == {"ratio_0ms_1", "ratio_50ms_32"}
    alone, many = told["cells"]
    assert (alone["calls"] % 4, many["calls"] % (4 * 32)) == (0, 0)
    for cell in told["cells"]:
        assert min(cell["ratio"], cell["ratio_post"]) > 0
        # What goes through the graph, the journal and the log costs more than the call alone.
        assert cell["judge_cpu_ms_per_call"] > cell["post_cpu_ms_per_call"] > 0
    assert "commit" in told["machine"]
    assert any("typed" in line for line in table)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [(["--only", "0/7"], "0/7"), (["--seconds", "-1"], "-1"), (["--seconds", "nan"], "nan")],
)
def test_a_cell_or_time_that_does_not_exist_is_refused(
    wrong: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["bench", "orchestration", *wrong])
    assert stopped.value.code == 2
    assert named in capsys.readouterr().err
