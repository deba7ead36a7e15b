"""Reads the settings that a trainer's config hands to a reward function, and keeps one scorer for each in a process.

Trainers call a plain function, again and again, with its settings as keyword arguments; what must outlast one call
(connections, the means of groups, the share of failures) has no other place to live than the process.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from judge_agent.errors import InvalidRequest
from judge_agent.trainers.as_json import as_json
from judge_agent.trainers.failures import FailurePolicy
from judge_agent.trainers.group_scorer import GroupScorer
from judge_agent.trainers.rollout import Asking
from judge_agent.trainers.rollout_judge import RolloutJudge

_OF_THE_JUDGE = ("judge_url", "seconds", "retry_seconds")
_OF_ASKING = tuple(field.name for field in dataclasses.fields(Asking) if field.name != "seconds")
_OF_THE_POLICY = tuple(field.name for field in dataclasses.fields(FailurePolicy) if field.init)
SETTINGS = _OF_THE_JUDGE + _OF_ASKING + _OF_THE_POLICY
_KEYS = frozenset(("api_key", "judge_api_key", "key", "token"))


def settings_text(settings: Mapping[str, Any], where: str) -> str:
    """Write settings as JSON text, the same always. Raises InvalidRequest for one that there is not."""
    for name in settings:
        if name in _KEYS:
            raise InvalidRequest(where, f"{name!r}: trainers upload their configs; set JUDGE_API_KEY instead")
        if name not in SETTINGS:
            raise InvalidRequest(where, f"{name!r} is no setting; there are {', '.join(SETTINGS)}")
    plain = {name: value for name, value in as_json(settings, where).items() if value is not None}
    return json.dumps(plain, sort_keys=True)


@lru_cache(maxsize=64)
def scorer_of(text: str, taken: frozenset[str] = frozenset(), *, whole_groups: bool = False) -> GroupScorer:
    """Return this process's scorer for the settings that `settings_text` wrote. Raises InvalidRequest.

    A shape is taken from trainers that hand over `whole_groups`, and refused for those that have rollouts one by one.
    """
    settings = json.loads(text)
    timing = {name: settings[name] for name in _OF_THE_JUDGE[1:] if name in settings}
    asking = Asking(**{name: settings[name] for name in _OF_ASKING if name in settings})
    policy = FailurePolicy(**{name: settings[name] for name in _OF_THE_POLICY if name in settings})
    judge = RolloutJudge(settings.get("judge_url"), asking=asking, **timing)
    return GroupScorer(judge, policy, taken, whole_groups=whole_groups)
