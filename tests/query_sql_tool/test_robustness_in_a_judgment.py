"""A query that is right on the given data only keeps its correctness, and has no robustness."""

from __future__ import annotations

from typing import Any

import pytest

from judge_agent.journal import MemoryJournal, MemorySharedResults
from judge_agent.judge import Judge
from judge_agent.log import MemoryLog
from judge_agent.schema import JudgmentRequest
from tools.query_sql import QuerySql

pytestmark = pytest.mark.anyio
KEYED = """
CREATE TABLE staff (id INTEGER PRIMARY KEY, name VARCHAR(20) NOT NULL, age INTEGER NOT NULL, town VARCHAR(20) NOT NULL);
INSERT INTO staff VALUES (1, 'Ada', 30, 'Oslo'), (2, 'Bo', 41, 'Rome'), (3, 'Cy', 52, 'Oslo'), (4, 'Di', 30, 'Bari'),
  (5, 'Ed', 63, 'Oslo');
"""
UNKEYED = KEYED.replace(" PRIMARY KEY", " NOT NULL")
REFERENCE = "SELECT name FROM staff WHERE age > 35"
ANSWERS = {
    "right": "SELECT s.name FROM staff AS s WHERE NOT (s.age <= 35)",
    "by_accident": "SELECT name FROM staff WHERE age > 40",
    "wrong": "SELECT name FROM staff WHERE age > 45",
}


@pytest.fixture
def judged(sandbox):
    async def run(script: str, **body: Any):
        judge = Judge(
            model=None,
            tools=[QuerySql(sandbox)],
            journal=MemoryJournal(),
            shared=MemorySharedResults(),
            log=MemoryLog(),
        )
        request = JudgmentRequest.model_validate(
            {
                "task": {"prompt": "Who is older than 35?", "reference": {"sql": REFERENCE}},
                "candidates": [
                    {"id": name, "trajectory": {"text": f"```sql\n{sql}\n```"}}
                    for name, sql in ANSWERS.items()
                ],
                "resources": {"databases": [{"name": "d", "engine": "sqlite", "sql": script}]},
                "recipe": "verify",
                **body,
            }
        )
        judgment = await judge.judge(request, judgment_id="j", tenant="t", created=0.0)
        return {one.id: one for one in judgment.candidates}

    return run


async def test_with_declared_keys_robustness_is_scored_beside_correctness(judged) -> None:
    found = await judged(KEYED)
    assert {name: one.vector["correctness"] for name, one in found.items()} == {
        "right": 1.0,
        "by_accident": 1.0,
        "wrong": 0.0,
    }
    assert {name: one.vector["robustness"] for name, one in found.items()} == {
        "right": 1.0,
        "by_accident": 0.0,
        "wrong": None,
    }
    assert {name: one.reward for name, one in found.items()} == {
        "right": 1.0,
        "by_accident": 0.5,
        "wrong": 0.0,
    }
    assert all(one.status == "scored" for one in found.values())
    assert "robustness" in found["wrong"].flags["not_applicable"]


async def test_without_declared_keys_robustness_applies_to_nobody(judged) -> None:
    found = await judged(UNKEYED)
    assert [one.reward for one in found.values()] == [1.0, 1.0, 0.0]
    assert all(one.vector["robustness"] is None for one in found.values())
    assert all("robustness" in one.flags["not_applicable"] for one in found.values())


async def test_a_caller_who_declares_other_dimensions_has_a_vector_of_those(judged) -> None:
    found = await judged(KEYED, dimensions=["correctness"])
    assert [one.vector for one in found.values()] == [
        {"correctness": 1.0},
        {"correctness": 1.0},
        {"correctness": 0.0},
    ]
    assert [one.reward for one in found.values()] == [1.0, 1.0, 0.0]


async def test_a_veto_makes_a_query_that_is_right_by_accident_worth_nothing(judged) -> None:
    found = await judged(KEYED, aggregate="veto")
    assert {name: one.reward for name, one in found.items()} == {
        "right": 1.0,
        "by_accident": 0.0,
        "wrong": 0.0,
    }
