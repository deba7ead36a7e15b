"""What a trainer has of one episode, how it wants it judged, and the request that both make. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from judge_agent.errors import InvalidRequest
from judge_agent.schema.request import Aggregate, Granularity
from judge_agent.trainers.as_json import as_json, picture_url
from judge_agent.trainers.columns import (
    REFERENCE_FIELDS,
    RESOURCE_FIELDS,
    TRAJECTORY_FIELDS,
    check_names,
    fields_of,
)
from judge_agent.trainers.shaping import links_of

Text = str | Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Rollout:
    """One completion of one prompt, each a text or a list of chat messages, and the row of the data set it is of.

    Rollouts of one `group` were made for the same row and are judged together; without it those are that have the
    same prompt and the same reference. `index` of `size` is the rollout's place in its group, `attempt` a new try of
    the whole group.
    """

    prompt: Text
    completion: Text
    columns: Mapping[str, Any] = field(default_factory=dict)
    group: str | None = None
    index: int | None = None
    size: int | None = None
    step: int | None = None
    attempt: int = 0


@dataclass(frozen=True)
class Asking:
    """How to judge: the fields of a request that are the same for every rollout. What is None is the recipe's.

    `columns` says which dataset column holds which field: of the reference (`answer, solution, sql, tests,
    final_state, tool_calls, tool_call_rules`), of the resources (`databases, environment`), or `agent_tools`. None
    takes the columns that are called like that. `agent_tools` are the schemas of the tools that every agent had, where
    no column has them; `tools` are the judge's. `seconds` is the judgment's own time; RolloutJudge sets it below its
    own where it is None. `shape` is over the rollouts of a group, each as often as it came. `run` is `{"id", "pin"}`:
    the trainer's run, of which `GET /v1/runs/{id}` tells; its step is the rollout's, where the trainer says which one
    it is. Raises InvalidRequest for a column or a shape that there is not.
    """

    recipe: str = "default"
    dimensions: Sequence[str] | None = None
    columns: Mapping[str, str] | None = None
    principles: Sequence[Mapping[str, Any]] | None = None
    tools: Sequence[str] | None = None
    granularity: Sequence[Granularity] | None = None
    aggregate: Aggregate | None = None
    pass_threshold: float | None = None
    seconds: float | None = None
    model_tokens: int | None = None
    tool_calls: int | None = None
    samples: int | None = None
    seed: int = 0
    agent_tools: Sequence[Mapping[str, Any]] = ()
    cache: Literal["yes", "no", "refresh"] | None = None
    include_hidden_reasoning: bool = False
    shape: str | Mapping[str, Any] | Sequence[str | Mapping[str, Any]] | None = None
    join: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict)
    run: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        check_names(self.columns or {})
        if isinstance(self.dimensions, str):
            raise InvalidRequest("dimensions", f"{self.dimensions!r} is a text; write [{self.dimensions!r}]")
        links_of(self.shape, self.dimensions)


def task_of(rollout: Rollout, asking: Asking) -> dict[str, Any]:
    """Write `task`, and `resources` and `run` where there are any: what rollouts judged together have in common.

    Raises InvalidRequest where a column cannot be read.
    """
    fields = fields_of(rollout.columns, asking.columns)
    prompt = rollout.prompt
    task: dict[str, Any] = (
        {"prompt": prompt} if isinstance(prompt, str) else {"messages": _messages(prompt, "prompt")}
    )
    reference = {name: fields[name] for name in REFERENCE_FIELDS if name in fields}
    resources = {name: fields[name] for name in RESOURCE_FIELDS if name in fields}
    shared: dict[str, Any] = {"task": task | ({"reference": reference} if reference else {})}
    if asking.run is not None:
        step = {} if rollout.step is None else {"step": rollout.step}
        shared["run"] = {**as_json(asking.run, "run"), **step}
    return shared | ({"resources": resources} if resources else {})


def trajectory_of(rollout: Rollout, asking: Asking) -> dict[str, Any]:
    """Write the completion as a trajectory; an empty one stays empty, and is judged as such."""
    named = asking.columns
    own = None if named is None else {key: named[key] for key in TRAJECTORY_FIELDS if key in named}
    tools = fields_of(rollout.columns, own).get("agent_tools") or as_json(asking.agent_tools, "agent_tools")
    completion = rollout.completion
    if isinstance(completion, str) and not tools:
        return {"text": completion}
    said = [{"role": "assistant", "content": completion}] if isinstance(completion, str) else completion
    messages = _messages(said, "completion")
    return {"messages": messages} | ({"tools": tools} if tools else {})


def request_of(rollouts: Sequence[Rollout], asking: Asking) -> dict[str, Any]:
    """Write the request that judges these rollouts of one task; the first one's task counts, ids are `r0`, `r1`, ...

    Raises InvalidRequest where something cannot be written as JSON or a named column is missing.
    """
    trajectories = [trajectory_of(rollout, asking) for rollout in rollouts]
    return request_with(task_of(rollouts[0], asking), trajectories, asking)


def request_with(
    task: Mapping[str, Any], trajectories: Sequence[Mapping[str, Any]], asking: Asking
) -> dict[str, Any]:
    """Write the request from a task and trajectories that are written already."""
    candidates = [{"id": f"r{at}", "trajectory": found} for at, found in enumerate(trajectories)]
    return {**task, "candidates": candidates, **_wishes(asking)}


def _wishes(asking: Asking) -> dict[str, Any]:
    given = {
        "dimensions": asking.dimensions,
        "principles": asking.principles,
        "tools": asking.tools,
        "granularity": asking.granularity,
        "aggregate": asking.aggregate,
        "pass_threshold": asking.pass_threshold,
        "cache": asking.cache,
        "shape": asking.shape,
        "include_hidden_reasoning": asking.include_hidden_reasoning or None,
    }
    budget = {
        "seconds": asking.seconds,
        "model_tokens": asking.model_tokens,
        "tool_calls": asking.tool_calls,
        "samples": asking.samples,
    }
    wishes: dict[str, Any] = {"recipe": asking.recipe, "seed": asking.seed}
    wishes |= {name: as_json(value, name) for name, value in given.items() if value is not None}
    limits = {name: value for name, value in budget.items() if value is not None}
    wishes |= {"budget": limits} if limits else {}
    return wishes | ({"metadata": as_json(asking.metadata, "metadata")} if asking.metadata else {})


def _messages(messages: Sequence[Mapping[str, Any]], where: str) -> list[dict[str, Any]]:
    if not isinstance(messages, Sequence) or isinstance(messages, (bytes, bytearray)):
        raise InvalidRequest(where, f"is a {type(messages).__name__}, neither text nor a list of messages")
    return [_message(message, f"{where}.{index}") for index, message in enumerate(messages)]


def _message(message: Mapping[str, Any], where: str) -> dict[str, Any]:
    """One message. Nulls are what Arrow writes for fields that other messages have, and say nothing."""
    if not isinstance(message, Mapping):
        raise InvalidRequest(where, f"is a {type(message).__name__}, not a message")
    written = {key: value for key, value in message.items() if value is not None}
    content = written.get("content")
    if isinstance(content, Sequence) and not isinstance(content, (str, bytes)):
        written["content"] = [_part(part, where) for part in content]
    plain: dict[str, Any] = as_json(written, where)
    return plain


def _part(part: Any, where: str) -> Any:
    """A picture that a processor would take becomes one that the judge can look at."""
    if not isinstance(part, Mapping):
        return part
    written = {key: value for key, value in part.items() if value is not None}
    picture = written.pop("image", None)
    if picture is None:
        return written
    if isinstance(picture, Mapping):
        # The form of a data set whose pictures are not decoded.
        picture = picture.get("bytes") or picture.get("path")
    url = picture_url(picture) if isinstance(picture, bytes) else as_json(picture, f"{where}.image")
    return written | {"type": "image_url", "image_url": {"url": url}}
