"""What a model says that asks for tools by function calls, and what it is told."""

from __future__ import annotations

import json

from judge_agent.seams.model import Choice

ANSWER = '{"reason": "seen", "citations": [], "choice": "4"}'
ASK = "check facts with the functions"


def call(name="echo", id_="x", **arguments):
    return {"id": id_, "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}


def says(*calls, content=None):
    return Choice(content, "tool_calls", tool_calls=tuple(calls))


DONE = says(call("done"))


def answers(request):
    return [message.content for message in request.messages if message.role == "tool"]
