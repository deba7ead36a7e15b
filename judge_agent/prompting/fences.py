"""Puts text under judgment between marks that the text itself cannot write.

The label in a mark is a hash of what lies between, so a text that closes its own fence would have to
contain its own hash. What looks like our marks, or like a chat template's control token, is defused.
"""

from __future__ import annotations

import re

from judge_agent.hashing import sha256_of

# Possessive, and only from the start of a run: a megabyte of "=" is one attempt, not one per character.
_MARK = re.compile(r"(?<![=\uff1d])[=\uff1d]{3,}+(?=\s*+(?:BEGIN|END)\b)", re.IGNORECASE)
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e01ef]"
)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")
# All that a reader may take for a new line becomes one, so that indenting reaches it.
_LINE_BREAK = re.compile(r"\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_CONTROL_TOKEN = re.compile(
    r"<(?=[|\uff5c])|<(?=<SYS>>|</SYS>>)"
    r"|<(?=/?(?:think(?:ing)?|tool_calls?|tool_response|function_call|answer|start_of_turn|end_of_turn|s|bos|eos)>)"
    r"|(?<=[|\uff5c])(?=>)"
    # Verdicts in the forms that readouts look for: a judge that quotes one must not be taken to give it.
    r"|<(?=/?(?:score(?:_[a-z0-9]{1,8})?|preference|verdict)>)|\[(?=\[(?:A|B|C|Tie)\]\])|\\(?=boxed\{)"
    r"|\[(?=/?(?:INST|SYSTEM_PROMPT|TOOL_CALLS|AVAILABLE_TOOLS|TOOL_RESULTS)\])",
    re.IGNORECASE,
)
# Nothing that is defused below can stand in a text without one of these; most texts have none.
_SIGNS = ("<", "[", "\\", "|", "\uff5c", "\uff1d")


def without_invisible(text: str) -> str:
    """Remove the characters that a reader does not see: zero width, direction marks, tags, fillers."""
    return text if text.isascii() else _INVISIBLE.sub("", text)


def count_invisible(text: str) -> int:
    return 0 if text.isascii() else sum(1 for _ in _INVISIBLE.finditer(text))


def neutralise(text: str) -> str:
    """Return the text as a model is shown it: no invisible characters, no control tokens, no marks of ours."""
    text = without_invisible(text.encode("utf-8", "replace").decode("utf-8"))
    # Control characters and line separators are not printable; one look at all costs a tenth of the patterns.
    if not text.replace("\n", "").replace("\t", "").isprintable():
        text = _CONTROL.sub("\ufffd", _LINE_BREAK.sub("\n", text))
    if not any(sign in text for sign in _SIGNS) and not ("=" in text and "===" in text):
        return text
    text = _CONTROL_TOKEN.sub(lambda match: match.group(0) + " ", text)
    return _MARK.sub("= =", text)


def fence(label: str, shown: str) -> str:
    """Put already neutralised text between marks, e.g. `=====BEGIN TASK 1f3a...=====`."""
    name = f"{label} {sha256_of(shown)[:12]}"
    return f"=====BEGIN {name}=====\n{shown}\n=====END {name}====="


def indented(text: str) -> str:
    """Put every line but the first in from the margin, where only our own lines begin."""
    return text.replace("\n", "\n    ")
