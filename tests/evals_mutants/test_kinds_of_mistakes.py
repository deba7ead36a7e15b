"""Each kind of mistake makes the programs that it is named for, and nothing that does not compile."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path
from typing import Any

import pytest

from evals.mutation.kinds import KINDS
from evals.mutation.sites import Mutants

CASES: dict[str, dict[str, Any]] = tomllib.loads(Path(__file__).with_name("kinds.toml").read_text())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_kind_makes_the_mistakes_that_it_is_named_for(kind) -> None:
    case = CASES[kind.__name__]
    made = Mutants(case["source"], "f", [("[1]", "2")], [kind])
    sources = [made.source(site) for site in made.sites]
    for source in sources:
        ast.parse(source)
        assert source != made.right
    for wanted in case["made"]:
        assert [source for source in sources if wanted in source], (wanted, sources)


def test_there_are_at_least_ten_kinds_and_each_has_its_example() -> None:
    assert len(KINDS) >= 10
    assert {kind.__name__ for kind in KINDS} == set(CASES)


def test_documentation_annotations_and_defaults_are_left_alone() -> None:
    source = "def f(a: int = 1) -> int:\n    '''One of 3.'''\n    return a"
    made = Mutants(source, "f", [], KINDS)
    sources = [made.source(site) for site in made.sites]
    assert sources
    assert all("One of" not in text for text in sources)
    assert all("a: int=1) -> int" in text or "*given" in text for text in sources)


def test_the_same_source_gives_the_same_mutants_in_the_same_order() -> None:
    source = "def f(a, b):\n    return sorted(a)[b] + 1"
    first, second = (Mutants(source, "f", [("[1]", "2")], KINDS) for _ in range(2))
    assert first.sites == second.sites
    assert [first.source(site) for site in first.sites] == [second.source(site) for site in second.sites]
