"""Which principles are asked about in one call, and what such a call may cost."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from judge_agent.context import CanonicalCandidate, JudgeContext
from judge_agent.nodes.cited import FIRST, Critiqued, Look, cited_critiques
from judge_agent.nodes.critique_form import in_words, scale_of
from judge_agent.nodes.worst_case import of_prompt
from judge_agent.prompting.material import Material
from judge_agent.state import Json


class Chunk:
    """Principles that one call asks about. Each sample of them is one call, made by who needs it first."""

    def __init__(self, principles: Sequence[Json]) -> None:
        self.principles = principles
        self._calls: dict[int, asyncio.Lock] = {}
        self._found: dict[int, Mapping[str, Critiqued]] = {}

    async def critique(
        self,
        candidate: CanonicalCandidate,
        shown: Material,
        principle: Json,
        sample: int,
        context: JudgeContext,
    ) -> Critiqued:
        """One sample of one of the principles."""
        async with self._calls.setdefault(sample, asyncio.Lock()):
            if sample not in self._found:
                self._found[sample] = await self._asked(context, candidate, shown, sample)
        return self._found[sample][principle["name"]]

    async def _asked(
        self, context: JudgeContext, candidate: CanonicalCandidate, shown: Material, sample: int
    ) -> Mapping[str, Critiqued]:
        """One sample of all of them; of a jury each sample is another juror's, in turn."""
        jury = context.recipe.jury
        if not jury:
            return await cited_critiques(context, candidate, shown, self.principles, sample)
        juror = jury[sample % len(jury)]
        seated = replace(context, calls=context.calls.of_juror(juror))
        found = await cited_critiques(seated, candidate, shown, self.principles, sample)
        return {name: Critiqued({**one.critique, "model": juror}, one.spans) for name, one in found.items()}


def chunks_of(context: JudgeContext, principles: Sequence[Json]) -> dict[str, Chunk]:
    """The chunk of each principle, by its name: as many in one as the recipe says, in their order."""
    wanted = context.recipe.critique.criteria_per_call
    size = max(1, len(principles)) if wanted == "all" else wanted
    found: dict[str, Chunk] = {}
    for at in range(0, len(principles), size):
        chunk = Chunk(principles[at : at + size])
        found |= {one["name"]: chunk for one in chunk.principles}
    return found


def most_of_chunk(
    context: JudgeContext, shown: Material, chunk: Chunk, principle: Json, look: Look = FIRST
) -> int:
    """What one sample may cost the principle, in tokens: the first of a chunk pays for all of it."""
    if principle is not chunk.principles[0]:
        return 0
    return most_of_call(context, shown, chunk.principles, look)


def most_of_call(
    context: JudgeContext, shown: Material, principles: Sequence[Json], look: Look = FIRST
) -> int:
    """What one call about these principles may cost, in tokens, and each of them asked again alone."""
    again = [most_of_one_try(context, shown, [one], look) for one in principles]
    return most_of_one_try(context, shown, principles, look) + sum(again)


def most_of_one_try(
    context: JudgeContext, shown: Material, principles: Sequence[Json], look: Look = FIRST
) -> int:
    """What one call about these principles may cost, in tokens, where nothing is asked again."""
    prompt = context.recipe.prompts[look.prompt if len(principles) == 1 else "several"]
    values = [shown.task, shown.trajectory, shown.evidence, shown.reference, *look.beside.values()]
    values += [text for one in principles for text in (in_words(one), scale_of(context, one))]
    answer = context.recipe.critique.max_tokens * len(principles)
    return of_prompt(context, prompt, values, len(shown.images), answer, tries=1)
