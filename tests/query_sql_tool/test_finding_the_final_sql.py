"""Which text of a trajectory is the SQL that is judged, and that the record says so."""

from __future__ import annotations

import json
import time
import tomllib
from pathlib import Path

import pytest

from judge_agent.schema import Trajectory
from tools.sql.answer import final_sql

pytestmark = pytest.mark.anyio
CASES = tomllib.loads((Path(__file__).parent / "answers.toml").read_text("utf-8"))["case"]
ASIDES = tomllib.loads((Path(__file__).parent / "asides.toml").read_text("utf-8"))["case"]
VERDICTS = {
    "right": ("confirms", "decisive"),
    "wrong": ("refutes", "decisive"),
    "unclear": ("refutes", "strong"),
}


def trajectory_of(case) -> Trajectory:
    artifacts = [{"name": "a.sql", "kind": "sql", "content": case["artifact"]}] if "artifact" in case else []
    messages = []
    for text, sql in case.get("steps", ()):
        arguments = sql if isinstance(sql, dict) else {"sql": sql}
        function = {"name": "run_sql", "arguments": json.dumps(arguments)}
        calls = [{"id": "c", "function": function}] if sql else None
        messages.append({"role": "assistant", "content": text, "tool_calls": calls})
    return Trajectory.model_validate(
        {"messages": messages, "artifacts": artifacts, "final_answer": case.get("answer")}
    )


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
async def test_the_final_sql_is_found_and_its_origin_recorded(judged, case) -> None:
    database = {
        "name": "d",
        "engine": "sqlite",
        "tables": {"t": {"columns": [{"name": "a", "type": "INTEGER"}]}},
    }
    verdict, result = await judged(
        None, "SELECT a FROM t", databases=[database], trajectory=trajectory_of(case)
    )
    if case.get("doubt"):
        assert verdict == ("none", "hint")
        return
    if "sql" not in case:
        assert (verdict, result.output) == (("refutes", "decisive"), {"reason": "the answer holds no SQL"})
        return
    assert (result.output["sql"]["text"], result.output["sql"]["origin"]) == (case["sql"], case["origin"])
    blamed = [finding.step_id for finding in result.findings if finding.step_id]
    assert blamed == ([case["step"]] if "step" in case and verdict[0] != "none" else [])


def test_texts_of_ticks_brackets_and_quotes_are_read_in_time_that_grows_with_their_length() -> None:
    chars = 100_000
    texts = ["".join("`" * width + " " for width in range(1, 440))]
    texts += [
        piece * (chars // len(piece))
        for piece in ("```", "<sql>", '{"a":', '\\"', "```sql ", "a: select 1\n")
    ]
    started = time.process_time()
    for text in texts:
        final_sql(Trajectory.model_validate({"final_answer": text}), "sqlite")
    assert time.process_time() - started < 5


RIGHT, WRONG = "SELECT name FROM people WHERE id > 2", "SELECT name FROM people"


def trajectory_of_calls(*queries: str) -> Trajectory:
    return trajectory_of({"steps": [*(["", sql] for sql in queries), ["Cy, Di and Ed.", ""]]})


async def test_a_last_call_that_differs_does_not_decide_where_an_earlier_one_is_right(judged) -> None:
    for queries, expected in (
        ((WRONG, RIGHT), ("confirms", "decisive")),
        ((RIGHT, WRONG), ("refutes", "strong")),
        ((WRONG, WRONG), ("refutes", "decisive")),
        (("SELECT id FROM people", WRONG), ("refutes", "decisive")),
    ):
        verdict, _ = await judged(None, RIGHT, trajectory=trajectory_of_calls(*queries))
        assert verdict == expected, queries


async def test_a_sample_of_a_table_may_be_the_answer_and_is_never_held_against_it(judged) -> None:
    sample = "SELECT * FROM people LIMIT 3"
    for reference, expected in (
        (sample, ("confirms", "decisive")),
        (RIGHT, ("refutes", "strong")),
    ):
        verdict, _ = await judged(None, reference, trajectory=trajectory_of_calls(sample))
        assert verdict == expected, reference


async def test_a_last_block_that_checks_the_answer_is_not_held_against_it(judged) -> None:
    answer = f"```sql\n{RIGHT}\n```\nTo verify:\n```sql\nSELECT count(*) FROM people\n```"
    verdict, _ = await judged(None, RIGHT, trajectory=Trajectory.model_validate({"final_answer": answer}))
    assert verdict == ("refutes", "strong")
    verdict, _ = await judged(None, WRONG, trajectory=Trajectory.model_validate({"final_answer": answer}))
    assert verdict == ("refutes", "decisive")


@pytest.mark.parametrize("case", ASIDES, ids=[case["name"] for case in ASIDES])
async def test_what_stands_beside_the_query_is_not_taken_for_it(judged, case) -> None:
    def filled(text: str) -> str:
        return text.format(right=RIGHT, wrong=WRONG)

    given = {"steps": [[filled(step), ""] for step in case.get("steps", ())]}
    answer = {"answer": filled(case["answer"])} if "answer" in case else {}
    verdict, result = await judged(None, RIGHT, trajectory=trajectory_of(given | answer))
    assert verdict == VERDICTS[case["verdict"]], result
