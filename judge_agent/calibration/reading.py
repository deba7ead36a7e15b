"""Reads a file of labelled judgments, or of requests that are to be judged first. One JSON object a line.

    {"judgment": {...}, "labels": {"a": true, "b": false}}   a judgment, and which candidates are good
    {"judgment": {...}, "winner": "a"}                       a comparison, and who is better
    {"request": {...}, "labels": {...}}, {..., "winner": ..} a request that a service is to judge
    {"request": {...}}                                       one with a task.reference that evidence decides by

Of the last form the label is what recipe `verify` says with the reference; what is calibrated judges without it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from judge_agent.errors import JudgeError
from judge_agent.hashing import sha256_of
from judge_agent.schema import Judgment, JudgmentRequest
from judge_agent.schema.refusals import message_of
from judge_agent.text_files import text_of

VERIFY = "verify"
_FORMS = "give a judgment with labels or winner, or a request with labels, winner, or a task.reference"


@dataclass(frozen=True)
class Line:
    """A line: a judgment, or a request still to be judged. Without labels and winner evidence is to say which is good.

    `group` is the same for lines of the same task.
    """

    number: int
    judgment: Judgment | None
    request: Mapping[str, Any] | None
    labels: Mapping[str, bool]
    winner: str | None
    group: str

    @property
    def with_reference(self) -> dict[str, Any]:
        """The request by which evidence says who is good."""
        return {**(self.request or {}), "recipe": VERIFY, **_PLAIN}

    @property
    def to_judge(self) -> dict[str, Any]:
        """The request as it is judged; where the reference is the label, without it."""
        request = dict(self.request or {})
        if not self.labels and self.winner is None:
            task = {name: value for name, value in request["task"].items() if name != "reference"}
            request["task"] = task
        return {**request, **_PLAIN}


# What neither judging needs: rewards stay raw, nobody abstains, nobody waits for a group.
_PLAIN: Mapping[str, Any] = {"shape": [], "step_credit": [], "max_risk": 1, "group": None, "run": None}


def read_lines(path: Path, recipe: str | None = None) -> tuple[list[Line], str]:
    """Return the lines of a file, and the hash of its bytes. `recipe` is for requests, instead of theirs.

    Raises JudgeError that names the line and what is wrong with it.
    """
    text = text_of(path)
    found = [
        _line(line, number, path, recipe)
        for number, line in enumerate(text.split("\n"), start=1)
        if line.strip()
    ]
    if not found:
        raise JudgeError(f"{str(path)!r} holds no line")
    return found, sha256_of(text)


def _line(text: str, number: int, path: Path, recipe: str | None) -> Line:
    where = f"{path}, line {number}"
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise JudgeError(f"{where}: no JSON: {error}") from error
    if not isinstance(data, dict) or not set(data) <= {"judgment", "request", "labels", "winner"}:
        raise JudgeError(f"{where}: {_FORMS}")
    labels, winner = data.get("labels") or {}, data.get("winner")
    is_labelled = isinstance(labels, dict) and all(isinstance(one, bool) for one in labels.values())
    if not is_labelled or not (winner is None or isinstance(winner, str)) or (labels and winner is not None):
        raise JudgeError(f"{where}: labels are true or false by candidate id, or winner is an id; not both")
    try:
        if "judgment" in data and "request" not in data and (labels or winner is not None):
            judgment = Judgment.model_validate(data["judgment"])
            return Line(number, judgment, None, labels, winner, judgment.cached_from or judgment.id)
        if "request" in data and "judgment" not in data:
            return _to_judge(data["request"], number, labels, winner, where, recipe)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"]))
        raise JudgeError(f"{where}: {field}: {message_of(first)}") from error
    raise JudgeError(f"{where}: {_FORMS}")


def _to_judge(
    given: Any, number: int, labels: Mapping[str, bool], winner: str | None, where: str, recipe: str | None
) -> Line:
    request = JudgmentRequest.model_validate(given)
    reference = request.task.reference.model_dump(exclude_none=True)
    if not labels and winner is None and not reference:
        raise JudgeError(f"{where}: nothing says which candidate is good; {_FORMS}")
    known = [one.id for one in request.candidates]
    for name in (*labels, *([winner] if winner is not None else [])):
        if name not in known:
            raise JudgeError(f"{where}: {name!r} is no candidate of the request, which has {sorted(known)}")
    said = {**given, "recipe": recipe} if recipe else dict(given)
    return Line(number, None, said, labels, winner, sha256_of(request.task.model_dump(mode="json")))
