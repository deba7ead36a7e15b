"""Puts text under judgment between marks that the text itself cannot write.

The label in a mark is a hash of what lies between, so a text that closes its own fence would have to
contain its own hash. What looks like our marks, or like a chat template's control token, is defused.
"""

from __future__ import annotations

import re

from judge_agent.hashing import sha256_of

_MARK = re.compile(r"={3,}(?=\s*(?:BEGIN|END)\b)", re.IGNORECASE)
_INVISIBLE = re.compile(
    "[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_REASONING_TAG = re.compile(r"<(/?)(think|thinking|tool_call|tool_response|answer)>", re.IGNORECASE)


def neutralise(text: str) -> str:
    """Return the text as a model is shown it: no invisible characters, no control tokens, no marks of ours."""
    text = text.encode("utf-8", "replace").decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    text = _CONTROL.sub("\ufffd", _INVISIBLE.sub("", text))
    text = text.replace("<|", "< |").replace("|>", "| >")
    text = text.replace("[INST]", "[ INST]").replace("[/INST]", "[ /INST]")
    text = text.replace("<<SYS>>", "< <SYS>>").replace("<</SYS>>", "< </SYS>>")
    text = _REASONING_TAG.sub(r"< \1\2>", text)
    return _MARK.sub("= =", text)


def fence(label: str, shown: str) -> str:
    """Put already neutralised text between marks, e.g. `=====BEGIN TASK 1f3a...=====`."""
    name = f"{label} {sha256_of(shown)[:12]}"
    return f"=====BEGIN {name}=====\n{shown}\n=====END {name}====="
