"""Takes what the policy wrote out of the text that its tokens decode to: trainers send no more than that."""

from __future__ import annotations

import re

# What tokenizers write at the end of a turn, kept in the query: `<|im_end|>`, `</s>`, `<eos>`, padding.
_END = re.compile(r"(?:<\|[^|<>\s]{1,40}\|>|</s>|<eos>|<pad>|\[PAD\]|<end_of_turn>)\Z")
_MAX_MARK_CHARS = 44
_MIN_SHARED_CHARS = 16
_MAX_TAILS = 64
_THOUGHT = "<think>"


def response_of(query: str, prompt: str) -> tuple[str, bool]:
    """What the policy wrote, and whether its prompt was found before it.

    The decoded query may begin with a token of its own, or have lost the beginning of a long prompt. Where the
    prompt is not there, all of the query is judged.
    """
    at = query.find(prompt)
    start = at + len(prompt) if at >= 0 else _tail_in_front(query, prompt)
    return query[start : _end_of_text(query, start)], at >= 0 or start > 0


def _tail_in_front(query: str, prompt: str) -> int:
    """How long the longest end of the prompt is that the query begins with; 0 for less than 16 characters."""
    head = query[:_MIN_SHARED_CHARS]
    at = prompt.find(head) if len(head) == _MIN_SHARED_CHARS else -1
    for _ in range(_MAX_TAILS):
        if at < 0:
            break
        if query.startswith(prompt[at:]):
            return len(prompt) - at
        at = prompt.find(head, at + 1)
    return 0


def _end_of_text(query: str, start: int) -> int:
    """Where the response ends and what the tokenizer wrote behind it begins."""
    end = len(query)
    while True:
        last = end
        while last > start and query[last - 1].isspace():
            last -= 1
        mark = _END.search(query, max(start, last - _MAX_MARK_CHARS), last)
        if mark is None:
            return end
        end = mark.start()


def with_opened_thought(prompt: str, response: str) -> str:
    """The response with the mark that its chat template wrote for it: without, thoughts look like the answer."""
    opened = prompt[-64:].rstrip().endswith(_THOUGHT) and not response.lstrip().startswith(_THOUGHT)
    return f"{_THOUGHT}\n{response}" if opened and response.strip() else response
