"""verl's reward manager that asks the judge: sees the prompt, the group's uid and the messages of every rollout."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from judge_agent.errors import InvalidRequest
from judge_agent.trainers.verl import score_sample
from judge_agent.trainers.verl_rollout import VerlSample

try:
    from verl import DataProto  # type: ignore[import-not-found]
    from verl.experimental.reward_loop.reward_manager.base import (  # type: ignore[import-not-found]
        RewardManagerBase,
    )
except ImportError as error:
    raise ImportError(
        f"JudgeRewardManager runs inside verl, which cannot be imported here ({error}): pip install 'verl>=0.9.1'"
    ) from error

_HANDED = ("raw_prompt", "messages", "agent_tools")
_OWN_PATHS = frozenset(("judge_agent.trainers.verl", "judge_agent/trainers/verl"))


class JudgeRewardManager(RewardManagerBase):  # type: ignore[misc]
    """Scores by the judge, with the settings in `reward.custom_reward_function.reward_kwargs`."""

    def __init__(
        self,
        config: Any,
        tokenizer: Any,
        compute_score: Any = None,
        reward_router_address: str | None = None,
        reward_model_tokenizer: Any = None,
    ) -> None:
        super().__init__(config, tokenizer, compute_score)
        function = config.reward.get("custom_reward_function") or {}
        path = str(function.get("path") or "").removeprefix("pkg://")
        if path and path not in _OWN_PATHS:
            raise InvalidRequest(
                "reward.custom_reward_function.path",
                f"{path!r} would never be called: JudgeRewardManager asks the judge itself; leave it out",
            )
        self._settings: Mapping[str, Any] = dict(function.get("reward_kwargs") or {})

    async def run_single(self, data: DataProto) -> dict[str, Any]:
        """Score the last sequence of `data`: `reward_score`, and the same finite numbers in `reward_extra_info`."""
        item = data[-1:][0]
        columns = item.non_tensor_batch
        text = await asyncio.to_thread(self._response, item)
        handed = dict(columns.get("tool_extra_fields") or {})
        extra_info = {**(columns.get("extra_info") or {}), **handed}
        # Where verl scores after the rollouts, what the agent loop handed over has become columns.
        extra_info |= {name: columns[name] for name in _HANDED if name in columns}
        uid = columns.get("uid")
        sample = VerlSample(
            data_source=str(columns.get("data_source")),
            solution_str=text,
            ground_truth=(columns.get("reward_model") or {}).get("ground_truth"),
            extra_info=extra_info,
            uid=None if uid is None else str(uid),
        )
        row = await score_sample(sample, self._settings)
        return {"reward_score": row["score"], "reward_extra_info": row}

    def _response(self, item: Any) -> str:
        ids = item.batch["responses"]
        length = int(item.batch["attention_mask"][-ids.shape[-1] :].sum())
        return str(self.tokenizer.decode(ids[:length], skip_special_tokens=True))
