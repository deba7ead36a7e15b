"""Plays one comparison: the same candidates in one or several orders, sampled and read.

What is shown depends on the candidates' contents and the seed alone, not on their ids or the order of the request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from judge_agent.context import CanonicalCandidate, JudgeContext
from judge_agent.given_principles import given_principles
from judge_agent.hashing import derived_seed, sha256_of
from judge_agent.nodes.collect import Decided, collect, rate, readable
from judge_agent.nodes.criteria import criteria_of
from judge_agent.nodes.reading import TIE, Contradiction
from judge_agent.nodes.rubrics import given_items, items_in_words
from judge_agent.nodes.turns import Sampled, Script, fits, sampled
from judge_agent.nodes.unread import unread, variables_shown
from judge_agent.nodes.worst_case import of_samples
from judge_agent.prompting.excerpts import compact
from judge_agent.prompting.fences import fence, neutralise
from judge_agent.prompting.material import Material, indented, trajectory_block
from judge_agent.prompting.tool_schemas import tool_schemas
from judge_agent.readouts import RubricItem
from judge_agent.recipes import Turn
from judge_agent.schema import Evidence
from judge_agent.seams.model import Image
from judge_agent.state import Json, State
from judge_agent.votes import Match, orders, outcome_stands
from judge_agent.votes.places import places_stand

ORDERS_OF_BOTH = 2
# Ever fewer characters of a text and, in the end, parts of a trajectory from its beginning and its end.
_LENGTHS: tuple[tuple[int, int | None], ...] = (
    (16_000, None),
    (8000, None),
    (4000, None),
    (2000, None),
    (1000, None),
    (500, None),
    (500, 40),
    (500, 20),
    (500, 10),
)
_WHOLE = 0


@dataclass(frozen=True)
class Played:
    """A comparison of `ids`: its samples (choice: the winner's id or `tie`; scores by id), and what rounds bought."""

    ids: tuple[str, ...]
    samples: tuple[Json, ...]
    rounds: tuple[Json, ...]

    @property
    def voting(self) -> list[Json]:
        return [sample for sample in readable(self.samples) if sample.get("voted", True)]


class _Shown(NamedTuple):
    """What prompts show of one candidate by the name of its slot, and of the task beside it."""

    block: str
    images: Mapping[str, Image]
    unseen: str | None
    task: str
    reference: str
    unread: tuple[str, ...]
    results: tuple[Evidence, ...] = ()


class Matches:
    """The comparisons of one judgment. `played` grows with each; equal ones are played once."""

    def __init__(self, context: JudgeContext, state: State) -> None:
        self._context, self._state = context, state
        self._shows = variables_shown(context)
        self.played: list[Played] = []
        self.unread: dict[str, tuple[str, ...]] = {}
        self.evidence: dict[str, Json] = {}
        self.calls: dict[str, Json] = {}
        self._items = self._given_items()
        self._known: dict[tuple[str, str, int], _Shown] = {}

    def most(self, players: Sequence[CanonicalCandidate]) -> int:
        """What a comparison of these may cost, in tokens, at most."""
        script = self._script(players, _WHOLE)
        both = self._context.recipe.samples.orders == "both"
        return of_samples(self._context, script.values, len(script.images), ORDERS_OF_BOTH if both else 1)

    async def play(self, players: Sequence[CanonicalCandidate], context: JudgeContext) -> Played:
        """Compare candidates with each other, as often and in as many orders as the recipe wants.

        `context` is that of the calls of this comparison.
        """
        settings = context.recipe.samples
        by_key = {player.sha256: player for player in players}
        count = context.sample_count * (ORDERS_OF_BOTH if settings.orders == "both" else 1)
        total = max(count, settings.escalate_to)
        shown = orders(
            tuple(by_key),
            settings.orders,
            total,
            derived_seed(context.request.seed, "order", *sorted(by_key)),
        )

        level = await self._level(list(players))

        async def ask(samples: Sequence[int]) -> list[Json]:
            groups: dict[tuple[str, ...], list[int]] = {}
            for sample in samples:
                groups.setdefault(shown[sample], []).append(sample)
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._in_order(context, [by_key[key] for key in order], indices, level))
                    for order, indices in groups.items()
                ]
            found = [sample for task in tasks for sample in task.result()]
            return sorted(found, key=lambda sample: int(sample["sample"]))

        firsts = [by_key[order[0]].id for order in shown]
        found, rounds = await collect(settings, count, ask, self._is_decided(players, firsts))
        by_id = {player.id: player for player in players}

        def script_of(sample: Json) -> Script:
            return self._script([by_id[one] for one in sample["order"]], level)

        found, note = await rate(context, count, found, script_of)
        result = Played(tuple(by_id), tuple(found), (*rounds, *note))
        self.played.append(result)
        return result

    async def _level(self, players: Sequence[CanonicalCandidate]) -> int:
        """How short the trajectories must be shown to fit: as whole as they can be, and both alike.

        The longest order of the two is as long as the other, so one is measured. Where nothing fits they are left
        whole, and refused.
        """
        if self._context.recipe.compare.long_trajectories == "refuse":
            return _WHOLE
        for level in range(len(_LENGTHS) + 1):
            if await fits(self._context, self._script(players, level)):
                return level
        return _WHOLE

    async def _in_order(
        self, context: JudgeContext, order: Sequence[CanonicalCandidate], samples: Sequence[int], level: int
    ) -> list[Json]:
        self._note_unread(order, level)
        script = self._script(order, level)
        found = await sampled(context, script, samples)
        for one in found:
            self.evidence |= {item["id"]: item for item in one.evidence}
            for candidate_id, said in one.calls.items():
                self.calls[candidate_id] = {**said, **self.calls.get(candidate_id, {})}
        return [_match(one, order, script.slots) for one in found]

    def _note_unread(self, order: Sequence[CanonicalCandidate], level: int) -> None:
        """Keep what is not shown of each; who is in several comparisons has the lines of all."""
        for player, slot in zip(order, self._slots(len(order)), strict=True):
            if lines := self._shown(player, slot, level).unread:
                self.unread[player.id] = tuple(dict.fromkeys((*self.unread.get(player.id, ()), *lines)))

    def _script(self, order: Sequence[CanonicalCandidate], level: int) -> Script:
        slots = self._slots(len(order))
        shown = [self._shown(player, slot, level) for player, slot in zip(order, slots, strict=True)]
        return Script(
            _node(order),
            self._context.recipe.turns,
            self._values(order, slots, shown),
            slots,
            images={alias: image for one in shown for alias, image in one.images.items()},
            unseen=next((one.unseen for one in shown if one.unseen), None),
            facts={
                "principles": "given" if self._items else "none",
                "reference": "given" if shown[0].reference else "none",
            },
            items=self._items,
            texts={slot: one.block for slot, one in zip(slots, shown, strict=True)},
            asked_of={
                slot: (player, one.results) for player, slot, one in zip(order, slots, shown, strict=True)
            },
        )

    def _rubric(self) -> Turn | None:
        """The turn that lists the items to judge by, where the recipe has one: the last that lists any."""
        turns = reversed(self._context.recipe.turns)
        return next((turn for turn in turns if turn.read.kind == "rubric"), None)

    def _given_items(self) -> tuple[RubricItem, ...]:
        """The caller's own principles as the items to judge by; none where the recipe writes its rubric itself."""
        turn, given = self._rubric(), self._context.request.principles
        if turn is None or not given:
            return ()
        return given_items(given_principles(self._context.request, self._context.recipe), turn.read)

    def _slots(self, count: int) -> tuple[str, ...]:
        naming = self._context.recipe.compare.slots
        if naming == "letters" and count <= 26:
            return tuple(chr(ord("A") + index) for index in range(count))
        prefix = "model-" if naming == "masked" else ""
        return tuple(f"{prefix}{index + 1}" for index in range(count))

    def _values(
        self, order: Sequence[CanonicalCandidate], slots: Sequence[str], shown: Sequence[_Shown]
    ) -> dict[str, str]:
        beside = self._shown(order[0], "", _WHOLE)
        return {
            "task": beside.task,
            "reference": beside.reference,
            "responses": "\n\n".join(one.block for one in shown),
            "slots": ", ".join(slots),
            "count": str(len(slots)),
            "criteria": self._criteria(),
            "schemas": self._schemas(order, slots) if "schemas" in self._shows else "",
            **self._rubric_shown(),
        }

    def _rubric_shown(self) -> dict[str, str]:
        turn = self._rubric()
        if turn is None or not self._items:
            return {}
        return {turn.name: fence(turn.name.upper(), items_in_words(self._items, turn.read))}

    def _schemas(self, order: Sequence[CanonicalCandidate], slots: Sequence[str]) -> str:
        return tool_schemas(
            {slot: player.trajectory.tools for slot, player in zip(slots, order, strict=True)}
        )

    def _shown(self, player: CanonicalCandidate, slot: str, level: int) -> _Shown:
        """Made once for each slot: among many candidates each is shown in hundreds of prompts."""
        key = (player.sha256, slot, level)
        if key not in self._known:
            self._known[key] = self._made(player, slot, level)
        return self._known[key]

    def _made(self, player: CanonicalCandidate, slot: str, level: int) -> _Shown:
        evidence = self._context.tool_results(self._state["evidence"], player)
        shown = self._context.material(player, evidence, slot)
        left_out = unread(self._context, shown)
        trajectory, images = shown.trajectory, shown.images
        if level != _WHOLE:
            trajectory, images, missing = _shortened(shown, slot, level)
            left_out = (*left_out, *missing)
        heading = f"Response {slot}:\n{trajectory}"
        block = f"{heading}\n{shown.evidence}" if evidence else heading
        return _Shown(block, images, shown.unseen, shown.task, shown.reference, left_out, shown.results)

    def _criteria(self) -> str:
        """One line for each; numbered where the caller's stand alone, for then their order is their priority."""
        comparison = next(p for p in self._state["principles"] if p["origin"] == "comparison")
        listed = [indented(neutralise(said)) for said in criteria_of(comparison["description"])]
        if self._context.recipe.compare.criteria == "instead" and len(listed) > 1:
            return "\n".join(f"{place}. {said}" for place, said in enumerate(listed, start=1))
        return "\n".join(f"- {said}" for said in listed)

    def _is_decided(self, players: Sequence[CanonicalCandidate], firsts: Sequence[str]) -> Decided:
        """Whether all places and passes stand, whatever the samples that are due say; `firsts`: whom each shows first.

        A tournament is seeded by exact points, which any sample moves; by majority there are none but the outcome's.
        Where little agreement is no verdict, it must stand as well whether the orders agree, for that is part of it.
        """
        recipe, ids = self._context.recipe, [player.id for player in players]
        how, threshold = recipe.samples.vote, _threshold(self._context)
        by_order = recipe.samples.orders != "one" and recipe.samples.abstain_below > 0.0

        def pair_stands(samples: Sequence[Json], count: int) -> bool:
            return (recipe.comparing != "tournament" or how == "majority") and outcome_stands(
                ids[0],
                ids[1],
                [match_of(sample) for sample in readable(samples)],
                firsts[len(samples) : count],
                orders_must_agree=by_order or recipe.compare.orders_disagree == "tie",
                how=how,
                threshold=threshold,
            )

        def list_stands(samples: Sequence[Json], count: int) -> bool:
            scores = {one: [sample["scores"][one] for sample in readable(samples)] for one in ids}
            return not by_order and places_stand(scores, count - len(samples), how, threshold)

        return list_stands if recipe.comparing == "listwise" else pair_stands


def _threshold(context: JudgeContext) -> float:
    """The score from which a candidate passes."""
    asked, own = context.request.pass_threshold, context.recipe.pass_threshold
    return next((one for one in (asked, own) if one is not None), 0.5)


def _shortened(shown: Material, slot: str, level: int) -> tuple[str, Mapping[str, Image], tuple[str, ...]]:
    """The trajectory's block, its pictures beside those of the task, and what the block leaves out, in words."""
    found = compact(shown.parts, *_LENGTHS[level - 1])
    made = [name for source in shown.sources.values() for name in source.images]
    names = dict.fromkeys((*shown.task_images, *found.images, *made))
    missing = (f"trajectory: {found.left_out}",) if found.left_out else ()
    return trajectory_block(found.lines, slot), {name: shown.images[name] for name in names}, missing


def match_of(sample: Json) -> Match:
    """One sample as a match of who was shown first; scores of both become the first one's share of the gap."""
    shown_first, shown_second = sample["order"]
    scores = sample["scores"]
    return Match(shown_first, shown_second, (1.0 + scores[shown_first] - scores[shown_second]) / 2.0)


def _node(order: Sequence[CanonicalCandidate]) -> str:
    """A comparison's place among the calls: the contents in their order."""
    return f"compare/{sha256_of([player.sha256 for player in order])[:12]}"


def _match(one: Sampled, order: Sequence[CanonicalCandidate], slots: Sequence[str]) -> Json:
    base: Json = {"sample": one.sample, "order": [player.id for player in order], "reason": one.reason}
    if one.reading is None:
        assert one.problem is not None
        failure = {"failure_kind": one.problem.failure_kind, "failure_reason": str(one.problem)[:500]}
        return {**base, **failure, "contradicts": isinstance(one.problem, Contradiction)}
    ids: Mapping[str, str] = {slot: player.id for slot, player in zip(slots, order, strict=True)}
    scores = {player.id: score for player, score in zip(order, one.reading.scores, strict=True)}
    # One alone wins nothing and ties with nobody: its choice is its number, and its samples agree by their spread.
    alone = {"graded": True, "score": one.reading.scores[0]} if len(order) == 1 else {}
    choice = one.reading.choice if alone else ids.get(one.reading.choice, TIE)
    written = dict(zip((player.id for player in order), one.reading.written, strict=False))
    return {
        **base,
        **alone,
        "choice": choice,
        "scores": scores,
        "written": written,
    }
