"""What a caller sends as a number or a truth value is one: no model of a body takes "1" or true for 1, or 1 for true.

The walk finds every model of the library and the service by itself, so that a new one is held to it too.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

import api
import judge_agent.schema
from judge_agent.schema import JudgmentRequest

# What the service says, and what its operator writes; no caller sends any of it in a body.
NOT_SENT = {
    "api.blobs": {"Blob"},
    "api.canary_table": {"CanaryTable"},
    "api.compat.eval_protocol": {"EvaluateResult", "Metric", "StepOutput"},
    "api.compat.nemo_gym": {"Verified"},
    "api.compat.nemo_gym_compare": {"Compared"},
    "api.compat.nemo_gym_metrics": {"AggregateMetrics"},
    "api.compat.openrlhf": {"Rewards"},
    "api.compat.reward_anything": {"Results"},
    "api.compat.roll": {"Result", "Submitted"},
    "api.run_code_schema": {"CommandRunResult"},
    "api.runs.answers": {
        "Counted",
        "Disagreement",
        "Groups",
        "Lengths",
        "Noise",
        "Quantiles",
        "Rewards",
        "RunAlarm",
        "RunAnswer",
        "RunNumbers",
        "RunPin",
        "Seconds",
        "Spread",
        "StepNumbers",
        "Tokens",
    },
    "api.jury": {"_Seat"},
    "api.mcp_servers": {"_Server"},
    "api.settings": {"Settings"},
    "judge_agent.schema.group": {"Group", "GroupMember", "GroupPreference"},
    "judge_agent.schema.judgment": {
        *("CandidateResult", "Citation", "Confidence", "Coverage", "Evidence", "EvidenceImage", "Judgment"),
        *("Preference", "Principle", "PrincipleResult", "Provenance", "Sample", "SecondLook", "StepResult"),
        "Usage",
    },
}
OFFERS: tuple[Any, ...] = ("1", "0.5", "true", True, 1)
PLACES: tuple[Callable[[Any], Any], ...] = (
    lambda value: value,
    lambda value: [value],
    lambda value: {"a": value},
    lambda value: {"a": [value]},
    lambda value: [[value]],
)


class Loose(BaseModel):
    """What the walk is to find."""

    share: float = 0.5
    is_on: bool | None = None
    counts: dict[str, list[int]] = {}
    name: str = ""


def imported() -> None:
    for package in (api, judge_agent.schema):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)


def models(base: type[BaseModel] = BaseModel) -> Iterator[type[BaseModel]]:
    for model in base.__subclasses__():
        yield model
        yield from models(model)


def guessed(model: type[BaseModel]) -> set[str]:
    """The fields that take a text or truth value for a number, or the other way round."""
    return {
        name
        for name, field in model.model_fields.items()
        for offer in OFFERS
        if any(_guesses(_type_of(field.annotation, field.metadata), offer, place) for place in PLACES)
    }


def _type_of(annotation: Any, metadata: list[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(Annotated[(annotation, *metadata)] if metadata else annotation)


def _guesses(kind: TypeAdapter[Any], offer: Any, place: Callable[[Any], Any]) -> bool:
    try:
        read = kind.validate_python(place(offer))
    except ValidationError:
        return False
    same = {type(offer)} | ({float} if type(offer) is int else set())
    return any(isinstance(leaf, (bool, int, float)) and type(leaf) not in same for leaf in _leaves(read))


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, (dict, list, tuple, set, frozenset)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _leaves(item)
    else:
        yield value


def is_of_a_body(model: type[BaseModel]) -> bool:
    is_ours = model.__module__.startswith(("api.", "judge_agent.schema"))
    return is_ours and model.__name__ not in NOT_SENT.get(model.__module__, set())


def test_no_field_of_a_body_guesses_a_number_or_a_truth_value() -> None:
    imported()
    walked = {model for model in models() if is_of_a_body(model)}
    assert JudgmentRequest in walked
    assert len(walked) > 40
    names = {f"{model.__module__}.{model.__name__}": guessed(model) for model in walked}
    assert {name: fields for name, fields in names.items() if fields} == {}


def test_the_walk_finds_fields_that_guess() -> None:
    assert guessed(Loose) == {"share", "is_on", "counts"}


def test_what_is_left_out_of_the_walk_is_there_and_in_no_body() -> None:
    imported()
    left_out = {model for model in models() if model.__name__ in NOT_SENT.get(model.__module__, set())}
    assert len(left_out) == sum(map(len, NOT_SENT.values()))
    sent = JudgmentRequest.model_json_schema()["$defs"].keys()
    assert not {model.__name__ for model in left_out} & sent


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("shape", {"kind": "z", "ddof": True}),
        ("shape", {"kind": "difficulty", "outcome": "0.5"}),
        ("seed", True),
        ("pass_threshold", "0.5"),
        ("include_hidden_reasoning", 1),
    ],
)
def test_a_request_that_has_one_is_refused(field: str, value: Any) -> None:
    body = {"task": {"prompt": "?"}, "candidates": [{"id": "a", "trajectory": {"text": "4"}}]}
    JudgmentRequest.model_validate(body)
    with pytest.raises(ValidationError, match=field):
        JudgmentRequest.model_validate(body | {field: value})
