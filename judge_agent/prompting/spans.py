"""A trajectory that does not fit the model's window as an index of spans, of which some are opened. Pure.

A span is a turn, an artifact or the final answer, or a page of one that is long. Its id (m5, m5.2, a0.1, final) follows
from the trajectory alone, so it names the same text in every prompt and call. Opening a span makes its text readable,
not truer: what the agent said stays its claim.

Relevant spans are those that a judge would miss most, by four rules: the final answer (the last turn of the agent,
where there is none); results of tools that speak of an error; calls whose name says that they change something, with
their results; and what holds a word of a principle that few spans hold. The rules know words, and no meanings.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from judge_agent.prompting.excerpts import EVIDENCE_CHARS, shortened
from judge_agent.prompting.material import Material, Opened, Part, indented, trajectory_block
from judge_agent.prompting.results import evidence_block
from judge_agent.schema import Source

SPAN_CHARS = 1500
HEAD_CHARS = 60
TASK_CHARS = 6000
RARE_SHARE = 0.25
MIN_WORD_CHARS = 5
LIST_SPANS, GREP_SPANS, OPEN_SPAN = "list_spans", "grep_spans", "open_span"
SPAN_TOOLS = (LIST_SPANS, GREP_SPANS, OPEN_SPAN)
_WORD = re.compile(rf"[^\W\d_]{{{MIN_WORD_CHARS},}}")
_ERROR = re.compile(
    r"\b(?:error|errors|exception|traceback|failed|failure|denied|declined|refused|forbidden|invalid|timed? ?out|"
    r"not found|unknown|unable|cannot|no such)\b",
    re.IGNORECASE,
)
_CHANGES = re.compile(
    r"\(call\) \w*?(?:write|edit|create|delete|remove|update|insert|patch|apply|replace|set|add|move|rename|send|post|"
    r"submit|book|cancel|refund|pay|order|buy|transfer|modify|change|save|upload|install|run|execute)",
    re.IGNORECASE,
)
NOTE = (
    "The trajectory does not fit here whole. Spans that are not opened stand by their id, their length and their first "
    "words; do not guess at the rest of them."
)


@dataclass(frozen=True)
class Span:
    """A piece of the trajectory: its id, the part that it is of, and the text as prompts show it."""

    id: str
    part: Part
    text: str
    source: Source
    page: int = 1
    pages: int = 1

    @property
    def heading(self) -> str:
        name = (
            self.part.heading if self.pages == 1 else f"{self.part.heading}, page {self.page} of {self.pages}"
        )
        return name.replace(f"[{self.part.alias}]", f"[{self.id}]", 1)

    @property
    def line(self) -> str:
        return f"{self.heading}: {indented(self.text)}"

    @property
    def head(self) -> str:
        first = " ".join(self.text[: 2 * HEAD_CHARS].split())[:HEAD_CHARS]
        return f"{self.heading} (not opened, {len(self.text)} characters): {first} ..."


def spans_of(shown: Material) -> tuple[Span, ...]:
    """The spans of a candidate, in its order."""
    return tuple(span for part in shown.parts for span in _pages(part, shown))


def _pages(part: Part, shown: Material) -> Iterator[Span]:
    if not part.alias or part.text is None:
        return
    source = shown.sources[part.alias].source
    pieces = list(_pieces(part.text))
    for number, piece in enumerate(pieces, 1):
        name = part.alias if len(pieces) == 1 else f"{part.alias}.{number}"
        yield Span(name, part, piece, source, number, len(pieces))


def _pieces(text: str) -> Iterator[str]:
    """Pages of at most SPAN_CHARS, ended at a line's end or a space where there is one in the last quarter."""
    at = 0
    while len(text) - at > SPAN_CHARS:
        window = text[at : at + SPAN_CHARS]
        cut = max(window.rfind("\n"), window.rfind(" "))
        size = cut + 1 if cut >= SPAN_CHARS * 3 // 4 else SPAN_CHARS
        yield text[at : at + size]
        at += size
    yield text[at:]


def relevant(spans: Sequence[Span], principles: Sequence[str]) -> tuple[str, ...]:
    """The ids of the spans that a judge would miss most, in that order, by the rules above."""
    ends = _ending(spans)
    failed = [one.id for one in spans if one.part.answers and _ERROR.search(one.text)]
    acting = {one.part.alias for one in spans if one.source == "claim" and _CHANGES.search(one.text)}
    changed = [one.id for one in spans if one.part.alias in acting or one.part.answers in acting]
    return tuple(dict.fromkeys([*ends, *failed, *changed, *_named(spans, principles)]))


def _ending(spans: Sequence[Span]) -> list[str]:
    final = [one.id for one in spans if one.part.alias == "final"]
    last = next((one.part.alias for one in reversed(spans) if one.part.step_id is not None), None)
    return final or [one.id for one in spans if one.part.alias == last]


def _named(spans: Sequence[Span], principles: Sequence[str]) -> list[str]:
    asked = {word.casefold() for text in principles for word in _WORD.findall(text)}
    held = {one.id: asked & {word.casefold() for word in _WORD.findall(one.text)} for one in spans}
    most = max(1.0, RARE_SHARE * len(spans))
    rare = {word for word in asked if 0 < sum(word in words for words in held.values()) <= most}
    return [name for name, words in held.items() if words & rare]


class SpanIndex:
    """The index of one candidate: views of it with ever more spans opened.

    Opened first is what `asked` names, then what is relevant, then the beginning and the end, from both sides.
    """

    def __init__(self, shown: Material, asked: Sequence[str], principles: Sequence[str]) -> None:
        self._shown = shown
        self._spans = spans_of(shown)
        names = [one.id for one in self._spans]
        self._relevant = relevant(self._spans, principles)
        known = [name for name in dict.fromkeys(asked) if name in names]
        sides = [name for pair in zip(names, reversed(names), strict=True) for name in pair]
        self.order: tuple[str, ...] = tuple(dict.fromkeys([*known, *self._relevant, *sides]))

    def view(self, count: int, *, heads: bool = True) -> Material:
        """The material with the first `count` of the order opened; without `heads` the rest is named by its ends."""
        opened = frozenset(self.order[:count])
        shown, evidence = self._shown, self._evidence()
        names = [name for one in self._spans if one.id in opened for name in one.part.images]
        names += [name for source in shown.sources.values() if source.evidence_id for name in source.images]
        names += shown.task_images
        cut = ("task: its middle is left out",) if len(shown.task) > TASK_CHARS else ()
        return Material(
            task=_task(shown.task),
            trajectory=f"{trajectory_block(list(self._lines(opened, heads)))}\n{NOTE}",
            evidence=evidence,
            reference=shown.reference,
            sources=shown.sources,
            unread=(*shown.unread, *cut),
            step_aliases=shown.step_aliases,
            images={name: shown.images[name] for name in dict.fromkeys(names) if name in shown.images},
            parts=shown.parts,
            unseen=shown.unseen,
            task_images=shown.task_images,
            opened=self._told(opened),
        )

    def _evidence(self) -> str:
        found = [(name, one.shown) for name, one in self._shown.sources.items() if one.evidence_id]
        return evidence_block([(name, shortened(text, EVIDENCE_CHARS, 0)) for name, text in found])

    def _lines(self, opened: Collection[str], heads: bool) -> Iterator[str]:
        for part in self._shown.parts:
            if part.text is None:
                yield part.line
            elif not part.alias:
                yield part.with_text(shortened(part.text, EVIDENCE_CHARS, 0)).line
        for is_open, run in groupby(self._spans, key=lambda one: one.id in opened):
            spans = list(run)
            if is_open:
                yield from (one.line for one in spans)
            elif heads:
                yield from (one.head for one in spans)
            else:
                yield f"(not opened: {_between(spans)})"

    def _told(self, opened: Collection[str]) -> Opened:
        whole = sum(len(one.text) for one in self._spans)
        read = sum(len(one.text) for one in self._spans if one.id in opened)
        return Opened(
            len(self._spans),
            tuple(one.id for one in self._spans if one.id in opened),
            round(read / whole, 4) if whole else 1.0,
            tuple(name for name in self._relevant if name not in opened),
        )


def _between(spans: Sequence[Span]) -> str:
    first, last = spans[0].id, spans[-1].id
    return first if first == last else f"{first} to {last}, {len(spans)} spans"


def _task(task: str) -> str:
    """The task; a very long one by its head and tail, within its fences."""
    return shortened(task, TASK_CHARS, TASK_CHARS // 3)


def of_class(spans: Sequence[Span]) -> Source:
    """The class of what several spans say together: that of the weakest of them."""
    return "claim" if any(one.source == "claim" for one in spans) else "observation"


def by_id(spans: Sequence[Span]) -> Mapping[str, Span]:
    return {one.id: one for one in spans}
