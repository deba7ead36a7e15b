"""Labels that nearly are those of a step: `Obs:`, `Thought 2:`, `### Action:`. With them a model goes on by itself.

What follows such a label was made up before any tool ran, and read as part of an input it would reach the tool.
"""

from __future__ import annotations

import json
import re

from judge_agent.readouts.answer import unparseable
from judge_agent.readouts.near import folded

_MARKS = r"(?:(?:\#{2,6}|[-+>]|\*(?!\*)|[0-9]{1,2}[.)])[ \t]{1,8})?[*_`]{0,3}"
_NAME = r"Thoughts?|Actions?(?:[ \t_-]?Inputs?)?|Obs(?:ervations?)?|Final(?:[ \t]Answer)?|Tool[ \t](?:Output|Result)"
_NUMBER = r"[ \t]{0,3}(?:[#(]?[0-9]{1,3}\)?)?"
_LABEL = re.compile(
    rf"^(?P<indent>[ \t]*+){_MARKS}(?P<name>{_NAME}){_NUMBER}[*_`]{{0,3}}[ \t]{{0,3}}(?::|-{{1,2}}>)",
    re.MULTILINE | re.IGNORECASE,
)
# A model that goes on in the same line. In quotes a label is part of a text, behind `# ` of a comment.
_WITHIN = re.compile(
    rf"(?<=[ \t)\]}}])(?<![#/-] )\**(?:Thought|Action|Obs(?:ervation)?|Final Answer){_NUMBER}\**[ \t]{{0,3}}:"
)


def refuse_steps_beside(answer: str, due: tuple[re.Pattern[str], ...]) -> None:
    """Raise ModelError('model_unparseable') for a line that begins with a label of none of the forms that are `due`."""
    plain = folded(answer)
    for match in _LABEL.finditer(plain):
        name = match["name"]
        # Indented and written small it is code: a field, or a key.
        is_code = name[0].islower() and (match["indent"] or name.lower() == "final")
        if not is_code and not any(label.match(plain, match.start()) for label in due):
            if name.lower().startswith("obs"):
                raise unparseable(f"the answer makes up an observation: {match.group().strip()!r}")
            raise unparseable(f"the answer goes on by itself: {match.group().strip()!r}")


def refuse_steps_within(argument: str) -> None:
    """Raise ModelError('model_unparseable') for an input in whose lines another step begins."""
    match = _WITHIN.search(argument)
    if match and not _is_json(argument):
        raise unparseable(f"the input goes on by itself: {match.group()!r}")


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
