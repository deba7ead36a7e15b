"""The evaluations of numbers run on made-up rows in the published forms, and say what they count."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evals.__main__ import main
from evals.tara.pickers import calendar, weather
from evals.tara.rows import load


def row(name: str, question: str, better: str, worse: str, **more: Any) -> str:
    sides = {"pos_answer": {"answer": better}, "neg_answer": {"answer": worse}}
    return json.dumps({"id": name, "question": question, **sides, **more}) + "\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    body = "\tresult = 0\n\tfor one in numbers: result += one\n\treturn result"
    head = 'from typing import List\n\n\ndef total(numbers: List[int]) -> int:\n    """ The sum. """\n'
    check = "def check(candidate):\n    assert candidate([1, 2]) == 3\n"
    files = {
        "agent_calculator_test.jsonl": row(
            "a", "How many?", "2*3 = <<2*3=6>>6\n#### 6", "2*3 = <<2*3=7>>7\n#### 6"
        ),
        "agent_calendar_test.jsonl": row("b", "Which day is 2022-09-02?", "It is Friday", "It is Sunday"),
        "agent_weather_test.jsonl": row(
            "c",
            "What is the temperature in Old Town on 2023-06-21?",
            "28.9(C)",
            "On 2023-06-21 it is 20.1(C).",
        ),
        "reserve_code_test_data.jsonl": row(
            "d",
            "Write a function to double.",
            "def f(x): return 2*x",
            "def f(x): return x",
            test_list=["assert f(2) == 4"],
        )
        + row("e", head, body, "\treturn 0", test_list=[check]),
        "weather_history.json": json.dumps(
            {"Old Town, 2023-06-21": "It is: \noverall weather: Sunny; temperature: 28.9(C); humidity: 72.0."}
        ),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def test_pickers_tell_the_better_answer_by_tools_alone(sandbox, folder: Path, capsys) -> None:
    assert main(["tara", str(folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told == {
        "calculator": {"right": 1},
        "calendar": {"right": 1},
        "weather": {"right": 1},
        "code": {"right": 2},
    }


def test_the_weather_is_a_table_with_a_column_for_each_reading(folder: Path) -> None:
    (pair,) = load(folder, "weather", None)
    (database,) = pair.resources["databases"]
    table = database["tables"]["weather"]
    assert [column["name"] for column in table["columns"]] == [
        "city",
        "date",
        "overall weather",
        "temperature (C)",
        "humidity",
    ]
    assert table["rows"] == [["Old Town", "2023-06-21", "Sunny", "28.9", "72.0"]]


def test_a_picker_sees_the_question_alone_and_may_have_no_call() -> None:
    assert calendar("The day 5 days before 2020-01-03?") == (
        "calendar",
        {"operation": "shift", "date": "2020-01-03", "count": -5, "is_final": True},
    )
    assert calendar("What day is it?") is None
    assert weather("Is it warm?") is None


def test_labelled_solutions_are_counted_by_refutation_and_by_agreement(
    sandbox, tmp_path: Path, capsys
) -> None:
    solutions = {
        "one": {"is_correct": True, "solution": "2*3=<<2*3=6>>6\nA: 6"},
        "two": {"is_correct": False, "solution": "2*3=<<2*3=8>>8\nA: 8"},
    }
    line = {"question": "How many?", "ground_truth": "2*3=6\nA: 6", **solutions}
    (tmp_path / "example_model_solutions.jsonl").write_text(json.dumps(line) + "\n", "utf-8")
    assert main(["gsm8k", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "1 refuted, 0 of them right by label: precision 100.0%" in told
    assert "2 of 2 agree" in told


@pytest.mark.parametrize("name", ["tara", "gsm8k"])
def test_a_folder_without_the_data_ends_with_2(tmp_path: Path, name: str, capsys) -> None:
    assert main([name, str(tmp_path)]) == 2
    assert "no " in capsys.readouterr().err
