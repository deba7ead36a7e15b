"""Checks a critique's citations: the source must exist, and the quote must stand in it, word for word."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from judge_agent.hashing import sha256_of
from judge_agent.prompting.fences import neutralise
from judge_agent.prompting.material import CitableSource, Material

MIN_QUOTE_CHARS = 12
_SPACE = re.compile(r"\s+")
_IMAGES = re.compile(r"\[image\b[^\]\n]{0,80}\]")


class CheckedCitation(NamedTuple):
    """One citation. `source` is None when it was struck; `offsets` are characters in the shown source."""

    alias: str
    quote: str
    source: CitableSource | None
    offsets: tuple[int, int] | None
    struck_because: str | None


def check(raw: Sequence[Mapping[str, Any]], material: Material) -> tuple[CheckedCitation, ...]:
    """Check the citations that a model gave as `{"source": alias, "quote": text}`."""
    return tuple(_check(str(item.get("source", "")), str(item.get("quote", "")), material) for item in raw)


def supports_pass(citation: CheckedCitation, tool: str | None) -> bool:
    """Whether a pass of a hard principle may rest on it: a tool's or an observed text, never the agent's claim.

    `tool` is the one that the principle is tied to: of its own results only those that confirm support a pass.
    """
    source = citation.source
    if source is None or not source.supports or source.source == "claim":
        return False
    return tool is None or source.tool != tool or source.bearing in (None, "confirms", "both")


def refutation(material: Material, tool: str | None) -> CitableSource | None:
    """A strong result against the principle, from the tool that the principle is tied to."""
    return next(
        (
            source
            for source in material.sources.values()
            if tool is not None
            and source.tool == tool
            and source.bearing == "refutes"
            and source.strength != "hint"
        ),
        None,
    )


def found_against(source: CitableSource) -> str:
    """Say that a tool refutes, by the names of its result alone: what it found is data, and stands between fences."""
    return f"the tool of this principle, {source.tool!r}, found against it: see {source.alias} ({source.evidence_id})"


def span_id(citation: CheckedCitation, candidate_hash: str) -> str:
    """The evidence id of a quoted span: the same words of the same source have the same id."""
    return "sp_" + sha256_of([candidate_hash, citation.alias, citation.quote])[:12]


def _check(alias: str, quote: str, material: Material) -> CheckedCitation:
    source = material.sources.get(alias.strip().strip("[]"))
    if source is None:
        return CheckedCitation(alias, quote, None, None, f"there is no source {alias!r}")
    words = _SPACE.sub(" ", neutralise(quote)).strip()
    whole = _SPACE.sub(" ", source.shown).strip()
    if words and not _IMAGES.sub("", words).strip():
        return CheckedCitation(alias, quote, None, None, "an image cannot be quoted, only words")
    if len(words) < MIN_QUOTE_CHARS and words != whole:
        return CheckedCitation(
            alias, quote, None, None, f"the quote is shorter than {MIN_QUOTE_CHARS} characters"
        )
    if not words:
        return CheckedCitation(alias, quote, None, None, "the quote is empty")
    offsets = _find(words, source.shown)
    if offsets is None:
        return CheckedCitation(alias, quote, None, None, f"the quote does not stand in {source.alias!r}")
    if source.source != "claim" and _said_before(words, source, material):
        source = replace(source, source="claim")
    return CheckedCitation(source.alias, source.shown[offsets[0] : offsets[1]], source, offsets, None)


def _said_before(words: str, source: CitableSource, material: Material) -> bool:
    """Whether the agent wrote these words before they turned up there: an echo is the agent's claim still."""
    return any(
        _find(words, claim.shown) is not None
        for claim in material.sources.values()
        if claim.source == "claim" and (claim.position < source.position or source.evidence_id is not None)
    )


def _find(words: str, text: str) -> tuple[int, int] | None:
    """Find a quote; runs of white space count as one space, since models fold lines."""
    at = text.find(words)
    if at >= 0:
        return at, at + len(words)
    folded = _SPACE.sub(" ", text)
    at = folded.find(words)
    return (_unfolded(at, text), _unfolded(at + len(words) - 1, text) + 1) if at >= 0 else None


def _unfolded(at: int, text: str) -> int:
    """The place in `text` of the character at `at` of the folded text."""
    for run in _SPACE.finditer(text):
        if run.start() > at:
            break
        at += len(run.group()) - 1 if run.start() < at else 0
    return at
