"""Splits an answer into claims, names their entities, and links each claim to passages that hold them.

By words, names and numbers alone: a linked passage speaks of the same things, and may say the opposite.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tools.citations.places import Places, same
from tools.documents.library import pieces

MAX_CLAIMS = 40
MAX_CLAIM_CHARS = 600
MAX_PASSAGES = 4000
MAX_LINKED = 3
MIN_SHARE = 0.6  # of a claim's words of content that a passage must hold, where it holds all its entities
_SENTENCE = re.compile(r"(?<=[.!?\u3002])[\"')\]\u201d]*\s+|\n+|\u3002")
_ENTITY = re.compile(
    r"(?:[A-Z\u00c0-\u00de][\w'\u2019-]*)(?:\s+(?:of|the|de|da|van|von|and|&)?\s*[A-Z\u00c0-\u00de][\w'\u2019-]*){0,5}"
)
_NUMBER = re.compile(r"(?<![\w.])\d+(?:[.,:/-]\d+)*%?(?![\w])")
_WORD = re.compile(r"[^\W_]{3,}")
_MARKS = re.compile(r"https?://\S+|\[[^\]]{0,200}\]|\u3010[^\u3011]{0,200}\u3011|[*_#>`]+")
_LIST_MARK = re.compile(r"^\s*(?:[-+\u2022]|\d{1,3}[.)])\s+")
# Kept as texts: one word a line would fill pages.
_STOP_WORDS = """
the and for are was were that this with from have has had not but they their there which what when who whom will would
can could should may might been being also than then them these those its his her our your into about over under
between after before because while where such more most some any all each other only very therefore thus hence however
answer according
"""
_OPENING_WORDS = """
the a an this that these those it its he she they we i you in on at by as if when while for from to of and but or so no
not yes there here his her their our my your however therefore thus hence also according after before since because
although both each all some many most answer final
"""
_STOP = frozenset(_STOP_WORDS.split())
_OPENERS = frozenset(_OPENING_WORDS.split())


@dataclass(frozen=True)
class Claim:
    """A sentence. `entities` are names and numbers, as they are compared, with how they are written."""

    text: str
    entities: Mapping[str, str]
    words: frozenset[str]


@dataclass
class Linked:
    """A claim with the passages that hold it; `absent` are its entities that no source has."""

    claim: Claim
    passages: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)


class Piece(NamedTuple):
    """A passage of a source. `words` are those that it holds, `same` its text as it is compared."""

    id: str
    same: str
    words: frozenset[str]


def claims_of(answer: str) -> tuple[Claim, ...]:
    """The sentences of an answer that name something."""
    found = []
    for sentence in _SENTENCE.split(answer[:60_000]):
        text = _LIST_MARK.sub("", _MARKS.sub(" ", sentence)).strip()[:MAX_CLAIM_CHARS]
        entities = dict(_entities(text))
        if entities and len(text.split()) >= 2:
            found.append(Claim(" ".join(text.split()), entities, _content(text)))
        if len(found) >= MAX_CLAIMS:
            break
    return tuple(found)


def entities_in(text: str) -> frozenset[str]:
    """The names and numbers of a text, as they are compared."""
    return frozenset(dict(_entities(_MARKS.sub(" ", text[:60_000]))))


def link(claims: Sequence[Claim], places: Places) -> tuple[Linked, ...]:
    """Link every claim to the passages that hold it, the nearest first."""
    passages = list(_pieces(places))
    by_word: dict[str, list[int]] = defaultdict(list)
    for index, piece in enumerate(passages):
        for word in piece.words:
            by_word[word].append(index)
    return tuple(_linked(claim, passages, by_word) for claim in claims)


def _linked(claim: Claim, passages: Sequence[Piece], by_word: Mapping[str, Sequence[int]]) -> Linked:
    counts: dict[int, int] = defaultdict(int)
    for word in claim.words:
        for index in by_word.get(word, ()):
            counts[index] += 1
    linked = Linked(claim)
    scored = []
    for index, count in counts.items():
        share = count / max(1, len(claim.words))
        if share >= MIN_SHARE and all(_holds(passages[index], entity) for entity in claim.entities):
            scored.append((-share, index))
    linked.passages = [passages[index].id for _, index in sorted(scored)[:MAX_LINKED]]
    if not linked.passages:
        near = sorted(counts, key=lambda index: (-counts[index], index))
        linked.absent = [
            written
            for entity, written in claim.entities.items()
            if not any(_holds(passages[index], entity) for index in near)
        ]
    return linked


def _holds(piece: Piece, entity: str) -> bool:
    at = piece.same.find(entity)
    while at >= 0:
        end = at + len(entity)
        before, after = piece.same[at - 1 : at], piece.same[end : end + 1]
        if not before.isalnum() and not after.isalnum():
            return True
        at = piece.same.find(entity, at + 1)
    return False


def _pieces(places: Places) -> Iterator[Piece]:
    """Passages of what the agent saw, then of the documents; of many the first."""
    count = 0
    for place in places.all:
        if place.kind == "task":
            continue
        for number, (start, end) in enumerate(pieces(place.text, 0, len(place.text), 900), 1):
            count += 1
            if count > MAX_PASSAGES:
                return
            text = same(place.text[start:end])
            yield Piece(f"{place.id}#{number}", text, frozenset(map(_stem, _WORD.findall(text))))


def _entities(text: str) -> Iterator[tuple[str, str]]:
    for found in _ENTITY.finditer(text):
        words = found.group().split()
        while words and words[0].casefold() in _OPENERS:
            words = words[1:]
        while words and words[-1].casefold() in _OPENERS:
            words = words[:-1]
        name = " ".join(words)
        opens = not text[: found.start()].strip()
        if len(name) < 2 or (opens and len(words) == 1 and name[1:].islower()):
            continue  # a single word that begins a sentence is written large whatever it is
        key = same(name).removesuffix("'s").strip("'\".-")
        if key:
            yield key, name
    for found in _NUMBER.finditer(text):
        yield same(found.group()), found.group()


def _content(text: str) -> frozenset[str]:
    return frozenset(_stem(word) for word in _WORD.findall(same(text)) if word not in _STOP)


def _stem(word: str) -> str:
    """Without the commonest English endings: as much as is needed to link, not more."""
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word.removesuffix(ending)
    return word
