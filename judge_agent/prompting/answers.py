"""The answer of a candidate as a text of its own: what it said last, to whom it was to tell it."""

from __future__ import annotations

import re
from typing import NamedTuple

from judge_agent.prompting.material import Material

# A full stop ends a sentence where white space and no small letter follows: not in 3.5, e.g. or example.org.
_ENDS = re.compile(r"(?<=[.!?])[\"')\]\u201d]*\s+(?=[^\sa-z])|(?<=[\u3002\uff01\uff1f])|\n\s*")
_ABBREVIATED = re.compile(r"\b(?:e\.g|i\.e|cf|vs|Dr|Mr|Mrs|Ms|Prof|St|No|Fig|approx|ca|[A-Z])\.\Z")
_WORD = re.compile(r"\w")


class Said(NamedTuple):
    """A text and the alias of the source in which it stands."""

    alias: str
    text: str


def answer_of(shown: Material) -> Said | None:
    """The final answer, else the agent's last turn that says something; None where there is neither."""
    if "final" in shown.sources:
        return Said("final", shown.sources["final"].shown)
    for part in reversed(shown.parts):
        if part.step_id is not None and part.text and part.text.strip():
            return Said(part.alias, part.text)
    return None


def sentences_of(text: str) -> list[str]:
    """The sentences of a text, in order: what ends with a mark before a new beginning, or with its line.

    Pieces without a letter or digit are none.
    """
    found: list[str] = []
    at = 0
    for end in [*(match.end() for match in _ENDS.finditer(text)), len(text)]:
        piece = text[at:end]
        if end < len(text) and _ABBREVIATED.search(piece.rstrip()) and not piece.endswith("\n"):
            continue
        if _WORD.search(piece):
            found.append(piece.strip())
        at = end
    return found
