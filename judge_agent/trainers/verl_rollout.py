"""Reads what verl hands to reward code as a rollout: prompt, messages or text, reference, group. Pure; no verl here.

verl 0.9 gives the decoded response as one text. What an agent loop puts into `extra_fields` stands in `extra_info`:
always `raw_prompt`, and with JudgeToolAgentLoop also `messages` and `agent_tools`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from judge_agent.errors import InvalidRequest
from judge_agent.hashing import sha256_of
from judge_agent.trainers.as_json import as_json, is_missing
from judge_agent.trainers.columns import FIELDS, RESOURCE_FIELDS, TRAJECTORY_FIELDS
from judge_agent.trainers.decoded_text import complete
from judge_agent.trainers.rollout import Rollout, Text

log = logging.getLogger(__name__)
_PROMPT_FIELDS = ("raw_prompt", "prompt", "question")
# Evidence alone needs no prompt, but every request has one.
_NO_PROMPT = "(the trainer did not hand the prompt over)"


@dataclass(frozen=True)
class VerlSample:
    """One sample as verl's reward managers see it. `uid` is the group's; a manager knows it, else `extra_info` may."""

    data_source: str
    solution_str: str
    ground_truth: Any
    extra_info: Mapping[str, Any] = field(default_factory=dict)
    uid: str | None = None

    @property
    def prompt(self) -> Text:
        for name in _PROMPT_FIELDS:
            found = self.extra_info.get(name)
            if not is_missing(found):
                return found if isinstance(found, str) else _listed(found, name)
        return ""

    @property
    def group(self) -> Hashable:
        """What rollouts of one prompt have in common: the uid, else the row's index, else the prompt itself."""
        index = self.extra_info.get("index")
        uid = self.extra_info.get("uid") if self.uid is None else self.uid
        if not is_missing(uid):
            return ("uid", str(uid))
        if not is_missing(index):
            return ("index", str(self.data_source), str(self.extra_info.get("split")), str(index))
        if not self.prompt:
            return ("alone", object())
        shown = {"prompt": self.prompt, "truth": self.ground_truth}
        return ("prompt", sha256_of(as_json(shown, "prompt")))

    def rollout(self, recipe: str, named: Mapping[str, str] | None = None) -> tuple[Rollout, bool]:
        """Return the rollout, and whether its messages were read (else the decoded text). Raises InvalidRequest.

        `named` maps fields of a reference or of resources to keys of the ground truth or of `extra_info`
        (`ground_truth` is the whole of it); without it the ground truth is a text (the answer), or an object of such
        fields, or JSON text of one.
        """
        columns = self._handed() | (self._reference() if named is None else self._named(named))
        prompt, said = self._said(self.prompt) or (self.prompt, None)
        if not prompt and recipe != "verify":
            raise InvalidRequest(
                "extra_info",
                f"has no {', '.join(_PROMPT_FIELDS)}, so that nobody knows what was asked; take JudgeRewardManager, "
                "or a data set with `question` in its extra_info",
            )
        completion = self.solution_str if said is None else said
        return Rollout(prompt or _NO_PROMPT, completion, columns), said is not None

    def _said(self, prompt: Text) -> tuple[Text, Text | None] | None:
        """The messages of the prompt, and those after it; None where there are none of this rollout."""
        handed = self.extra_info.get("messages")
        if is_missing(handed):
            return None
        messages = _listed(handed, "messages")
        before = _prompt_length(messages, prompt)
        said = complete(messages[before:], self.solution_str)
        if said is None:
            log.warning(
                "extra_info['messages'] is not of the rollout that is scored; its decoded text is judged"
            )
            return None
        return (messages[:before] if before and isinstance(prompt, str) else prompt), said

    def _handed(self) -> dict[str, Any]:
        """What stands in `extra_info` under names that nobody means otherwise; an `answer` there may be anything."""
        found = {name: self.extra_info.get(name) for name in (*RESOURCE_FIELDS, *TRAJECTORY_FIELDS)}
        return {name: value for name, value in found.items() if not is_missing(value)}

    def _reference(self) -> dict[str, Any]:
        truth = self.ground_truth
        if is_missing(truth):
            return {}
        fields = _object_in(truth)
        if fields is None or (isinstance(truth, str) and not fields.keys() & set(FIELDS)):
            return {"answer": truth}
        strange = sorted(str(name) for name in fields if name not in FIELDS)
        if strange:
            raise InvalidRequest(
                "ground_truth",
                f"{strange[0]!r} is no field; there are {', '.join(FIELDS)}. Map others by the setting `columns`",
            )
        return dict(fields)

    def _named(self, named: Mapping[str, str]) -> dict[str, Any]:
        row = {**self.extra_info, **(_object_in(self.ground_truth) or {}), "ground_truth": self.ground_truth}
        for field_name, column in named.items():
            if column not in row:
                there = ", ".join(sorted(map(str, row)))
                raise InvalidRequest(
                    "columns", f"there is no {column!r} for {field_name!r}; there are {there}"
                )
        return {field_name: row[column] for field_name, column in named.items()}


def _object_in(truth: Any) -> Mapping[str, Any] | None:
    """The object that a ground truth is or says, if it is one."""
    if isinstance(truth, Mapping):
        return truth
    if not isinstance(truth, str) or not truth.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(truth)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _listed(messages: Any, where: str) -> list[Mapping[str, Any]]:
    """Messages as a list; verl keeps them in numpy arrays of objects."""
    found = messages.tolist() if hasattr(messages, "tolist") else messages
    if not isinstance(found, Sequence) or not all(isinstance(message, Mapping) for message in found):
        raise InvalidRequest(where, "is neither text nor a list of messages")
    return list(found)


def _prompt_length(messages: Sequence[Mapping[str, Any]], prompt: Text) -> int:
    """How many of the messages are the prompt's: those that it has, else those before the first assistant turn."""
    if not isinstance(prompt, str):
        heads = [message.get("role") for message in messages[: len(prompt)]]
        if heads == [message.get("role") for message in prompt]:
            return len(prompt)
    roles = [message.get("role") for message in messages]
    return roles.index("assistant") if "assistant" in roles else len(roles)
