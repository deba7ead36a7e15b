"""verl 0.9: a reward function, a reward manager, and an agent loop that hands full messages over.

    reward.custom_reward_function.path=pkg://judge_agent.trainers.verl
    reward.custom_reward_function.name=compute_score
    +reward.custom_reward_function.reward_kwargs.recipe=verify
    +reward.custom_reward_function.reward_kwargs.dimensions=[correctness,tool_use]
    reward.num_workers=1

JUDGE_URL and JUDGE_API_KEY come from the environment of the workers. The settings are those of
`scorer_settings.SETTINGS`. JudgeRewardManager knows the group of each rollout by its uid, which the function does
not; it reads the same settings:

    reward.reward_manager.source=importlib
    reward.reward_manager.module.path=pkg://judge_agent.trainers.verl
    reward.reward_manager.name=JudgeRewardManager

Each reward worker is a process with group means and a share of failures of its own, and rollouts are dealt to them
at random: with one worker a group is always together. It waits for the judge only, so that one is enough.

Not with verl's `rate_limited` manager: it makes a reward of 0 out of every exception. Where the service is
full it says so itself, and is asked again.

JudgeToolAgentLoop is named in the file that `actor_rollout_ref.rollout.agent.agent_loop_config_path` points to:

    - name: judge_tool_agent
      _target_: judge_agent.trainers.verl.JudgeToolAgentLoop
"""

from __future__ import annotations

import importlib
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

from judge_agent.errors import InvalidRequest
from judge_agent.trainers.columns import check_names
from judge_agent.trainers.outcome import Outcome
from judge_agent.trainers.rollout import Rollout
from judge_agent.trainers.scorer_settings import scorer_of, settings_text
from judge_agent.trainers.verl_rollout import VerlSample

if TYPE_CHECKING:
    from judge_agent.trainers.verl_agent_loop import JudgeToolAgentLoop as JudgeToolAgentLoop
    from judge_agent.trainers.verl_reward_loop import JudgeRewardManager as JudgeRewardManager

# Keys that verl's trainers write themselves; one more value under them shifts or overwrites theirs.
TAKEN = (
    frozenset(("reward", "pred", "uid", "index", "data_source", "reward_model", "extra_info", "raw_prompt"))
    | frozenset(
        ("extras", "messages", "messages_read", "agent_tools", "turn_scores", "tool_rewards", "step", "gts")
    )
    | frozenset(
        ("min_global_steps", "max_global_steps", "prompts", "responses", "input", "output", "rm_scores")
    )
)
# verl gives these to every reward function when it hosts a reward model itself.
_OF_VERL = frozenset(("reward_router_address", "reward_model_tokenizer"))
_LAZY = {"JudgeRewardManager": "verl_reward_loop", "JudgeToolAgentLoop": "verl_agent_loop"}


async def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: Mapping[str, Any] | None = None,
    **reward_kwargs: Any,
) -> dict[str, float]:
    """Score one rollout; the keys are the same and the numbers finite for every one, judged or not.

    `score` is the reward, `acc` whether it passed, then each of `dimensions` (the keys for gdpo) with
    `<dimension>_missing`, `judge_failed` where the score is the group's mean in place of a judgment, and
    `messages_read` where full messages were judged and not the decoded text alone. Raises InvalidRequest for settings
    that there are not, JudgeUnavailable where the judge failed and there is no mean, or too many failed.
    """
    sample = VerlSample(data_source, solution_str, ground_truth, dict(extra_info or {}))
    return await score_sample(sample, reward_kwargs)


async def score_sample(sample: VerlSample, reward_kwargs: Mapping[str, Any]) -> dict[str, float]:
    """Do what `compute_score` does, for a sample whose group may be known by its uid."""
    own = {name: value for name, value in reward_kwargs.items() if name not in _OF_VERL}
    named = own.pop("columns", None)
    check_names(named or {})
    scorer = scorer_of(settings_text(own, "reward_kwargs"), TAKEN)
    group: Hashable = ("unreadable", object())
    messages_read = False
    rollout: Rollout | Outcome
    try:
        # A rollout that cannot be read still has a group, whose mean it gets.
        group = sample.group
        rollout, messages_read = sample.rollout(scorer.judge.asking.recipe, named)
    except InvalidRequest as error:
        rollout = Outcome.failed("rollout_invalid", str(error), scorer.judge.dimensions)
    return await scorer.row(rollout, group) | {"messages_read": float(messages_read)}


def __getattr__(name: str) -> Any:
    """Load what is built on verl's classes only when it is asked for: `compute_score` needs none of them."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"judge_agent.trainers.{_LAZY[name]}"), name)
