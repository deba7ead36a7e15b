"""Isotonic regression on labelled verdicts: monotone, better on verdicts that it has not seen, refused on too few."""

from __future__ import annotations

import itertools
import json

import pytest

from judge_agent.calibration import load_calibrations
from judge_agent.calibration.files import write_calibration
from judge_agent.calibration.fitting import cross_validated, fitted, knots
from judge_agent.calibration.items import Item
from judge_agent.calibration.measures import Rated, quality
from judge_agent.errors import InvalidRequest, StoreError
from tests.calibration.conftest import JUDGE, SHA, calibration, overconfident


def test_overconfidence_is_undone_on_verdicts_of_other_folds(sklearn) -> None:
    items = overconfident(600)
    before, after = quality([one.rated for one in items]), quality(cross_validated(items))
    assert before.ece > 0.1
    assert after.ece < before.ece / 2
    assert after.brier < before.brier
    made = fitted(JUDGE, items, file_sha256=SHA, judgments=600)
    assert made.measured.ece_after == after.ece
    assert made.applied(0.5) == pytest.approx(0.25, abs=0.1)
    assert sum(one.judged for one in made.counts) == 600


def test_the_map_rises_and_a_few_right_ones_are_no_certainty(sklearn) -> None:
    found = knots([Rated(place / 10, place > 4) for place in range(11)])
    assert all(a.raw < b.raw and a.calibrated <= b.calibrated for a, b in itertools.pairwise(found))
    assert 0.0 < found[0].calibrated < found[-1].calibrated < 1.0


def test_one_judgment_counts_once_for_the_risk(sklearn) -> None:
    items = [Item(JUDGE, f"j{place // 4}", one.rated) for place, one in enumerate(overconfident(400))]
    made = fitted(JUDGE, items, file_sha256=SHA, judgments=100)
    assert made.source.items == 400
    assert sum(one.judged for one in made.counts) == 100


@pytest.mark.parametrize(
    ("items", "said"),
    [
        (overconfident(49), "49 independent labelled verdicts .* needs 50"),
        ([Item(JUDGE, "same", one.rated) for one in overconfident(200)], "1 independent"),
        ([Item(JUDGE, str(n), Rated(0.5, True)) for n in range(80)], "80 right and 0 wrong"),
    ],
    ids=["few", "one judgment", "all right"],
)
def test_too_little_is_refused_with_what_is_needed(items, said) -> None:
    with pytest.raises(InvalidRequest, match=said):
        fitted(JUDGE, items, file_sha256=SHA, judgments=len(items))


def test_the_same_value_for_all_is_the_share_that_is_right(sklearn) -> None:
    items = [Item(JUDGE, str(n), Rated(0.0, n % 4 > 0)) for n in range(100)]
    made = fitted(JUDGE, items, file_sha256=SHA, judgments=100)
    assert made.applied(0.0) == made.applied(1.0) == pytest.approx(0.75)


def test_versions_follow_each_other_and_the_newest_is_applied(tmp_path) -> None:
    first_path, first = write_calibration(tmp_path, calibration())
    second_path, second = write_calibration(tmp_path, calibration(knots=((0.0, 0.1), (1.0, 0.8))))
    assert (first.version, second.version, second.parent) == (1, 2, first.sha256)
    assert first_path.name.endswith(".v1.json")
    assert first_path != second_path
    loaded = load_calibrations(tmp_path)
    assert loaded.of(SHA, first.model) == second
    assert loaded.of("b" * 64, first.model) is None
    assert loaded.of(SHA, first.model.model_copy(update={"revision": "2"})) is None
    assert loaded.of(SHA, None) is None


def test_a_changed_file_is_refused_by_its_name(tmp_path) -> None:
    path, _ = write_calibration(tmp_path, calibration())
    data = json.loads(path.read_text("utf-8"))
    data["knots"][1]["calibrated"] = 1.0
    path.write_text(json.dumps(data), "utf-8")
    with pytest.raises(StoreError, match=path.name):
        load_calibrations(tmp_path)
    path.write_text("{}", "utf-8")
    with pytest.raises(StoreError, match=path.name):
        load_calibrations(tmp_path)


def test_a_map_that_falls_is_no_calibration() -> None:
    with pytest.raises(ValueError, match="does not rise"):
        calibration(knots=((0.0, 0.9), (1.0, 0.3)))


def test_between_knots_it_is_a_straight_line_and_outside_their_ends() -> None:
    made = calibration(knots=((0.2, 0.4), (0.6, 0.8)))
    assert [made.applied(raw) for raw in (0.0, 0.2, 0.4, 0.6, 1.0)] == [
        0.4,
        0.4,
        pytest.approx(0.6),
        0.8,
        0.8,
    ]
