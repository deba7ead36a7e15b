"""The trajectory under judgment: OpenAI chat messages, leniently read."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, PrivateAttr, Tag

from judge_agent.schema.base import Envelope, Lenient, Name

Role = Literal["system", "developer", "user", "assistant", "tool", "tool_call", "tool_response"]
MAX_MESSAGES = 2000


class ContentPart(Lenient):
    """One part of a message: `text`, or an image or file that only its own readers look into."""

    type: str
    text: str | None = None


class FunctionCall(Lenient):
    """`arguments` is JSON text on the wire of OpenAI and a dict in TRL; both are accepted."""

    name: str
    arguments: str | dict[str, Any] | None = None


class ToolCall(Lenient):
    id: str | None = None
    type: str = "function"
    function: FunctionCall


class Message(Lenient):
    """One chat message. Roles `tool_call` and `tool_response` are the pair form of some data sets."""

    role: Role
    id: str | None = None
    name: str | None = None
    content: str | tuple[ContentPart, ...] | None = None
    reasoning_content: str | None = None
    tool_calls: tuple[ToolCall, ...] | None = None
    tool_call_id: str | None = None


class Artifact(Envelope):
    """Something that the agent produced: code, a query, a document; an image as a `data:` URL."""

    name: Name
    kind: Literal["code", "sql", "text", "json", "html", "file", "image"] = "text"
    content: str


class Trajectory(Envelope):
    """The canonical form: what every importer produces and every node reads."""

    messages: tuple[Message, ...] = Field(default=(), max_length=MAX_MESSAGES)
    tools: tuple[dict[str, Any], ...] = Field(
        default=(), description="The tools the agent had, as OpenAI function schemas."
    )
    artifacts: tuple[Artifact, ...] = ()
    final_answer: str | None = None
    # What was read in it (`judge_agent/read_once.py`).
    _read: object = PrivateAttr(None)


class TextTrajectory(Envelope):
    """A candidate that is one text."""

    text: str


class ForeignTrajectory(Envelope):
    """A trajectory in another format, read by the importer of that name."""

    format: Literal["openai", "responses", "text", "tau_bench", "plan_rewardbench"]
    data: Any


def _form(value: object) -> str:
    """Tell the three forms apart by their keys, so that an error names fields of the form that was meant."""
    keys = value.keys() if isinstance(value, dict) else ()
    if isinstance(value, TextTrajectory) or "text" in keys:
        return "text"
    if isinstance(value, ForeignTrajectory) or "format" in keys:
        return "format"
    return "messages"


AnyTrajectory = Annotated[
    Annotated[TextTrajectory, Tag("text")]
    | Annotated[ForeignTrajectory, Tag("format")]
    | Annotated[Trajectory, Tag("messages")],
    Discriminator(_form),
]
