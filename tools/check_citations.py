"""Looks every citation of a trajectory up: quotations, addresses and document ids, in what the agent saw and was given.

What it decides is one thing only: whether what the answer cites is there. A quotation that stands nowhere, an address
or an id that the agent never saw, refutes; where all that is surely a citation stands in a source, that confirms.
It decides no principle unasked: the principle `citations_resolve` is of the dimension `groundedness`, and is there only
where that is declared; a principle of the caller's own can be tied to the tool where it speaks of that.

Weaker, and never decisive: words in quotation marks that name no source, quotations that differ in a few words, what a
tool only repeats of what the agent wrote, and everything where an observation was cut, holds pictures, or a document
could not be read. Claims are linked to passages by names, numbers and words, and the chain from the answer is walked:
both are told to the model, and decide nothing. Does not know whether a source is right, or says what it is cited for.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from judge_agent.schema import Principle
from judge_agent.seams.tool import Aside, AskedTool, Finding, OpeningCall, ToolResult, ToolView, in_time
from judge_agent.trajectory import Transcript, final_answer, read, text_of
from tools.citations.chain import Chain, chain_of
from tools.citations.citing import cited_in
from tools.citations.claims import Linked, claims_of, entities_in, link
from tools.citations.limits import CitationLimits
from tools.citations.lookup import Looked, Lookup
from tools.citations.places import Places, places_of
from tools.documents.library import Library
from tools.documents.shelf import Shelf

DIMENSION = "groundedness"
# Looking for citations ahead of the call happens between other work of the service, and must not hold it up.
MAX_CHARS_AHEAD = 60_000
_MARKS = ('"', "\u201c", "\u201e", "\u00ab", "http", "[", "\u3010", "\n>")
_ABOUT_CITATIONS = re.compile(
    r"\b(?:cit(?:e|es|ed|ation|ations|ing)|quot(?:e|es|ed|ation|ations)|urls?|links?|references?|sources?|"
    r"document ids?)\b",
    re.I,
)
_ABOUT_EXISTENCE = re.compile(
    r"\b(?:exists?|existing|found|resolv|verbatim|fabricat|invent|made[- ]up|hallucinat|real|appears?|present|seen|"
    r"stands?|there)",
    re.I,
)
_ABOUT_MORE = re.compile(
    r"\b(?:support|correct|accura|relevan|complete|enough|credib|reliab|trust|recent|format|style|every claim|"
    r"all claims|each claim|helpful|true|contradict|consisten|best|quality|right)",
    re.I,
)


class CheckCitations(AskedTool):
    """The tool `check_citations`. `shelf` holds the request's documents; without any it needs no box."""

    name = "check_citations"
    description = (
        "Looks up every quotation, URL and document id of the trajectory in its observations and the task's documents, "
        "links claims to passages, names what is missing, and says how much of the evidence hangs together."
    )
    parameters: Mapping[str, Any] = {}
    dimensions = (DIMENSION,)

    def __init__(self, shelf: Shelf, *, limits: CitationLimits | None = None) -> None:
        self._shelf, self.limits = shelf, limits or CitationLimits()
        self.version = f"5/{shelf.box}/{shelf.limits.words}"

    async def aclose(self) -> None:
        """Close what the shelf keeps open. Repeated calls do nothing."""
        await self._shelf.aclose()

    def opening_calls(self, view: ToolView) -> Sequence[OpeningCall]:
        """One call, where something is cited or there are documents, and there is something to look it up in."""
        transcript = read(view.trajectory)
        has_seen = any(turn.role == "tool" for turn in transcript.turns)
        if not (has_seen or view.resources.corpora):
            return ()
        corpora = {corpus.name for corpus in view.resources.corpora}
        answer = final_answer(view.trajectory)
        cites = _may_cite((answer, *(step.turn.text for step in transcript.steps)), corpora)
        return (OpeningCall(),) if cites or (view.resources.corpora and answer.strip()) else ()

    def offered(self, view: ToolView) -> bool:
        """Never: the opening call has looked everything up already."""
        return False

    def can_decide(self, principle: Principle, view: ToolView) -> bool:
        """Only its own principle, and tied ones that ask whether what is cited is there, and nothing more."""
        if principle.tool != self.name or principle.origin not in ("given", "recipe", "tool"):
            return False
        if principle.origin == "tool":
            return True
        text = principle.description
        speaks = _ABOUT_CITATIONS.search(text) and _ABOUT_EXISTENCE.search(text)
        return bool(speaks) and not _ABOUT_MORE.search(text)

    async def run(
        self, arguments: Mapping[str, Any], view: ToolView, *, timeout_seconds: float
    ) -> ToolResult:
        """Look everything up. Raises ValueError for arguments, ToolError, SandboxError, StoreError, BudgetExceeded."""
        if arguments:
            raise ValueError(f"{self.name} takes no arguments, got {sorted(arguments)!r:.200}")
        deadline = time.monotonic() + timeout_seconds
        async with in_time(self.name, timeout_seconds):
            library = await self._shelf.library(view) if view.resources.corpora else None
            checked = await asyncio.to_thread(_check, view, library, self.limits, deadline)
        return _result(checked, library, self.limits)


def _may_cite(texts: Sequence[str], corpora: set[str]) -> bool:
    """Whether anything is cited in texts; of very long ones only whether a mark of citations stands there."""
    room = MAX_CHARS_AHEAD
    for text in texts:
        if cited_in(text[:room], corpora) if room > 0 else any(mark in text for mark in _MARKS):
            return True
        if len(text) > room > 0 and any(mark in text for mark in _MARKS):
            return True
        room -= len(text)
    return False


class _Checked(NamedTuple):
    """All that was looked up: `answer` of the final answer, `steps` of the turns before it.

    `cut`: the answer is longer, or cites more, than the limits let be looked at.
    """

    answer: tuple[Looked, ...]
    steps: tuple[Looked, ...]
    places: Places
    linked: tuple[Linked, ...]
    chain: Chain
    cut: bool


def _check(view: ToolView, library: Library | None, limits: CitationLimits, deadline: float) -> _Checked:
    transcript = read(view.trajectory)
    places = places_of(view, library)
    corpora = {corpus.name for corpus in view.resources.corpora}
    lookup = Lookup(places, deadline)
    answer = final_answer(view.trajectory)
    looked = tuple(lookup.look(cited) for cited in cited_in(answer, corpora, limits))
    steps = tuple(_of_steps(transcript, answer, corpora, lookup, limits))
    linked = link(claims_of(answer), places)
    asked = entities_in("\n".join([view.task.prompt, *map(text_of, view.task.messages)]))
    cut = len(answer) > limits.max_text_chars or len(looked) >= limits.max_citations
    return _Checked(looked, steps, places, linked, chain_of(linked, asked), cut)


def _of_steps(
    transcript: Transcript, answer: str, corpora: set[str], lookup: Lookup, limits: CitationLimits
) -> list[Looked]:
    """What turns before the answer cite, looked up in what the agent had seen by then."""
    found = list[Looked]()
    for index, turn in enumerate(transcript.turns):
        if turn.role != "assistant" or not turn.text.strip() or turn.text == answer:
            continue
        for cited in cited_in(turn.text, corpora, limits):
            found.append(lookup.look(cited, step=turn.step_id, before=index))
            if len(found) >= limits.max_step_citations:
                return found
    return found


def _result(checked: _Checked, library: Library | None, limits: CitationLimits) -> ToolResult:
    finding = _finding(checked)
    output = {
        "summary": dict(Counter(one.outcome for one in checked.answer)),
        "citations": [one.as_json() for one in _worst_first(checked.answer)[: limits.max_listed]],
        "in_earlier_steps": [one.as_json() for one in checked.steps if one.outcome == "missing"][:8],
        "complete": checked.places.complete,
        "chain": checked.chain.as_json(),
        "claims": _claims(checked)[:12],
    }
    if library is not None and library.refused:
        output["not_read"] = dict(list(library.refused.items())[:8])
    counts = {
        "citations": len(checked.answer),
        "claims": len(checked.linked),
        "places": len(checked.places.all),
    }
    findings = (finding, *_step_findings(checked))
    return ToolResult("ok", output, findings, truncated=checked.cut, checked=counts, asides=_asides(finding))


def _finding(checked: _Checked) -> Finding:
    """Missing ones first; only what is surely a citation decides, and only where all that was seen is here."""
    sure = [one for one in checked.answer if one.cited.sure and one.outcome != "not_checked"]
    missing = [one for one in sure if one.outcome == "missing"]
    whole = checked.places.complete
    if missing:
        told = "; ".join(f"{one.cited.kind} {one.cited.text[:80]!r}" for one in missing[:3])
        reason = f"{len(missing)} of {len(sure)} citations stand nowhere in what the agent saw: {told}"
        return Finding("refutes", "decisive" if whole else "strong", 0.0 if whole else None, reason)
    weaker = [one for one in checked.answer if _is_in_doubt(one)]
    if weaker:
        first = weaker[0]
        named = f"the {first.cited.kind} {first.cited.text[:80]!r} is {first.outcome}"
        reason = f"{len(weaker)} citations are in doubt; {named}"
        refutes = any(
            one.cited.sure and one.outcome == "altered" and one.cited.kind == "quote" for one in weaker
        )
        return Finding("refutes" if refutes else "none", "strong" if refutes else "hint", None, reason)
    # An address that was seen is no invention, whether it is cited or only pointed at.
    held = [one for one in checked.answer if one.outcome == "found" and _is_citation(one)]
    if not held:
        return Finding("none", "hint", None, "nothing is surely cited")
    if checked.cut:
        reason = (
            f"the first {len(checked.answer)} citations were looked up; the answer is longer than the limits"
        )
        return Finding("none", "hint", None, reason)
    return Finding("confirms", "decisive", 1.0, f"all {len(held)} citations stand in what the agent saw")


def _is_citation(one: Looked) -> bool:
    return one.cited.sure or one.cited.kind == "url"


def _is_in_doubt(one: Looked) -> bool:
    """What merely looks like an id may be a formula or a part number: it is told, and stands in nobody's way."""
    if one.outcome not in ("missing", "altered", "repeated"):
        return False
    return one.cited.sure or one.cited.kind != "document"


def _asides(finding: Finding) -> tuple[Aside, ...]:
    if finding.strength != "decisive":
        return ()
    description = "Every quotation, address and document id that the answer cites is in what the agent saw."
    return (Aside("citations_resolve", description, DIMENSION, finding),)


def _step_findings(checked: _Checked) -> list[Finding]:
    """One for every step that cites what it cannot have seen: strong, for the agent may have known it."""
    steps = dict[str, str]()
    for one in checked.steps:
        if one.outcome == "missing" and one.cited.sure and one.step is not None:
            steps.setdefault(
                one.step, f"the {one.cited.kind} {one.cited.text[:80]!r} was nowhere to be seen yet"
            )
    return [Finding("refutes", "strong", None, why, step_id=step) for step, why in list(steps.items())[:20]]


def _claims(checked: _Checked) -> list[dict[str, Any]]:
    """Claims without a passage first: they are what a critique looks for."""
    told = [
        {
            "text": one.claim.text[:160],
            "passages": one.passages,
            "absent": one.absent[:6],
            "connected": index in checked.chain.connected,
        }
        for index, one in enumerate(checked.linked)
    ]
    return sorted(told, key=lambda one: bool(one["passages"]))


def _worst_first(looked: Sequence[Looked]) -> list[Looked]:
    order = ("missing", "altered", "repeated", "not_checked", "found")
    return sorted(looked, key=lambda one: order.index(one.outcome))
