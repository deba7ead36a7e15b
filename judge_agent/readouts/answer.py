"""What every readout of a text starts with: is there an answer, and where does its reasoning end?

The reasoning of a model is never searched for a verdict: a model that weighs 'this would be [[A]]' has not
said so. Where it cannot be told what is reasoning and what is answer, there is no answer.
"""

from __future__ import annotations

import json
import re

from judge_agent.errors import ModelError
from judge_agent.seams.endings import UNSAID, ending, is_whole
from judge_agent.seams.model import Choice

MAX_ANSWER_CHARS = 200_000
# How an answer ended that was to go on.
_CUT_OFF: dict[str, str] = {
    "length": "was cut off at max_tokens",
    "deadline": "was cut off by its deadline or a lost connection",
    "content_filter": "was cut off by the server's content filter",
    "abort": "was aborted by the server",
    "error": "ended in an error of the server",
    UNSAID: "comes without a finish_reason, so that it may have been cut off",
}
_CLOSED_TWICE = "the answer closes its reasoning twice: where it ends is not known"
# In backticks a tag is spoken of: it neither begins nor ends any reasoning.
_THINK = re.compile(r"<(?!(?<=`<)/?think(?:ing)?>`)(/?)think(?:ing)?>", re.IGNORECASE)


def unparseable(problem: str) -> ModelError:
    """The error of every readout: the answer is there, but no verdict can be read from it."""
    return ModelError("model_unparseable", problem)


def answer_text(answer: Choice) -> str:
    """Return what a choice says, reasoning included.

    Raises ModelError('model_unparseable') for no content, for an answer that is not known to be whole (what was to
    follow could have been another verdict), and for reasoning that ends once more behind what the server split off.
    """
    text = said(answer.content)
    if not is_whole(answer.finish_reason):
        end = ending(answer.finish_reason)
        unknown = f"ended with finish_reason {end!r}, which is not known as a normal end"
        raise unparseable(f"the answer {_CUT_OFF.get(end, unknown)}")
    if answer.reasoning and closes_unopened(text):
        # The server has split the reasoning off already, so this end is a second one.
        raise unparseable(_CLOSED_TWICE)
    return text


def closes_unopened(text: str) -> bool:
    """Whether a text says something before it closes a `<think>` block that it did not open; no JSON object does."""
    tag = _THINK.search(text)
    return (
        tag is not None and bool(tag.group(1)) and bool(text[: tag.start()].strip()) and not _is_object(text)
    )


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def said(text: str | None) -> str:
    """Return the text. Raises ModelError('model_unparseable') for none, a blank one and one over the limit."""
    if text is None or not text.strip():
        raise unparseable("the answer has no content")
    if len(text) > MAX_ANSWER_CHARS:
        raise unparseable(f"the answer has {len(text)} characters (limit {MAX_ANSWER_CHARS})")
    return text


def after_reasoning(text: str | None) -> str:
    """Return the answer without its `<think>` (or `<thinking>`) blocks.

    A text that closes a block which it did not open is one whose opening tag stood in the prompt: its answer
    begins behind the tag. Raises ModelError('model_unparseable') for no text, for reasoning that never ends
    or ends twice, and where nothing follows it.
    """
    text = said(text)
    kept: list[str] = []
    start, inside, seen = 0, False, False
    for tag in _THINK.finditer(text):
        closes = bool(tag.group(1))
        if closes and not inside and seen:
            raise unparseable(_CLOSED_TWICE)
        if not inside and not closes:
            kept.append(text[start : tag.start()])
        if closes or not inside:
            start, inside, seen = tag.end(), not closes, True
    if inside:
        raise unparseable("the answer's reasoning is not closed: </think> is missing")
    kept.append(text[start:])
    # A line break stands for what was taken out, so that no label grows together from two sides of it.
    answer = "\n".join(kept)
    if not answer.strip():
        raise unparseable("nothing follows the reasoning")
    return answer


def blocks(text: str, begin: str, end: str, *, may_end_open: bool = False) -> tuple[str, ...]:
    """Return what stands between each `begin` and the `end` that follows it.

    `may_end_open` is for an end marker that was the stop string of the call, and so is not in the text.
    Raises ModelError('model_unparseable') for a marker without its partner, or one block inside another.
    """
    found: list[str] = []
    at = text.find(begin)
    while at >= 0:
        inner = at + len(begin)
        close, again = text.find(end, inner), text.find(begin, inner)
        if again >= 0 and (close < 0 or again < close):
            raise unparseable(f"{begin!r} stands twice before {end!r}")
        if close < 0 and not may_end_open:
            raise unparseable(f"{begin!r} is not closed by {end!r}")
        found.append(text[inner:] if close < 0 else text[inner:close])
        at = again
    if text.count(end) > len(found):
        raise unparseable(f"{end!r} stands more often than {begin!r}")
    return tuple(found)
