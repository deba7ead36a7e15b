"""Themis' TARA pairs as what a tool sees of each side: the question as the task, the answer as the candidate's."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from judge_agent.schema import Resources, Task, Trajectory
from judge_agent.seams.tool import ToolView

FILES = {
    "calculator": "agent_calculator_test.jsonl",
    "calendar": "agent_calendar_test.jsonl",
    "weather": "agent_weather_test.jsonl",
    "code": "reserve_code_test_data.jsonl",
}
_READING = re.compile(r"([A-Za-z ]+): ([^;]+?)(?=[;.]?\s*$|;)", re.M)
_CHECK = re.compile(r"^def check\(candidate\)", re.M)
_FUNCTION = re.compile(r"^def (\w+)\(", re.M)
_PARTS = re.compile(r"(-?\d+(?:\.\d+)?)\((\w+)\)")


@dataclass(frozen=True)
class Pair:
    """Two answers to one question, the better one first."""

    name: str
    question: str
    better: str
    worse: str
    reference: dict[str, Any]
    resources: dict[str, Any]

    def views(self) -> tuple[ToolView, ToolView]:
        """What a tool sees of the better and of the worse answer."""
        task = Task.model_validate({"prompt": self.question, "reference": self.reference})
        resources = Resources.model_validate(self.resources)
        return tuple(  # type: ignore[return-value]
            ToolView(task, Trajectory.model_validate({"messages": [_said(text)]}), resources=resources)
            for text in (self.better, self.worse)
        )


def _said(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def load(folder: Path, name: str, count: int | None) -> list[Pair]:
    """The pairs of a set. Raises OSError, KeyError and ValueError for data that is not there or not as published."""
    lines = (folder / FILES[name]).read_text("utf-8-sig").splitlines()[:count]
    resources = resources_of(folder, name)
    return [pair_of(json.loads(line), name, resources) for line in lines]


def resources_of(folder: Path, name: str) -> dict[str, Any]:
    """What the tools may look into for a set: the weather has its table."""
    return {"databases": [weather_table(folder)]} if name == "weather" else {}


def pair_of(row: dict[str, Any], name: str, resources: dict[str, Any]) -> Pair:
    """The pair of a row as published. Raises KeyError and IndexError for a row of another form."""
    sides = row["pos_answer"]["answer"], row["neg_answer"]["answer"]
    tests: dict[str, Any] = {}
    if name == "code":
        tests = {"tests": {"kind": "assert", "hidden": row["test_list"]}}
        if _CHECK.search(
            row["test_list"][0]
        ):  # the question is the head of a function, an answer may be its body
            function = _FUNCTION.findall(row["question"])[-1]
            tests = {"tests": {"kind": "check", "entry_point": function, "hidden": row["test_list"]}}
            sides = (
                _whole(sides[0], row["question"], function),
                _whole(sides[1], row["question"], function),
            )
    return Pair(row["id"], row["question"], *sides, reference=tests, resources=resources)


def _whole(answer: str, question: str, function: str) -> str:
    """The function with its head, in a block."""
    code = answer if f"def {function}(" in answer else f"{question.rstrip()}\n{answer}"
    return f"```python\n{code.expandtabs(4)}\n```"


def weather_table(folder: Path) -> dict[str, Any]:
    """The weather history as a database with one table: city, day, and a column for each reading."""
    history = json.loads((folder / "weather_history.json").read_text("utf-8-sig"))
    rows = []
    for key, text in history.items():
        city, _, day = key.rpartition(", ")
        rows.append({"city": city, "date": day, **_readings(text)})
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = [{"name": name, "type": "TEXT"} for name in names]
    table = {"columns": columns, "rows": [[row.get(name) for name in names] for row in rows]}
    return {"name": "history", "engine": "sqlite", "tables": {"weather": table}}


def _readings(text: str) -> dict[str, str]:
    found = {}
    for name, value in _READING.findall(text.partition("\n")[2]):
        parts = _PARTS.findall(value)
        for number, unit in parts:
            found[f"{name.strip()} ({unit})"] = number
        if not parts:
            found[name.strip()] = value.strip().rstrip(".")
    return found
