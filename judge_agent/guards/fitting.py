"""Whether a lone clause has the shape of what a task asks for: a reason, a place, an amount, a state.

Its words may be such as announce an answer elsewhere: "In the data.", "To solve the problem.", "All the steps."
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from judge_agent.guards.values import says_it_is_done

# That it is done says how far something is. Of who was to do it, it says nothing that can be looked at.
_STATE_ASKED = re.compile(
    r"\b(?:status|progress|how far along)\b"
    r"|\b(?:is|are|has|have|did|was) [^.?!\n]{0,60}\b(?:finished|done|completed?|ready)\b[^.!\n]*\?"
)
_AMOUNT_ASKED = re.compile(r"\bhow (?:many|much)\b|\bwh(?:o|at|ich) (?:of|are|is|was|were)\b")
_AMOUNTS = frozenset(("all", "both", "every", "each", "some", "any", "most", "half", "several", "many"))
_PERSON_ASKED = re.compile(r"\b(?:who|whom|whose)\b")
_PERSONS = frozenset(("assistant", "ai", "bot", "user"))
MAX_PERSON_WORDS = 3


class _Shape(NamedTuple):
    """How a question is known, and with which words what answers it begins, or ends where words are not kept apart."""

    asked: re.Pattern[str]
    begins: frozenset[str]
    begins_joined: tuple[str, ...] = ()
    ends_joined: tuple[str, ...] = ()


_SHAPES = (
    _Shape(
        re.compile(
            r"\bwhy\b|\bpurpose\b|\bgoal\b|\breason\b|\bwhat [^?\n]{0,60}\bfor\b|\bpor que\b|\bpara que\b|\bpourquoi\b"
            r"|\b(?:warum|wozu|wieso|perche|waarom|varfor|dlaczego)\b|\b(?:\u043f\u043e\u0447\u0435\u043c\u0443"
            r"|\u0437\u0430\u0447\u0435\u043c)\b|\u4e3a\u4ec0\u4e48|\u70ba\u4ec0\u9ebc|\u4e3a\u4f55|\u306a\u305c"
            r"|\u3069\u3046\u3057\u3066|\uc65c"
        ),
        frozenset((
            *("to", "because", "for", "since", "so", "por", "para", "porque", "pour", "par", "car", "parce", "weil"),
            *("um", "wegen", "per", "perche", "om", "omdat", "att", "bo", "\u0447\u0442\u043e\u0431\u044b"),
            "\u043f\u043e\u0442\u043e\u043c\u0443",
        )),
        ("\u56e0\u4e3a", "\u56e0\u70ba", "\u7531\u4e8e", "\u4e3a\u4e86", "\u70ba\u4e86"),
        ("\u304b\u3089", "\u305f\u3081", "\u306e\u3067", "\u304b\u3089\u3067\u3059", "\u305f\u3081\u3067\u3059"),
    ),
    _Shape(
        re.compile(r"\bwhere\b|\b(?:donde|ou (?:est|sont|se)|wo|dove|onde|waar|var|gdzie)\b|\u0433\u0434\u0435"),
        frozenset((
            *("in", "at", "on", "below", "above", "under", "behind", "after", "before", "from", "inside", "within"),
            *("en", "dans", "sur", "im", "am", "auf", "unter", "nel", "nella", "em", "na", "no", "i", "w"),
            "\u0432",
        )),
    ),
)  # fmt: skip


def fits(task: str, words: Sequence[str]) -> bool:
    """Whether a plain task without accents asks for something that begins, or is said, as these words are."""
    if says_it_is_done(words) and _STATE_ASKED.search(task):
        return True
    if len(words) > 1 and words[0] in _AMOUNTS and _AMOUNT_ASKED.search(task):
        return True
    if len(words) <= MAX_PERSON_WORDS and not _PERSONS.isdisjoint(words) and _PERSON_ASKED.search(task):
        return True
    return any(shape.asked.search(task) and _has(shape, words) for shape in _SHAPES)


def _has(shape: _Shape, words: Sequence[str]) -> bool:
    together = "".join(words)
    return (
        (len(words) > 1 and words[0] in shape.begins)
        or (bool(shape.begins_joined) and together.startswith(shape.begins_joined))
        or (bool(shape.ends_joined) and together.endswith(shape.ends_joined))
    )
