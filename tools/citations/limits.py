"""The ceilings of one look at the citations of a trajectory."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CitationLimits:
    """What is past a limit is not looked at, which is told; what was looked at then confirms nothing.

    `max_text_chars` are the characters of one turn or answer that are read, `max_citations` the citations of one that
    are looked up, the first ones, `max_step_citations` those of all turns before the answer. `max_listed` citations
    are told, the worst first.
    """

    max_text_chars: int = 200_000
    max_citations: int = 200
    max_step_citations: int = 200
    max_listed: int = 24
