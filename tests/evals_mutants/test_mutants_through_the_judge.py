"""`python -m evals mutants` on small problems: what it counts, and when it ends with 1."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from evals.__main__ import main

TOTAL = {
    "task_id": "HumanEval/0",
    "prompt": 'def total(numbers):\n    """Sum them."""\n',
    "entry_point": "total",
    "canonical_solution": "    result = 0\n    for number in numbers:\n        result += number\n    return result\n",
    "base_input": [[[1, 2, 3]], [[]], [[5]], [[-1, 1]]],
    "plus_input": [[[10, 20]], [[7, 7, 7]]],
    "atol": 0,
}
SORTED = {
    "task_id": "Mbpp/2",
    "prompt": "Write a function that sorts.",
    "entry_point": "in_order",
    "canonical_solution": "def in_order(values):\n    return tuple(sorted(set(values)))\n",
    "base_input": [[[3, 1, 2]], [["b", "a"]], [[1, 1]], [[]]],
    "plus_input": None,
    "atol": 0,
}


@pytest.fixture
def evalplus(tmp_path: Path):
    def write(human: Sequence[dict[str, Any]], mbpp: Sequence[dict[str, Any]] = ()) -> str:
        with gzip.open(tmp_path / "HumanEvalPlus.jsonl.gz", "wt") as file:
            file.writelines(json.dumps(row) + "\n" for row in human)
        (tmp_path / "MbppPlus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in mbpp))
        return str(tmp_path)

    return write


@pytest.mark.usefixtures("sandbox")
def test_right_solutions_pass_and_all_that_differs_fails(evalplus, capsys) -> None:
    folder = evalplus([TOTAL], [SORTED])
    assert main(["mutants", folder, "--count", "40", "--json"]) == 0
    told = capsys.readouterr()
    facts = json.loads(told.out.splitlines()[-1])
    assert (facts["holds"], facts["right"], facts["right_passed"]) == (True, 4, 4)
    assert (facts["problems_with_tests"], facts["tests"]) == (2, 10)
    assert facts["mutants_tried"] == 40
    assert facts["mutants_fail"] == facts["mutants_differ"] == 40 - facts["mutants_equivalent"]
    assert facts["mutants_equivalent"] > 0
    assert facts["executions"] == 4 + facts["mutants_differ"]
    assert len(facts["kinds"]) >= 10
    assert {"value", "timeout", "raises"} <= facts["ways"].keys()
    assert "through the judge" in told.err


@pytest.mark.usefixtures("sandbox")
def test_changes_of_type_and_of_arguments_alone_are_found(evalplus, capsys) -> None:
    kinds = ["--kind", "mutated_argument", "--kind", "wrong_type"]
    assert main(["mutants", evalplus([TOTAL], [SORTED]), "--count", "0", *kinds, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {"arguments", "type"} <= facts["ways"].keys()
    assert facts["share_tried"] > 0.9  # some sites give the same source


@pytest.mark.usefixtures("sandbox")
def test_a_right_solution_that_does_not_pass_ends_it_with_1(evalplus, capsys) -> None:
    where = {**TOTAL, "canonical_solution": "    import os\n    return os.getcwd()\n"}
    assert main(["mutants", evalplus([where]), "--count", "1"]) == 1
    assert "WRONG the right solution of HumanEval/0 by call" in capsys.readouterr().out


@pytest.mark.usefixtures("sandbox")
def test_inputs_that_make_no_test_are_counted_and_without_any_test_nothing_holds(evalplus, capsys) -> None:
    raising = {**TOTAL, "canonical_solution": "    return numbers[0]\n"}
    changing = {**TOTAL, "canonical_solution": "    import random\n    return random.random()\n"}
    odd = {**TOTAL, "canonical_solution": "    return lambda: numbers\n"}
    for row, why in ((changing, "differs each time"), (odd, "no plain data")):
        assert main(["mutants", evalplus([row]), "--json"]) == 1
        facts = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert (facts["inputs_left_out"], facts["problems_with_tests"]) == ({why: 6}, 0)
    assert main(["mutants", evalplus([raising]), "--count", "1", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (facts["inputs_left_out"], facts["tests"]) == ({"raises": 1}, 5)


@pytest.mark.parametrize(
    "options", [["--count", "-1"], ["--inputs", "0"], ["--problems", "0"], ["--kind", "no_such_kind"]]
)
def test_options_that_make_no_sense_are_refused(options, tmp_path, capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["mutants", str(tmp_path), *options])
    assert ended.value.code == 2
    assert options[0] in capsys.readouterr().err


@pytest.mark.parametrize(
    "content", [None, b"no gzip", gzip.compress(b'{"task_id": "x"}\n'), gzip.compress(b"{")[:15]]
)
def test_a_folder_without_the_data_is_named(content, tmp_path, capsys) -> None:
    if content is not None:
        (tmp_path / "HumanEvalPlus.jsonl.gz").write_bytes(content)
        (tmp_path / "MbppPlus.jsonl").write_text("")
    assert main(["mutants", str(tmp_path)]) == 2
    assert "no EvalPlus" in capsys.readouterr().err
