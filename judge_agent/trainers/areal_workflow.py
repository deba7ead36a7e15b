"""AReaL's RLVR workflow, with the judge awaited in place of its process pool and the pool's silent zeros."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from judge_agent.trainers.areal import JudgeReward
from judge_agent.trainers.rollout_judge import SECONDS

try:
    from areal.utils.perf_tracer import trace_session  # type: ignore[import-not-found]
    from areal.workflow.rlvr import RLVRWorkflow  # type: ignore[import-not-found]
except ImportError as error:
    raise ImportError(
        f"JudgeRLVRWorkflow runs inside AReaL, which cannot be imported here ({error}): pip install 'areal>=1.0.4'"
    ) from error


class JudgeRLVRWorkflow(RLVRWorkflow):  # type: ignore[misc]
    """Rewards by the judge, with the settings in `judge` (those of JudgeReward); a failure rejects the trajectory.

    The other arguments are RLVRWorkflow's, but for `reward_fn`. `seconds` of the judge is 100 by default.
    """

    def __init__(
        self, gconfig: Any, tokenizer: Any, judge: Mapping[str, Any] | None = None, **given: Any
    ) -> None:
        reward = JudgeReward(**({"seconds": SECONDS} | dict(judge or {})))
        super().__init__(reward_fn=reward, gconfig=gconfig, tokenizer=tokenizer, **given)

    @trace_session("reward")  # type: ignore[untyped-decorator]
    async def _compute_rewards(self, resp: Any, prompt_str: str, task_data: dict[str, Any]) -> float:
        said = self.tokenizer.decode(resp.output_tokens)
        reward: float = await self.reward_fn.awaited(
            prompt_str, said, resp.input_tokens, resp.output_tokens, **task_data
        )
        return reward
