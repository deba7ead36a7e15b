"""What a judge raises in one process of a trainer is raised in another."""

from __future__ import annotations

import pickle

import pytest

from judge_agent import errors
from judge_agent.trainers import JudgeUnavailable

RAISED = [
    errors.InvalidRequest("reward_kwargs", "there is no such"),
    errors.ModelError("model_error", "429", attempts=3),
    errors.BudgetExceeded("deadline", "over"),
    errors.RequestRefused("422", status=422, field="recipe", judgment_id="jdg_1"),
    errors.ServiceUnavailable("503", status=503),
    JudgeUnavailable("the judge gave no reward"),
]


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
def test_an_error_is_the_same_on_the_other_side(error: Exception) -> None:
    found = pickle.loads(pickle.dumps(error))
    assert (type(found), str(found), found.__dict__) == (type(error), str(error), error.__dict__)
