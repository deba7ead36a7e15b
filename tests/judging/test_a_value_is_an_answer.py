"""A letter, a number or a yes is an answer, whatever the words around it: never one that says nothing."""

from __future__ import annotations

import string
from typing import Any

import pytest

from judge_agent.guards.says_nothing import says_nothing
from tools import Calculate

pytestmark = pytest.mark.anyio
VALUES = [
    *string.ascii_letters,
    *map(str, range(21)),
    *(
        "yes",
        "no",
        "true",
        "false",
        "Yes",
        "No",
        "True",
        "False",
        "one",
        "two",
        "none",
        "nothing",
        "both",
        "all",
    ),
]
FORMS = [
    "{}",
    "Answer: {}",
    "**Answer:** {}",
    "**Answer: {}**",
    "The answer is {}",
    "The answer is: {}",
    "The answer is **{}**.",
    "The answer is ({}).",
    "The correct answer is {}.",
    "The final answer is {}.",
    "Final answer: {}",
    r"The answer is $\boxed{{{}}}$",
    "Let me think. The answer is {}.",
    "Let's think step by step.\n\nTherefore, the answer is {}.",
    "Thus the solution is {}",
    "Solution: {}",
    "The result is {}.",
    "My answer is {}.",
    "### Answer\n{}",
    "#### {}",
    "<answer>{}</answer>",
    "Die Antwort ist {}.",
    "La réponse est {}.",
    "La respuesta es {}.",
    "A resposta é {}.",
    "La risposta è {}.",
    "Het antwoord is {}.",
    "Ответ: {}",
    "答案：{}",
]
TASKS = [
    "How many are there?",
    "Which option is right? A) four B) five C) six. 2+2?",
    "Solve 2x = 4. Show your work, and end with the answer.",
]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("form", FORMS)
def test_a_value_in_any_form_says_something(form: str, task: str) -> None:
    assert [value for value in VALUES if says_nothing(form.format(value), [task])] == []


@pytest.mark.parametrize(
    "text",
    [
        "Step 1",
        "Step 1:",
        "Part 1",
        "Solution 1:",
        "Here is a solution",
        "The solution is as follows",
        "I",
        "解",
        "The solution is given below.",
        "Solution: [see below]",
        "La soluzione è la seguente",
        "A resposta\né:",
    ],
)
def test_a_number_of_a_step_or_an_article_is_no_value(text: str) -> None:
    assert says_nothing(text, ["Find the sum of the first 20 odd numbers."]) is (text != "I")


@pytest.mark.parametrize(
    ("task", "word"),
    [
        ("Which one of them was it?", "first"),
        ("Is this OK?", "sure"),
        ("What is breaking a problem into parts called?", "analysis"),
        ("Salt dissolved in water is called what?", "solution"),
        ("What is the final section of a paper?", "conclusion"),
        ("Name a synonym of method.", "approach"),
    ],
)
@pytest.mark.parametrize("form", ["{}", "Answer: {}", "The answer is {}.", "**Answer**\n\n{}", "Antwort: {}"])
def test_the_name_of_an_answer_takes_nothing_from_the_word_behind_it(task: str, word: str, form: str) -> None:
    assert not says_nothing(form.format(word), [task])


@pytest.mark.parametrize("text", ["Answer: solution", "Answer: let's think", "The answer is as follows:"])
def test_the_name_of_an_answer_adds_nothing_to_what_says_nothing(text: str) -> None:
    assert says_nothing(text, ["Find the sum of the first 20 odd numbers."])


def test_a_number_behind_is_may_go_on() -> None:
    assert not says_nothing("The answer is 1, 2 because that follows from the definition.", ["Which is it?"])


@pytest.mark.parametrize(
    "text",
    ["The answer is below.", "Answer: under", "A resposta é E", "Answer: in the", "The answer is proof."],
)
def test_a_word_that_others_use_to_point_at_what_comes_may_be_the_answer(text: str) -> None:
    assert not says_nothing(text, ["Which word goes into the gap of the fourth line?"])


@pytest.mark.parametrize("text", ["### Answer\n\nfirst", "**Answer**\nnext", "Answer: first"])
def test_a_word_below_a_heading_is_as_much_as_behind_a_colon(text: str) -> None:
    assert not says_nothing(text, ["Which comes earlier, the first or the last?"])
    assert says_nothing(
        text.split("\n")[0].split(" first")[0], ["Which comes earlier, the first or the last?"]
    )


@pytest.mark.parametrize("reference", ["A", "B", "1", "2"])
@pytest.mark.parametrize(
    "form",
    [
        "Answer {}",
        "<think>Let me see.</think>\n\nAnswer {}.",
        "**Answer {}**",
        "The answer is {}.",
    ],
)
async def test_who_gives_the_reference_at_the_end_is_paid_as_whoever_gives_another(
    bench: Any, sandbox: Any, form: str, reference: str
) -> None:
    judge = bench(tools=[Calculate(sandbox)])
    task = {"prompt": "Which is it?", "reference": {"answer": reference}}
    found = await judge.one(text=form.format(reference), task=task, recipe="verify")
    assert (found.status, found.reward) == ("scored", 1.0), found
    assert "content_free" not in found.flags


@pytest.mark.parametrize("reference", ["A", "1", "true", "no", "E", "step 2"])
@pytest.mark.parametrize("form", ["Answer {}", "Solution {}.", "Final answer\n{}", "**{}**"])
async def test_who_gives_the_reference_at_the_end_is_judged(bench: Any, form: str, reference: str) -> None:
    task = {"prompt": "Which is it?", "reference": {"answer": reference}}
    assert "content_free" not in (await bench().one(text=form.format(reference), task=task)).flags


async def test_an_opener_that_ends_on_a_word_of_the_reference_is_still_none(bench: Any, sandbox: Any) -> None:
    task = {"prompt": "Which is it?", "reference": {"answer": "A"}}
    found = await bench(tools=[Calculate(sandbox)]).one(
        text="Here is a solution:", task=task, recipe="verify"
    )
    assert (found.status, found.reward, found.flags["content_free"]) == ("scored", 0.0, True)


def test_a_row_of_names_with_much_between_them_is_read_in_one_pass() -> None:
    # With a choice in each gap this would not end in a lifetime.
    assert not says_nothing(("a:" + " " * 7) * 30 + "x = 3", ["How many are there?"])
    assert says_nothing("Given:   Required:   Solution:   ", ["How many are there?"])
