"""A pattern, and what it cannot match without."""

from __future__ import annotations

import re
from typing import NamedTuple

from judge_agent.guards.gate import Gate

FLAGS = re.IGNORECASE | re.MULTILINE
# Who is spoken to.
JUDGE = r"(?:judge|grader|evaluator|scorer|reviewer|rater|verifier|reward model)s?"


class Pattern(NamedTuple):
    """A pattern, and what it cannot match without: of each set of words at least one, in lower case."""

    name: str
    regex: re.Pattern[str]
    needs: tuple[tuple[str, ...], ...]
    gate: Gate

    def match_in(self, text: str, found: frozenset[str]) -> re.Match[str] | None:
        """The first match in a text that holds these words of its needs."""
        if any(found.isdisjoint(words) for words in self.needs) or not self.gate.opens(text):
            return None
        return self.regex.search(text)


def pattern(name: str, text: str, *needs: tuple[str, ...]) -> Pattern:
    """Compile a pattern and its gate. Raises re.error, or re2.error for one that has no gate."""
    return Pattern(name, re.compile(text, FLAGS), needs, Gate(text))
