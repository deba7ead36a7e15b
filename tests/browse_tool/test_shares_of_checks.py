"""What the results of checks come to stage by stage: whether the page renders, and the share behind that it passes."""

from __future__ import annotations

import pytest

from tools.browsing.checks import CheckResult
from tools.browsing.limits import BrowseLimits
from tools.browsing.telling import result_of_checks

HERE, ELSEWHERE = "the button does nothing", ("https://cdn.example/x.js",)


def checks(told):
    """One check for each sign: + passed, x failed, o failed without another host, ? unsteady, . skipped."""
    outcomes = {"+": "passed", "x": "failed", "o": "failed", "?": "unsteady", ".": "skipped"}
    return [
        CheckResult(
            f"{stage} {at}", stage, outcomes[sign], HERE, 1, "click", ELSEWHERE if sign == "o" else ()
        )
        for stage, signs in told.items()
        for at, sign in enumerate(signs)
    ]


def of_stages(**told):
    result = result_of_checks(checks(told), (), {}, BrowseLimits())
    return {one.handle: (one.bearing, one.strength, one.score) for one in result.findings if one.handle}


@pytest.mark.parametrize(
    ("works", "looks", "share"),
    [
        ("++", "+", 1.0),
        ("+x", ".", 1 / 3),
        ("x", "", 0.0),
        ("+xx+", "", 0.5),
        ("++", "x", 2 / 3),
        ("", "", 1.0),
    ],
)
def test_the_share_is_that_of_all_checks_behind_the_rendering(works, looks, share):
    found = of_stages(renders="++", works=works, looks=looks)
    bearing = "confirms" if share == 1.0 else "refutes"
    assert found == {
        "page_renders": ("confirms", "decisive", 1.0),
        "page_functions": (bearing, "decisive", pytest.approx(share)),
    }


def test_a_page_that_does_not_render_passes_none_of_them():
    assert of_stages(renders="+x", works="..", looks=".") == {
        "page_renders": ("refutes", "decisive", 0.0),
        "page_functions": ("refutes", "decisive", 0.0),
    }


@pytest.mark.parametrize("sign", ["o", "?"])
def test_what_luck_or_another_host_may_have_decided_leaves_its_stage_open(sign):
    assert of_stages(renders="+", works=f"+{sign}")["page_functions"] == ("refutes", "strong", None)
    assert of_stages(renders=sign, works="+") == {
        "page_renders": ("refutes", "strong", None),
        "page_functions": ("confirms", "decisive", 1.0),
    }


def test_beside_what_failed_here_it_counts_neither_way():
    assert of_stages(renders="+", works="+ox+?")["page_functions"] == (
        "refutes",
        "decisive",
        pytest.approx(2 / 3),
    )
