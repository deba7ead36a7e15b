"""Which mutants `make mutation` takes, which tests they meet, and when it ends with a failure."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci" / "mutation.py"


@pytest.fixture
def mutation(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("ci_mutation", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "ci_mutation", module)
    spec.loader.exec_module(module)
    return module


def test_the_sample_hangs_on_the_seed_and_what_is_added_moves_nobody_else(mutation: ModuleType) -> None:
    file = Path("judge_agent/nodes/decide.py")
    mutants = [mutation.Mutant(f"judge_agent.nodes.decide.x_a__mutmut_{at}", file) for at in range(200)]
    taken = mutation.sampled(mutants, 0.1, None, seed=0)
    assert len(taken) == 20
    assert taken == mutation.sampled(mutants[::-1], 0.1, None, seed=0)
    assert taken != mutation.sampled(mutants, 0.1, None, seed=1)
    assert mutation.sampled(mutants, 0.1, 5, seed=0) == taken[:5]
    assert set(mutation.sampled(mutants, 1.0, None, seed=0)) == set(mutants)
    more = [*mutants, mutation.Mutant("judge_agent.nodes.decide.x_b__mutmut_1", file)]
    without = [one for one in mutation.sampled(more, 1.0, None, seed=0) if one in set(mutants)]
    assert without == mutation.sampled(mutants, 1.0, None, seed=0)


def test_a_mutant_meets_tests_of_each_file_in_turn_within_its_seconds(
    mutation: ModuleType,
) -> None:
    stats = {
        "tests_by_mangled_function_name": {
            "f": ["whole", "unit", "part"],
            "g": ["whole", "part"],
            "h": ["whole"],
        },
        "duration_by_test": {"unit": 1.0, "part": 3.0, "whole": 30.0},
        "stats_time": 1.0,
    }
    found = mutation.bounded(stats, 5.0)
    assert found["tests_by_mangled_function_name"] == {"f": ["unit", "part"], "g": ["part"], "h": ["whole"]}
    assert found["duration_by_test"] == stats["duration_by_test"]
    assert mutation.bounded(stats, 100.0)["tests_by_mangled_function_name"]["f"] == ["unit", "part", "whole"]
    # Asked for by name, pytest does not find it, and would run none of the others.
    escaped = {**stats, "tests_by_mangled_function_name": {"f": ["unit", r"part['\\u89e3']"]}}
    assert mutation.bounded(escaped, 100.0)["tests_by_mangled_function_name"] == {"f": ["unit"]}
    near = {f"a.py::test_{at}": ["f"] for at in range(3)} | {"b.py::test_0": ["f"]}
    spread = {
        "tests_by_mangled_function_name": {"f": list(near)},
        "duration_by_test": dict.fromkeys(near, 1.0),
    }
    kept = mutation.bounded(spread, 3.0)["tests_by_mangled_function_name"]["f"]
    assert kept == ["a.py::test_0", "b.py::test_0", "a.py::test_1"]
