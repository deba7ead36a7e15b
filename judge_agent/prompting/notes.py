"""What is said to the model when its last answer could not be used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from judge_agent.errors import JudgeError
from judge_agent.prompting.fences import neutralise
from judge_agent.seams.model import ChatMessage

MAX_PROBLEM_CHARS = 300


def asked_again(messages: Sequence[ChatMessage], problem: JudgeError) -> tuple[ChatMessage, ...]:
    """The same question, with the reason why its answer was of no use."""
    said = neutralise(str(problem))[:MAX_PROBLEM_CHARS]
    return with_note(messages, f"Your last answer could not be used: {said} Answer again.")


def with_note(messages: Sequence[ChatMessage], note: str) -> tuple[ChatMessage, ...]:
    """Put a note at the end of the last message: many chat templates refuse two turns of one role in a row."""
    *before, last = messages
    return (*before, replace(last, content=f"{last.content}\n\n{note}"))
