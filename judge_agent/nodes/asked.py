"""What was asked of the model about one candidate so far: the samples of each principle, and of its steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from judge_agent.context import CanonicalCandidate, JudgeContext
from judge_agent.nodes.blind import NOT_BLIND, Blind
from judge_agent.nodes.collect import SAME, SPENT
from judge_agent.nodes.steps import Labelled
from judge_agent.prompting.material import Material
from judge_agent.state import Json


class Asked(NamedTuple):
    """The samples of one principle, the spans that they quote, and what each round of asking bought."""

    critiques: list[Json]
    spans: list[Json]
    rounds: list[Json]

    @property
    def early(self) -> bool:
        """Whether its vote was decided before all samples were taken."""
        return bool(self.rounds) and self.rounds[-1].get("stopped") == "decided"

    @property
    def is_closed(self) -> bool:
        """Whether one more sample would be of no use: none could be read, all are the same, or nothing is left."""
        return not any("failure_kind" not in one for one in self.critiques) or any(
            one.get("stopped") in (SAME, "spent") for one in self.rounds
        )

    def then(self, more: Asked) -> Asked:
        """These and further samples; those that could not be paid for any more are no samples."""
        paid = [one for one in more.critiques if one.get("failure_kind") not in SPENT]
        return Asked(paid, self.spans + more.spans, self.rounds + more.rounds)


NOT_ASKED = Asked([], [], [])


@dataclass(frozen=True)
class Judged:
    """A candidate, what the model was shown of it, its open principles, and what was asked of each.

    `context` is charged to the candidate. `flags` are those of its batch.
    """

    context: JudgeContext
    candidate: CanonicalCandidate
    shown: Material
    principles: Sequence[Json]
    asked: Sequence[Asked]
    steps: Labelled
    blind: Blind = NOT_BLIND
    flags: Mapping[str, Any] = field(default_factory=dict)
