"""A soak loads a service with everything that clients do, and tells growth from ups and downs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evals.__main__ import main
from evals.soak import BOUNDS, growth
from judge_agent.seams.sandbox import Sandbox

FLAT = {"rss_mb": 500.0, "descriptors": 160.0, "processes": 12.0, "wal_mb": 4.0}


def points(**per_point: float) -> list[dict[str, float]]:
    """Forty points, ten seconds apart; what is named grows by so much from one to the next."""
    return [
        {"seconds": 10.0 * index}
        | {name: value + index * per_point.get(name, 0.0) + index % 2 for name, value in FLAT.items()}
        for index in range(40)
    ]


def test_ups_and_downs_are_no_growth() -> None:
    assert growth(points()) == []


@pytest.mark.parametrize(
    ("name", "step"), [("rss_mb", 2.0), ("descriptors", 1.0), ("processes", 0.2), ("wal_mb", 4)]
)
def test_a_steady_gain_is_named(name: str, step: float) -> None:
    [told] = growth(points(**{name: step}))
    assert told.startswith(f"{name} grew by")
    assert set(BOUNDS) == set(FLAT)


def test_what_grew_only_in_the_first_half_was_a_warm_up() -> None:
    warm = [{**one, "rss_mb": min(one["seconds"], 150.0)} for one in points()]
    assert growth(warm) == []


def test_too_short_a_run_says_nothing_and_says_so() -> None:
    assert growth(points()[:4]) == ["too few points to say anything: let it run longer"]


@pytest.mark.slow
def test_a_short_soak_asks_for_everything(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["soak", "--minutes", "0.1", "--data-dir", str(tmp_path / "data"), "--json"])
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (
        min(
            told["done"][kind]
            for kind in ("judged", "batched", "cancelled", "followed", "facade", "grouped", "ran")
        )
        > 0
    )
    # A few seconds are warming up; what is answered must be right all the same.
    assert [one for one in told["problems"] if "wrong answer" in one] == []
    assert told["points"][-1]["rss_mb"] > 0
