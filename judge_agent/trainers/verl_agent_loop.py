"""verl's tool agent loop, which hands the full messages of each rollout to the reward code."""

from __future__ import annotations

import asyncio
from typing import Any

from judge_agent.trainers.decoded_text import without_end_marks

try:
    from verl.experimental.agent_loop.agent_loop import AgentLoopOutput  # type: ignore[import-not-found]
    from verl.experimental.agent_loop.tool_agent_loop import (  # type: ignore[import-not-found]
        AgentData,
        AgentState,
        ToolAgentLoop,
    )
except ImportError as error:
    raise ImportError(
        f"JudgeToolAgentLoop runs inside verl, which cannot be imported here ({error}): pip install 'verl>=0.9.1'"
    ) from error


class JudgeToolAgentLoop(ToolAgentLoop):  # type: ignore[misc]
    """Puts `messages` and `agent_tools` into the rollout's extra fields; otherwise it is verl's loop."""

    async def run(self, sampling_params: dict[str, Any], **kwargs: Any) -> AgentLoopOutput:
        output = await super().run(sampling_params, **kwargs)
        handed = output.extra_fields.get("messages", ())
        output.extra_fields["messages"] = [without_end_marks(message) for message in handed]
        return output

    async def _handle_generating_state(
        self, agent_data: AgentData, sampling_params: dict[str, Any], ignore_termination: bool = False
    ) -> AgentState:
        before = len(agent_data.messages)
        state = await super()._handle_generating_state(agent_data, sampling_params, ignore_termination)
        # Only now: verl copies the engine's fields into extra_fields while these are empty, and never later.
        agent_data.extra_fields["agent_tools"] = getattr(
            agent_data, "_active_tool_schemas", self.tool_schemas
        )
        # The list itself, so that the results of tools, which are added to it later, are seen too.
        agent_data.extra_fields["messages"] = agent_data.messages
        if len(agent_data.messages) == before:
            # A limit ended the loop before the turn was written down; what is trained on must be judged.
            last = await self._last_turn(agent_data)
            agent_data.extra_fields["messages"] = [*agent_data.messages, *last]
        return state

    async def _last_turn(self, agent_data: AgentData) -> list[dict[str, Any]]:
        """The turn as it will be trained on: what is past the length limit is cut off there, and here."""
        excess = max(0, len(agent_data.response_mask) - self.response_length)
        ids = agent_data.response_ids[: max(0, len(agent_data.response_ids) - excess)]
        if not ids:
            return []
        text = await asyncio.to_thread(self.tokenizer.decode, ids, skip_special_tokens=True)
        return [{"role": "assistant", "content": text}]
