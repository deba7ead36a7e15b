"""The service behind the facades: a scripted judge that knows one right answer, and breaks where it is told to."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from typing import Any

from judge_agent.errors import ModelError
from judge_agent.models.scripted import Answer, Held, ScriptedModel, ScriptedRequest, by_schema

QUESTION = "What is 2+2, in one short sentence?"
RIGHT, WRONG, BROKEN = "It is 4.", "It is 5.", "It is BROKEN."
PRINCIPLES = [{"name": "right", "description": "The answer is right.", "dimension": "correctness"}]
LABEL = {"reference": {"answer": "4"}, "principles": PRINCIPLES, "dimensions": ["correctness", "tool_use"]}
_SHOWN = re.compile(r"Response (model-\d+):\n(.*?)(?=\nResponse model-|\nThe principle:)", re.DOTALL)


def model() -> ScriptedModel:
    return ScriptedModel(otherwise=grade)


def held_model(gate: asyncio.Event, *, rules: Sequence[tuple[str, Answer]] = ()) -> ScriptedModel:
    """A judge that answers when the gate opens; what the rules know is answered at once."""
    return ScriptedModel(rules=rules, otherwise=Held(gate, grade))


async def was_asked(model: ScriptedModel, text: str = "") -> None:
    """Wait until the model was asked about something that holds the text."""
    for _ in range(1000):
        if any(text in request.text for request in model.requests):
            return
        await asyncio.sleep(0.01)
    raise TimeoutError(f"the model was not asked about {text!r}")


def grade(request: ScriptedRequest) -> Answer:
    """Pass what holds the right answer, break on what says so; a list is ranked."""
    if BROKEN in request.text:
        return ModelError("model_error", "the model server answered 500")
    shown = dict(_SHOWN.findall(request.text))
    if shown:
        return _ranked(shown)
    return by_schema(_best if RIGHT in request.text else _worst)(request)


def _ranked(shown: dict[str, str]) -> Answer:
    scores = {name: 5 if RIGHT in text else 2 for name, text in shown.items()}
    return json.dumps({"scores": scores, "best-to-worst": sorted(scores, key=lambda name: -scores[name])})


def _best(path: Sequence[str | int], options: Sequence[Any]) -> Any:
    return next((option for option in ("5", "pass", "good") if option in options), options[0])


def _worst(path: Sequence[str | int], options: Sequence[Any]) -> Any:
    return next((option for option in ("1", "fail", "bad") if option in options), options[0])
