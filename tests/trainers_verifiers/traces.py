"""Traces as verifiers records them: a tree of messages, some of them sampled from the policy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import verifiers.v1 as vf
from verifiers.v1.configs.task import TaskConfig
from verifiers.v1.graph import MessageNode
from verifiers.v1.trace import AgentInfo, Trace, TraceTask
from verifiers.v1.types import AssistantMessage, ToolCall, ToolMessage, UserMessage

JUDGE = {"id": "judge-agent", "recipe": "verify", "retry_seconds": 0.2, "seconds": 20.0}


class Row(vf.TaskData):
    """A row of a data set with a reference."""

    answer: str | None = None
    tests: dict[str, Any] | None = None


def task_at(url: str | None, row: Row | None = None, **judge: Any) -> vf.Task[Row]:
    entry = {**JUDGE, "url": url, **judge}
    return vf.Task(row or Row(prompt="2+2?", answer="4"), TaskConfig(judges=[entry]))


def node(message: Any, parent: int | None, sampled: bool | None = None) -> MessageNode:
    is_sampled = message.role == "assistant" if sampled is None else sampled
    return MessageNode(parent=parent, message=message, sampled=is_sampled)


def trace_of(task: vf.Task[Row], nodes: Sequence[MessageNode]) -> Trace[Any, Any, Any]:
    about = TraceTask(type="Task", data=task.data)
    return Trace(task=about, agent=AgentInfo(config=vf.AgentConfig()), nodes=list(nodes))


def answered(task: vf.Task[Row], text: str | None) -> Trace[Any, Any, Any]:
    return trace_of(task, [node(UserMessage(content="2+2?"), None), node(AssistantMessage(content=text), 0)])


def with_tools(task: vf.Task[Row]) -> Trace[Any, Any, Any]:
    """Two turns with a call between them, thoughts, and a turn that the harness wrote itself."""
    call = ToolCall(id="c1", name="add", arguments='{"a": 2, "b": 2}')
    thought = AssistantMessage(
        content="", reasoning_content="SECRET", tool_calls=[call], provider_state=[{"sealed": "SECRET"}]
    )
    return trace_of(
        task,
        [
            node(UserMessage(content="2+2?"), None),
            node(thought, 0),
            node(ToolMessage(tool_call_id="c1", content="4"), 1),
            node(AssistantMessage(content="(the harness says go on)"), 2, sampled=False),
            node(AssistantMessage(content="4"), 3),
        ],
    )
