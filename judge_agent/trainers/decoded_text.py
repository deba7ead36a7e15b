"""Holds messages against the text that the same rollout was decoded to, and takes from it what they lack.

Rollout loops that stop at a limit never add the last assistant message; it is in the text only. And messages that
are not of this rollout must not decide its reward. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

# Tokens that end a turn: decoding keeps them in messages, and they are no part of what was said.
_END_MARKS = re.compile(r"(?:\s*(?:<\|[A-Za-z_]{1,40}\|>|</s>|<eos>|<end_of_turn>))+\s*\Z")
# What a chat template writes before an assistant turn, once its special tokens are gone.
_TURN = re.compile(r"(?:^|\n)(?:assistant|model)\s*\n")


def complete(messages: Sequence[Mapping[str, Any]], text: str) -> list[dict[str, Any]] | None:
    """Return the messages with the assistant turn that they lack; None where `text` shows that they are another's.

    `messages` are those after the prompt. An unfinished turn is added as it stands in `text`, behind the last result
    that can be found there; where it cannot be found, nothing is added.
    """
    said = [without_end_marks(message) for message in messages]
    squeezed = _squeezed(text)
    if not all(_squeezed(_own_words(message)) in squeezed for message in said):
        return None
    if not said or said[-1].get("role") == "assistant":
        return said
    tail = _tail(said, text)
    return [*said, {"role": "assistant", "content": tail}] if tail else said


def without_end_marks(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return an assistant's message without the tokens that end its turn."""
    content = message.get("content")
    if message.get("role") != "assistant" or not isinstance(content, str):
        return dict(message)
    return {**message, "content": spoken(content)}


def spoken(text: str) -> str:
    """Return what was said, without the tokens that end a turn."""
    return _END_MARKS.sub("", text)


def _own_words(message: Mapping[str, Any]) -> str:
    """What must stand in the text literally. Beside calls, parsers stitch the words together: their first line does."""
    content = message.get("content")
    if message.get("role") != "assistant" or not isinstance(content, str):
        return ""
    return content if not message.get("tool_calls") else next(iter(content.strip().splitlines()), "")


def _tail(said: Sequence[Mapping[str, Any]], text: str) -> str:
    """What stands in the text behind the last message, and behind the first mark of a turn there."""
    place = 0
    found = False
    for message in said:
        words = _words(message).strip()
        at = text.find(words, place)
        found = at >= 0
        place = at + len(words) if found else place
    turn = _TURN.search(text, place) if found else None
    return text[turn.end() :].strip() if turn else ""


def _words(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, Sequence) else ()
    return "".join(str(part.get("text") or "") for part in parts if isinstance(part, Mapping))


def _squeezed(text: str) -> str:
    return "".join(text.split())
