"""A request is checked once between its acceptance and its judgment, and forgotten with the request."""

from __future__ import annotations

import gc

import pytest

from judge_agent.admission import Admissions
from judge_agent.errors import InvalidRequest
from judge_agent.prompting import PromptLibrary
from judge_agent.recipes import load_recipes
from judge_agent.schema import JudgmentRequest

BODY = {"task": {"prompt": "Add 1 and 1."}, "candidates": [{"id": "a", "trajectory": {"text": "2"}}]}


@pytest.fixture
def admissions() -> Admissions:
    return Admissions(load_recipes(PromptLibrary().folder), ())


def test_the_same_request_is_admitted_once_and_an_equal_one_by_itself(admissions: Admissions) -> None:
    request, twin = JudgmentRequest.model_validate(BODY), JudgmentRequest.model_validate(BODY)
    found = admissions.admitted(request)
    assert admissions.admitted(request) is found
    assert admissions.admitted(twin) is not found
    changed = request.model_copy(update={"recipe": "verify"})
    assert admissions.admitted(changed).recipe.name == "verify"


def test_what_was_admitted_goes_with_its_request(admissions: Admissions) -> None:
    for number in range(20):
        admissions.admitted(JudgmentRequest.model_validate({**BODY, "seed": number}))
    gc.collect()
    assert len(admissions._kept) == 0


def test_a_refused_request_is_refused_again(admissions: Admissions) -> None:
    request = JudgmentRequest.model_validate({**BODY, "recipe": "none_of_that_name"})
    for _ in range(2):
        with pytest.raises(InvalidRequest, match="is unknown"):
            admissions.admitted(request)
