"""ROSE (2604.12988): execution first; a prover without the gold query, a refuter for whom it is a noisy witness."""

from __future__ import annotations

import json

import pytest

from tools.query_sql import QuerySql, QuerySqlLimits

pytestmark = pytest.mark.anyio
RECIPE = "rose-sql"
SETUP = """
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, city TEXT);
INSERT INTO people VALUES (1, 'Ada', 'Oslo'), (2, 'Bo', 'Rome'), (3, 'Cy', 'Oslo'), (4, 'Di', 'Bern');
"""
RIGHT = "SELECT count(*) FROM people WHERE city = 'Oslo'"
SAME = "SELECT sum(city = 'Oslo') FROM people"
# Not the answer; but the gold query may be the one that errs.
OTHER = "SELECT count(*) FROM people WHERE city = 'Rome'"
BROKEN = "SELECT count(*) FROM nowhere"
QUESTION = "How many people live in Oslo?"
PROVED = {
    "expected_answer": "One number.",
    "sql_description": "It counts the people of a city.",
    "evidence": "The result is one number.",
    "reason": "A count of people in a city was asked for.",
}


def answer_of(sql):
    return f"```sql\n{sql}\n```"


def body(gold, sql=SETUP):
    task = {"prompt": QUESTION, "reference": {"sql": gold}}
    return {"task": task, "resources": {"databases": [{"name": "main", "engine": "sqlite", "sql": sql}]}}


def is_refuter(request):
    return "You are the second judge of a SQL query" in request.text


def judge_of(prover="correct", refuter="upheld", quote="city = 'Rome'", gold="right", ambiguity="none"):
    """A prover and a refuter with these verdicts; the refuter quotes the answer."""

    def answer(request):
        if not is_refuter(request):
            return json.dumps({**PROVED, "verdict": prover})
        citations = [{"source": "m0", "quote": f"WHERE {quote}"}] if refuter == "overturned" else []
        return json.dumps(
            {
                "reason": "The question asks for Oslo, and nothing else will do.",
                "citations": citations,
                "reference": gold,
                "ambiguity": ambiguity,
                "verdict": refuter,
            }
        )

    return answer


@pytest.fixture
def tool(sandbox):
    return QuerySql(sandbox, limits=QuerySqlLimits(seconds_per_query=3))


async def test_an_answer_is_read_or_refused_as_the_table_says(panel, case):
    def answer(request):
        return judge_of(gold="none")(request) if is_refuter(request) else case["output"]

    judgment = await panel(answer).judge(RECIPE, {"a": answer_of(OTHER)}, task={"prompt": QUESTION})
    (found,) = judgment.candidates[0].principles
    if "failure_kind" in case:
        assert (found.valid, found.score, found.failure_kind) == (False, None, case["failure_kind"])
        return
    assert (found.choice, found.score) == (case["choice"], float(case["choice"] == "pass"))


async def test_every_recorded_prompt_says_what_makes_the_method(panel, reads, prompt, tool):
    bench = panel(judge_of(gold="wrong"), judge_tools=[tool])
    await bench.judge(RECIPE, {"a": answer_of(OTHER)}, **body(RIGHT))
    reads.says_what_it_must(bench.prompts, prompt)


async def test_equal_results_pass_without_any_question(panel, tool):
    bench = panel(judge_of("incorrect"), judge_tools=[tool])
    judgment = await bench.judge(RECIPE, {"a": answer_of(SAME)}, **body(RIGHT))
    assert judgment.candidates[0].reward == 1.0
    assert judgment.candidates[0].principles[0].decided_by == "evidence"
    assert bench.prompts == []


async def test_a_query_that_does_not_run_fails_without_any_question(panel, tool):
    bench = panel(judge_of(), judge_tools=[tool])
    judgment = await bench.judge(RECIPE, {"a": answer_of(BROKEN)}, **body(RIGHT))
    assert judgment.candidates[0].reward == 0.0
    assert bench.prompts == []


async def test_the_prover_sees_its_own_result_and_nothing_of_the_gold_query(panel, tool):
    """The defining step: not even that the results differ. The refuter sees the query and what it gave."""
    bench = panel(judge_of(gold="wrong"), judge_tools=[tool])
    await bench.judge(RECIPE, {"a": answer_of(OTHER)}, **body(RIGHT))
    proved, refuted = bench.prompts
    own = proved.partition("=====BEGIN EVIDENCE")[2].partition("=====END EVIDENCE")[0]
    assert '"rows": [[1]]' in own
    for word in ("'Oslo'", "differ", "refute", "reference", "schema_f1", "partial"):
        assert word not in proved
    assert RIGHT in refuted.partition("=====BEGIN REFERENCE")[2]
    assert "[[2]]" in refuted.partition("=====BEGIN WITNESS")[2].partition("=====END WITNESS")[0]


async def test_results_that_differ_are_no_verdict_where_the_gold_query_is_wrong(panel, tool):
    """The gold query asks for Rome, the question for Oslo: the right query differs from it, and passes."""
    judgment = await panel(judge_of(gold="wrong"), judge_tools=[tool]).judge(
        RECIPE, {"a": answer_of(RIGHT)}, **body(OTHER)
    )
    (result,) = judgment.candidates
    assert result.reward == 1.0
    assert result.flags["reference_disputed"] == ["answers_the_question"]
    look = result.flags["second_looks"]["answers_the_question"]
    assert (look["verdict"], look["reference"], look["ambiguity"]) == ("upheld", "wrong", "none")


async def test_the_refuter_overturns_with_a_quote_what_the_prover_let_pass(panel, tool):
    """The other defining step: without the second look the lenient prover's pass would stand."""
    judgment = await panel(judge_of("correct", "overturned"), judge_tools=[tool]).judge(
        RECIPE, {"a": answer_of(OTHER)}, **body(RIGHT)
    )
    assert judgment.candidates[0].reward == 0.0
    assert "overturned by a second look" in judgment.candidates[0].principles[0].reason


async def test_the_refuter_is_asked_only_after_a_pass(panel, tool):
    bench = panel(judge_of("incorrect"), judge_tools=[tool])
    judgment = await bench.judge(RECIPE, {"a": answer_of(OTHER)}, **body(RIGHT))
    assert judgment.candidates[0].reward == 0.0
    assert not any(is_refuter(request) for request in bench.model.requests)


async def test_where_the_question_can_be_read_in_two_ways_the_record_says_so(panel, tool):
    judgment = await panel(judge_of(gold="unclear", ambiguity="question"), judge_tools=[tool]).judge(
        RECIPE, {"a": answer_of(OTHER)}, **body(RIGHT)
    )
    assert judgment.candidates[0].reward == 1.0
    assert judgment.candidates[0].flags["second_looks"]["answers_the_question"]["ambiguity"] == "question"


async def test_a_gold_query_that_does_not_run_is_no_reason_not_to_judge(panel, tool):
    judgment = await panel(judge_of(gold="wrong"), judge_tools=[tool]).judge(
        RECIPE, {"a": answer_of(RIGHT)}, **body(BROKEN)
    )
    assert judgment.candidates[0].reward == 1.0
    assert "query_sql" in judgment.candidates[0].flags["tool_unavailable"]


async def test_by_other_recipes_the_same_difference_decides(panel, tool):
    judgment = await panel(judge_tools=[tool]).judge("verify", {"a": answer_of(RIGHT)}, **body(OTHER))
    assert judgment.candidates[0].reward == 0.0
