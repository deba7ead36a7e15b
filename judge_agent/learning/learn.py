"""From preferences to a set of principles: propose on one part, judge all, keep by another, report on a third."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from judge_agent.calibration.measures import wilson
from judge_agent.hashing import sha256_of
from judge_agent.learning.pairs import Pair, parted
from judge_agent.learning.proposing import PROMPT, Proposal, Proposals, proposals
from judge_agent.learning.selecting import MARGIN, Dropped, Selected, accuracy, selected
from judge_agent.learning.store import PrincipleSet
from judge_agent.learning.voting import JudgeOne, votes_on
from judge_agent.prompting import PromptLibrary
from judge_agent.schema import PrincipleSpec
from judge_agent.seams.model import ChatModel
from judge_agent.version import __version__


@dataclass(frozen=True)
class Learned:
    """A set of principles, not yet kept, and how it came about. Accuracies are shares of pairs, ties half right.

    `held_out` decided what is kept, so it flatters; no decision rests on `test`, whose interval is Wilson's of 95%.
    """

    made: PrincipleSet
    proposed: tuple[Proposal, ...]
    dropped: tuple[Dropped, ...]
    held_out: float
    test: float
    test_interval: tuple[float, float]
    missing: int


async def learn(
    name: str,
    pairs: Sequence[Pair],
    *,
    model: ChatModel,
    judge: JudgeOne,
    prompts: PromptLibrary,
    recipe: str = "default",
    margin: float = MARGIN,
    most: int = 16,
    seed: int = 0,
    at_once: int = 4,
) -> Learned:
    """Learn a set of principles. Raises ModelError where the model proposes nothing, JudgeError where nothing helps."""
    parts = parted(pairs, seed)
    found = await proposals(model, parts.train, prompts, seed=seed, most=most)
    votes, missing = await votes_on(judge, pairs, found.found, recipe, at_once)
    train, held_out, test = ([votes[pair.key] for pair in part] for part in parts)
    chosen = selected(train, held_out, margin)
    weights = [chosen.weights.get(place, 0.0) for place in range(len(found.found))]
    reached = accuracy(test, weights)
    shares = {"held_out_accuracy": round(chosen.accuracy, 4), "test_accuracy": round(reached, 4)}
    counts = {"train": len(train), "held_out": len(held_out), "test": len(test)}
    provenance = {
        "preferences_sha256": sha256_of(sorted(votes)),
        "model": found.model,
        "prompt": f"{PROMPT} {prompts.load(PROMPT).sha256}",
        "recipe": recipe,
        "judge_agent": __version__,
        "seed": seed,
        "margin": margin,
        "strength": chosen.strength,
        **counts,
        **shares,
    }
    made = PrincipleSet(
        name=name,
        version=0,
        parent=None,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        principles=_specs(found, chosen),
        provenance=provenance,
        unused=_unused(found, chosen),
    )
    interval = wilson(reached, len(test))
    return Learned(made, found.found, chosen.dropped, chosen.accuracy, reached, interval, missing)


def _specs(found: Proposals, chosen: Selected) -> tuple[PrincipleSpec, ...]:
    """The kept principles that count, the weightiest first."""
    kept = sorted(chosen.weights.items(), key=lambda item: (-item[1], item[0]))
    return tuple(
        PrincipleSpec(name=found.found[place].name, description=found.found[place].description, weight=weight)
        for place, weight in kept
        if weight > 0
    )


def _unused(found: Proposals, chosen: Selected) -> tuple[dict[str, str | float], ...]:
    """What was proposed and does not count, with the reason: a weight of 0 would cost model calls for nothing."""
    reasons = {place: "its weight is 0" for place, weight in chosen.weights.items() if weight == 0}
    reasons |= {one.place: one.reason for one in chosen.dropped}
    return tuple(
        {
            "name": found.found[place].name,
            "description": found.found[place].description,
            "weight": 0.0,
            "reason": reason,
        }
        for place, reason in sorted(reasons.items())
    )
