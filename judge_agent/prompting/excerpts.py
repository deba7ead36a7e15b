"""Parts of a trajectory that does not fit whole: what is kept, and what the text says in place of the rest.

Steps are shown with what came before them, nearest first: a step is judged by what was known when it was taken,
so nothing that came later is in its view but the results of its own calls.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby, takewhile
from typing import NamedTuple

from judge_agent.prompting.material import Material, Part, trajectory_block
from judge_agent.prompting.results import evidence_block
from judge_agent.seams.model import Image

LONG_CHARS = 2400  # of a text that is context, not what is judged
TAIL_CHARS = 400
EVIDENCE_CHARS = 800
TOOLS_OF_THE_AGENT = "its tools"
_NOTE = "You see a part of the trajectory. What does not fit is left out and named in its place; do not guess at it."


@dataclass(frozen=True)
class Excerpt:
    """The blocks of a prompt that shows a part, the pictures in it, and what it leaves out, in words.

    `missing` are the ids of the turns that it does not show at all.
    """

    trajectory: str
    evidence: str
    images: Mapping[str, Image]
    left_out: str = ""
    missing: frozenset[str] = frozenset()


class StepExcerpts:
    """Excerpts for some steps of one candidate, from the barest (0) to ever fuller ones."""

    def __init__(self, shown: Material, step_ids: Collection[str]) -> None:
        self._shown = shown
        parts = shown.parts
        self._own = [index for index, part in enumerate(parts) if part.step_id in step_ids]
        names = {parts[index].alias for index in self._own}
        results = [index for index, part in enumerate(parts) if part.answers in names]
        last = max(self._own, default=0)
        earlier = [at for at in range(last - 1, -1, -1) if at not in {*self._own, *results}]
        evidence = [alias for alias, source in shown.sources.items() if source.evidence_id is not None]
        # What came of a step first, then what tools say of the candidate, then what led to it, nearest first.
        self._wanted: list[int | str] = [*results, *evidence, *earlier]

    def count_within(self, chars: int) -> int:
        """How many of the things that belong to the steps come to at most so many characters."""
        lengths = accumulate(self._length(item) for item in self._wanted)
        return sum(1 for _ in takewhile(lambda length: length <= chars, lengths))

    def _length(self, item: int | str) -> int:
        if isinstance(item, str):
            return min(len(self._shown.sources[item].shown), EVIDENCE_CHARS)
        return min(len(self._shown.parts[item].text or ""), LONG_CHARS)

    def excerpt(self, count: int) -> Excerpt:
        """The steps themselves, whole, and the first `count` of what belongs to them, long texts by head and tail."""
        parts, sources = self._shown.parts, self._shown.sources
        wanted, missing = (
            self._wanted[:count],
            [item for item in self._wanted[count:] if isinstance(item, str)],
        )
        kept = {*self._own, *(item for item in wanted if isinstance(item, int))}
        kept |= {index for index, part in enumerate(parts) if part.text is None}
        lines, gaps, cut = _walked(parts, kept, frozenset(self._own))
        found = [(item, sources[item].shown) for item in wanted if isinstance(item, str)]
        cut += [alias for alias, text in found if len(text) > EVIDENCE_CHARS]
        names = [*self._shown.task_images, *(name for index in sorted(kept) for name in parts[index].images)]
        names += [name for alias, _ in found for name in sources[alias].images]
        return Excerpt(
            f"{trajectory_block(lines)}\n{_NOTE}",
            evidence_block(
                [(alias, shortened(text, EVIDENCE_CHARS, 0)) for alias, text in found],
                missing=", ".join(missing),
            ),
            {name: self._shown.images[name] for name in dict.fromkeys(names)},
            _in_words([*gaps, *missing], cut),
            frozenset(part.alias for index, part in enumerate(parts) if index not in kept and part.is_turn),
        )


class Compact(NamedTuple):
    """A whole trajectory in fewer words: its lines, the names of the pictures that they show, what is not in them."""

    lines: list[str]
    images: tuple[str, ...]
    left_out: str


def compact(parts: Sequence[Part], most_chars: int, ends: int | None = None) -> Compact:
    """Long texts by head and tail, of at most so many characters; of many parts the first and the last `ends`.

    What was asked first and what came of it last tell most of a trajectory; what lies between is named.
    """
    last = len(parts) if ends is None else ends
    kept = [at for at, part in enumerate(parts) if part.text is None or at < last or at >= len(parts) - last]
    walked = _walked(parts, frozenset(kept), frozenset(), most_chars, most_chars // 3)
    images = dict.fromkeys(name for at in kept for name in parts[at].images)
    left_out = _in_words(walked.gaps, walked.cut)
    return Compact([*walked.lines, _NOTE] if left_out else walked.lines, tuple(images), left_out)


class _Walked(NamedTuple):
    """The lines of a block, the runs of parts that it leaves out, and what it cuts."""

    lines: list[str]
    gaps: list[str]
    cut: list[str]


def _walked(
    parts: Sequence[Part],
    kept: Collection[int],
    whole: Collection[int],
    most: int = LONG_CHARS,
    tail: int = TAIL_CHARS,
) -> _Walked:
    walked = _Walked([], [], [])
    for is_kept, run in groupby(enumerate(parts), key=lambda item: item[0] in kept):
        if not is_kept:
            span = _span([part for _, part in run])
            walked.gaps.append(span)
            walked.lines.append(f"(left out here: {span})")
            continue
        for index, part in run:
            long = part.text is not None and index not in whole and len(part.text) > most
            text = shortened(part.text, most, tail) if long and part.text else part.text
            walked.lines.append(part.with_text(text).line)
            if long:
                walked.cut.append(part.alias or TOOLS_OF_THE_AGENT)
    return walked


def _span(gap: Sequence[Part]) -> str:
    """Name a run of parts by its ends."""
    names = [part.alias or TOOLS_OF_THE_AGENT for part in gap]
    if len(names) < 3:
        return ", ".join(names)
    return f"{names[0]} to {names[-1]}"


def _in_words(left_out: Sequence[str], cut: Sequence[str]) -> str:
    said = [f"{', '.join(left_out)} left out"] if left_out else []
    return "; ".join([*said, *([f"{', '.join(cut)} cut"] if cut else [])])


def shortened(text: str, most: int, tail: int) -> str:
    """A long text by its head and tail; the gap says how much it hides."""
    if len(text) <= most:
        return text
    head, end = text[: most - tail], text[len(text) - tail :]
    return f"{head}\n[... {len(text) - most} characters left out ...]\n{end}".rstrip("\n")
