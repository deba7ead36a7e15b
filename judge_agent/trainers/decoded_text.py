"""Holds messages against the text that the same rollout was decoded to, and takes from it what they lack.

Rollout loops that stop at a limit never add the last assistant message; it is in the text only. And messages that
are not of this rollout must not decide its reward. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

# Tokens that end a turn: decoding keeps them in messages, and they are no part of what was said.
_MARK = r"<[|\uff5c][^<>|\uff5c]{1,40}[|\uff5c]>|</s>|<eos>|<end_of_turn>"
_LAST_MARK = re.compile(rf"(?:{_MARK})\s*\Z")
_LONGEST_MARK = 64
# Some are special tokens of one tokenizer and text in another: what is compared has none of them.
_SKIPPED = re.compile(rf"\s|{_MARK}|</?think>")
# What chat templates write behind a result, and before an assistant turn once special tokens are gone.
_RESULT_END = re.compile(r"</tool_response>|</tool_result>")
_TURN = re.compile(r"(?:^|\n)(?:assistant|model)[ \t]*\n")


def complete(messages: Sequence[Mapping[str, Any]], text: str) -> list[dict[str, Any]] | None:
    """Return the messages with the assistant turn that they lack.

    `messages` are those after the prompt. None where `text` shows that they are another rollout's, or that more was
    said than can be told apart: the text itself is then what there is to judge.
    """
    said = [without_end_marks(message) for message in messages]
    squeezed = _squeezed(text)
    if not all(_squeezed(_own_words(message)) in squeezed for message in said):
        return None
    if said and said[-1].get("role") == "assistant":
        return said
    tail = _tail(said, text) if said else text
    if tail is None:
        return None
    return [*said, {"role": "assistant", "content": tail}] if tail.strip() else said


def without_end_marks(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return an assistant's message without the tokens that end its turn."""
    content = message.get("content")
    if message.get("role") != "assistant" or not isinstance(content, str):
        return dict(message)
    return {**message, "content": spoken(content)}


def spoken(text: str) -> str:
    """Return what was said, without the tokens that end a turn."""
    end = len(text)
    while mark := _LAST_MARK.search(text[max(0, end - _LONGEST_MARK) : end]):
        end -= len(mark[0])
    return text if end == len(text) else text[:end].rstrip()


def _own_words(message: Mapping[str, Any]) -> str:
    """What must stand in the text literally. Beside calls, parsers stitch the words together: their first line does."""
    content = message.get("content")
    if message.get("role") != "assistant" or not isinstance(content, str):
        return ""
    return content if not message.get("tool_calls") else next(iter(content.strip().splitlines()), "")


def _tail(said: Sequence[Mapping[str, Any]], text: str) -> str | None:
    """What stands behind the last message that is found, from the first mark of a turn on; None if there is no mark.

    The first mark: one that the agent wrote into its own turn must not hide what it said before.
    """
    place, found = 0, False
    for message in said:
        words = _words(message).strip()
        at = text.find(words, place)
        found = at >= 0
        place = at + len(words) if found else place
    turn = _TURN.search(text, place)
    if turn is not None:
        return text[turn.end() :].strip()
    return None if found and _RESULT_END.sub("", text[place:]).strip() else ""


def _words(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, Sequence) else ()
    return "".join(str(part.get("text") or "") for part in parts if isinstance(part, Mapping))


def _squeezed(text: str) -> str:
    return _SKIPPED.sub("", text)
