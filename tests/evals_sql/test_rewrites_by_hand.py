"""Fifty pairs of queries that mean the same: the tool speaks against none of them."""

from __future__ import annotations

import json

import pytest

from evals.__main__ import main
from evals.sql.rewriting import rewrites
from evals.sql.trial import Asker

pytestmark = pytest.mark.anyio
REWRITES = rewrites()


def test_there_are_fifty_on_three_databases_that_declare_their_keys() -> None:
    assert len(REWRITES) == 50
    assert len({(one.reference, one.other) for one in REWRITES}) == 50
    assert len({one.database for one in REWRITES}) == 3


@pytest.mark.parametrize("engine", ["sqlite", pytest.param("duckdb", marks=pytest.mark.slow)])
async def test_no_rewrite_is_told_to_be_wrong(sandbox, engine) -> None:
    asker = Asker(sandbox)
    tried = 0
    for one in REWRITES:
        answer = await asker.ask(one.given(engine), one.other, one.reference)
        assert answer.given == "right", (one.other, answer.reason)
        assert answer.copies == "same", (one.other, answer.reason)
        tried += 1
    assert tried == 50


async def test_a_mistake_in_a_rewrite_is_told(sandbox) -> None:
    one = next(one for one in REWRITES if "BETWEEN 120 AND 320" in one.reference)
    answer = await Asker(sandbox).ask(
        one.given("sqlite"), one.other.replace(">= 120", "> 120"), one.reference
    )
    assert answer.given == "wrong"
    answer = await Asker(sandbox).ask(
        one.given("sqlite"), one.other.replace(">= 120", "> 119"), one.reference
    )
    assert (answer.given, answer.copies) == ("right", "same")


def test_a_folder_without_questions_is_told(tmp_path, capsys) -> None:
    assert main(["sql", str(tmp_path)]) == 2
    assert "no questions" in capsys.readouterr().err


def test_the_report_ends_with_one_line_of_json(sandbox, tmp_path, capsys) -> None:
    (tmp_path / "questions").mkdir()
    (tmp_path / "sqlite").mkdir()
    for name in ("questions_gen_sqlite.csv", "instruct_basic_sqlite.csv", "instruct_advanced_sqlite.csv"):
        (tmp_path / "questions" / name).write_text("db_name,query_category,query,question,instructions\n")
    assert main(["sql", str(tmp_path), "--rewrites", "1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["rewrites"] == {"sqlite": 1, "duckdb": 1}
    assert told["rewrite_false_alarms"] == told["rewrite_weak_alarms"] == 0
