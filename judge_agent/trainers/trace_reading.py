"""Reads a trace of verifiers as a rollout: the root agent's branch, without what the policy only thought. Pure.

A trace is a tree of messages; each branch is one conversation that the policy saw. Reads attributes only, so that it
needs no package.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from judge_agent.trainers.rollout import Rollout


@dataclass(frozen=True)
class TraceReading:
    """A rollout, and for each sampled turn of the trace which assistant turn of the rollout it is, if any."""

    rollout: Rollout
    turns: tuple[int | None, ...]
    assistant_turns: int
    unread_branches: int

    def turn_rewards(self, steps: Sequence[float | None]) -> list[float | None]:
        """One entry per sampled turn, in the trace's order; None where it was not judged."""
        if len(steps) != self.assistant_turns:
            return [None] * len(self.turns)
        return [None if turn is None else steps[turn] for turn in self.turns]


def read_trace(task: Any, trace: Any) -> TraceReading:
    """Read the branch that ends in the root agent's reply; what stands before its first sampled turn is the task."""
    branches = list(trace.branches)
    nodes = _root_branch(branches, trace.root_reply)
    first = next((at for at, node in enumerate(nodes) if node.sampled), len(nodes))
    said = nodes[first:]
    turn_of = {
        id(node): turn
        for turn, node in enumerate(n for n in said if n.message.role == "assistant")
        if node.sampled
    }
    prompt: Any = [_message(node.message) for node in nodes[:first]] or _given_prompt(task)
    completion = [_message(node.message) for node in said]
    row = dict(task.model_dump(mode="json"))
    row["agent_tools"] = row.get("agent_tools") or [_tool(tool) for tool in trace.tools] or None
    return TraceReading(
        Rollout(prompt, completion, row),
        tuple(turn_of.get(id(node)) for node in trace.nodes if node.sampled),
        sum(node.message.role == "assistant" for node in said),
        max(0, len(branches) - 1),
    )


def scoring_seconds_left(task: Any, trace: Any) -> float | None:
    """How long verifiers will still wait for this trace's rewards; None where it sets no limit.

    A trace whose scoring it cut off counts as complete, without the rewards that were missing: their sum is then 0.
    """
    timeout = getattr(getattr(trace.agent.config, "timeout", None), "scoring", None) or task.timeout.scoring
    span = trace.timing.scoring
    if timeout is None or not span.start or span.end:
        return None
    return float(timeout) - (time.time() - float(span.start))


def _root_branch(branches: Sequence[Any], root_reply: str | None) -> Sequence[Any]:
    """The last branch may be a subagent's; the root agent's is the one that ends with its reply."""
    if not branches:
        return ()
    if root_reply is not None:
        for branch in reversed(branches):
            last = branch.nodes[-1].message
            if last.role == "assistant" and (last.content or "").strip() == root_reply.strip():
                return tuple(branch.nodes)
    return tuple(branches[-1].nodes)


def _given_prompt(task: Any) -> Any:
    """What the task asks, where no call was made."""
    prompt = task.prompt or ""
    if isinstance(prompt, str) and not task.system_prompt:
        return prompt
    messages = (
        [{"role": "user", "content": prompt}] if isinstance(prompt, str) else [_message(m) for m in prompt]
    )
    system = [{"role": "system", "content": task.system_prompt}] if task.system_prompt else []
    return system + messages


def _message(message: Any) -> dict[str, Any]:
    """One message as chat clients write it; reasoning and the provider's sealed state stay behind."""
    content = message.content
    written: dict[str, Any] = {
        "role": message.role,
        "content": content if isinstance(content, str) else [part.model_dump() for part in content or ()],
    }
    if message.role == "assistant" and message.tool_calls:
        written["tool_calls"] = [_call(call) for call in message.tool_calls]
    if message.role == "tool":
        written["tool_call_id"] = message.tool_call_id
        written |= {"name": message.name} if message.name else {}
    return written


def _call(call: Any) -> dict[str, Any]:
    """A custom tool takes raw text, which is no JSON object of arguments: it becomes the one argument `input`."""
    arguments = {"input": call.arguments} if call.type == "custom" else call.arguments
    return {"id": call.id, "type": "function", "function": {"name": _full_name(call), "arguments": arguments}}


def _tool(tool: Any) -> dict[str, Any]:
    function = {"name": _full_name(tool), "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": function}


def _full_name(named: Any) -> str:
    return f"{named.namespace}.{named.name}" if named.namespace else str(named.name)
