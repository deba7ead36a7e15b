"""Collects samples: as many as are wanted, fewer once the vote is decided, more where they disagree.

A sample is a critique as JSON: `sample` and either `choice` (and what else was read) or `failure_kind`. What each
round bought is in the record: how many answers, how many could be read, how far they agree.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from judge_agent.context import JudgeContext
from judge_agent.errors import JudgeError
from judge_agent.nodes.reading import NoLogprobs
from judge_agent.nodes.turns import Sampled, Script, sampled
from judge_agent.prompting.fences import fence, neutralise
from judge_agent.recipes import Readout, Samples, Turn
from judge_agent.state import Json
from judge_agent.votes import agreement as closeness
from judge_agent.votes import distribution, least_agreement, least_share
from judge_agent.votes.places_shown import keep_best_of_each

Ask = Callable[[Sequence[int]], Awaitable[list[Json]]]
# Says whether no further sample can turn what the ones so far come to, out of this many in all.
Decided = Callable[[Sequence[Json], int], bool]
SAME = "same each time"
SPENT = ("budget_exhausted", "deadline", "cancelled")
# Failures of what was said: the next answer may be better. After any other the next call fails as well.
_OF_THE_ANSWER = ("model_unparseable", "evidence_unsupported", "abstained")


async def collect(
    settings: Samples,
    count: int,
    ask: Ask,
    decided: Decided,
    known: Sequence[Json] = (),
    why: str = "undecided together",
) -> tuple[list[Json], list[Json]]:
    """Take samples in rounds, until the vote is decided or the count is reached, and more where they disagree.

    After `known` ones, with which it stopped before, it takes all that are due, for what `why` says. Returns the
    samples, and what each round bought.
    """
    found = list(known)
    rounds: list[Json] = []
    batch: list[Json] = []
    for size, planned in _plan(settings, count, len(known), why):
        because: str | None = planned
        if failed := _all_failed(found if planned == "undecided" else batch):
            rounds.append({"stopped": failed, "samples": len(found), "of": count})
            break
        if planned == "undecided" and decided(found, count) and _stays_agreed(found, count, settings):
            rounds.append({"stopped": "decided", "samples": len(found), "of": count})
            break
        if planned == "disagreement" and (because := _why_more(found, settings)) is None:
            break
        batch = await ask(range(len(found), len(found) + size))
        found += batch
        rounds.append(_round(batch, found, str(because)))
        if any(one.get("failure_kind") in SPENT for one in batch):
            rounds.append({"stopped": "spent", "samples": len(found), "of": count})
            break
    return found, rounds


def _plan(settings: Samples, count: int, known: int, why: str) -> list[tuple[int, str]]:
    """Sizes of the rounds, and why each is asked."""
    if known:
        plan = [(count - known, why)]
    elif not settings.adaptive or count < 3:
        plan = [(count, "wanted")]
    else:
        first = math.ceil(count / 2)
        plan = [(first, "wanted"), *[(1, "undecided")] * (count - first)]
    asked = range(count, settings.escalate_to, count)
    return [*plan, *[(min(count, settings.escalate_to - so_far), "disagreement") for so_far in asked]]


def _all_failed(samples: Sequence[Json]) -> str | None:
    """The failure that a model which does not answer leaves of every sample; it would be that of the next one too."""
    kinds = [one.get("failure_kind") for one in samples]
    if not kinds or any(kind is None or kind in _OF_THE_ANSWER for kind in kinds):
        return None
    return str(kinds[0])


def _stays_agreed(samples: Sequence[Json], count: int, settings: Samples) -> bool:
    """Whether `count` samples agree as far as the recipe asks, whatever those say that are still due.

    Else the whole count might call for more of them, or come to no verdict: to stop before is to answer otherwise.
    """
    asked = settings.min_agreement if settings.escalate_to > count else 0.0
    floor = max(asked, settings.abstain_below)
    # A shade more than the floor, for the spread is not summed in the order in which it will be.
    return floor == 0.0 or _least(readable(samples), len(samples), count) >= floor + 1e-9


def _least(read: Sequence[Json], taken: int, count: int) -> float:
    """The least that `agreed` can be of `count` samples, of which `taken` are there and these could be read."""
    if read and all(one.get("graded") for one in read):
        return least_agreement([float(one["score"]) for one in read], count - taken, count)
    return least_share([one["choice"] for one in read], count)


def _why_more(found: Sequence[Json], settings: Samples) -> str | None:
    """Why samples do not do: those that could be read disagree, or too few of them could be."""
    apart, whole = agreement(found), agreed(found)
    if apart is not None and apart < settings.min_agreement:
        return "disagreement"
    if apart is None or (whole is not None and whole < settings.min_agreement):
        return "unreadable"
    return None


def _round(batch: Sequence[Json], found: Sequence[Json], why: str) -> Json:
    share = agreed(found)
    return {
        "why": why,
        "samples": len(batch),
        "read": len(readable(batch)),
        "agreement": None if share is None else round(share, 4),
    }


def readable(samples: Sequence[Json]) -> list[Json]:
    return [one for one in samples if "failure_kind" not in one]


def abstaining(samples: Sequence[Json]) -> list[Json]:
    """The samples that say that they can give no verdict."""
    return [one for one in samples if one.get("failure_kind") == "abstained"]


def agreement(samples: Sequence[Json]) -> float | None:
    """The share of readable samples that make the commonest choice; None where there is none.

    Numbers on a fine scale are hardly ever equal: of `graded` samples it is 1 less twice their standard deviation.
    """
    read = readable(samples)
    if read and all(one.get("graded") for one in read):
        return closeness([float(one["score"]) for one in read], "mean")
    shares = distribution([one["choice"] for one in read])
    return max(shares.values(), default=None)


def agreed(samples: Sequence[Json]) -> float | None:
    """How far all that were asked for agree: those that vote with each other, and the unreadable with none of them.

    None where no sample votes, and where one was wanted: nothing says whether another would have agreed.
    """
    read = readable(samples)
    voting = [one for one in read if one.get("voted", True)]
    share = agreement(voting)
    alone = len(samples) == 1 or (len(voting) == 1 and len(read) > 1)
    return None if share is None or alone else share * len(read) / len(samples)


async def rate(
    context: JudgeContext, count: int, samples: Sequence[Json], script_of: Callable[[Json], Script]
) -> tuple[list[Json], list[Json]]:
    """Mark which samples vote, where the recipe lets only the soundest: by P(yes) of its meta prompt.

    Of a comparison the soundest of each order vote, as many of the one as of the other, as far as there are.
    `script_of` says what a sample was shown, for its rating must see the same. A sample that could not be rated does
    not vote; where none could, the failure is theirs. A model that tells no log-probabilities rates nothing: all
    vote, and what is returned beside the samples, for the record, says so. Source: DeepSeek-GRM (arXiv 2504.02495),
    where a meta reward model guides the vote.
    """
    settings, candidates = context.recipe.samples, readable(samples)
    keep = math.ceil(count / 2) if settings.keep == "half" else settings.keep
    if settings.meta is None or keep is None or len(candidates) <= keep:
        return list(samples), []
    ratings = await _ratings(context, settings.meta, candidates, script_of)
    problems = [rated.problem for rated in ratings.values() if rated.problem]
    if problems and all(isinstance(problem, NoLogprobs) for problem in problems):
        return list(samples), [{"why": "meta", "unavailable": str(problems[0])}]
    scores = {index: rated.reading.scores[0] if rated.reading else None for index, rated in ratings.items()}
    firsts = [next(iter(sample.get("order", ())), "") for sample in candidates]
    best = keep_best_of_each(tuple(scores), tuple(scores.values()), keep, firsts)
    failure = {} if best else _unrated(problems[0])
    marked = [
        {**sample, "meta_score": scores.get(sample["sample"]), "voted": sample["sample"] in best}
        | (failure if sample["sample"] in scores else {})
        for sample in samples
    ]
    return marked, [{"why": "meta", "rated": len(scores) - len(problems), "voted": len(best)}]


async def _ratings(
    context: JudgeContext, prompt: str, samples: Sequence[Json], script_of: Callable[[Json], Script]
) -> dict[int, Sampled]:
    turn = Turn(name="meta", prompt=prompt, read=Readout(kind="p_yes"), max_tokens=1)

    async def one(sample: Json) -> Sampled:
        script = script_of(sample)
        values = {**script.values, "critique": fence("CRITIQUE", neutralise(sample["reason"]))}
        asked = replace(script, node=f"{script.node}/meta", turns=(turn,), values=values, slots=("",))
        return (await sampled(context, asked, [sample["sample"]]))[0]

    async with asyncio.TaskGroup() as group:
        tasks = {sample["sample"]: group.create_task(one(sample)) for sample in samples}
    return {index: task.result() for index, task in tasks.items()}


def _unrated(problem: JudgeError) -> Json:
    reason = f"no sample could be rated: {problem}"
    return {"failure_kind": problem.failure_kind, "failure_reason": reason[:500]}
