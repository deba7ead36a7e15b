"""Looks every citation up: found and where, only repeated, altered, missing."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from tools.citations.citing import Cited
from tools.citations.places import Place, Places, parts_of, same, same_url
from tools.documents.library import Library

Outcome = Literal["found", "repeated", "altered", "missing", "not_checked"]
ALTERED = 0.65  # from here on a quotation is another wording of a passage, and not made up
MAX_NEAR_CHARS = 400_000
MAX_NEAR_LOOKUPS = 20
MIN_URL_PART = 5
_TELLING = re.compile(r"\d|[A-Za-z][-_][A-Za-z]")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
# What stands in square brackets is the quoter's own; a number there, unless it marks a footnote, is to be the source's.
_NUMBERS_ADDED = re.compile(r"\[(?!\d{1,3}\])([^\]]{0,80}?\d[^\]]{0,80})\]")
_ADDED = re.compile(r"\[([^\]]{0,80})\]")
_TURNED = "what is left out, or put in within brackets, may deny it"
_DENIES = re.compile(
    r"\b(?:not?|never|nor|neither|without|hardly|cannot|unless|false|allegedly)\b|n't\b", re.I
)
_LABELLED = re.compile(r"(?:doc|document|source|passage|ref|reference)?\.? ?(\d{1,6})", re.I)
_LAST_MARK = re.compile(r"[/:.~](?=[^/:.~]*\Z)")


@dataclass(frozen=True)
class Looked:
    """What became of one citation. `place` and `offsets` say where it stands, or what comes nearest to it."""

    cited: Cited
    step: str | None
    outcome: Outcome
    place: str = ""
    offsets: tuple[int, int] | None = None
    likeness: float | None = None
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {
            "kind": self.cited.kind,
            "text": self.cited.text[:200],
            "outcome": self.outcome,
        }
        if self.step is not None:
            told["step"] = self.step
        if self.place:
            told["at" if self.outcome in ("found", "repeated") else "nearest"] = self.place
        if self.offsets is not None:
            told["offsets"] = list(self.offsets)
        if self.likeness is not None:
            told["likeness"] = round(self.likeness, 2)
        if self.note:
            told["note"] = self.note
        return told


class Lookup:
    """Looks citations up in one set of places. Raises TimeoutError past `deadline` (monotonic seconds)."""

    def __init__(self, places: Places, deadline: float) -> None:
        self._places = places
        self._deadline = deadline
        self._nearest_left = MAX_NEAR_LOOKUPS

    def look(self, cited: Cited, *, step: str | None = None, before: int | None = None) -> Looked:
        """Look one up in all that the agent had seen before turn `before` (None: in everything)."""
        if time.monotonic() > self._deadline:
            raise TimeoutError("looking citations up ran out of time")
        seen = [one for one in self._places.all if before is None or one.turn < before]
        if cited.kind == "quote":
            return self._quote(cited, step, seen, before)
        if cited.kind == "url":
            return self._url(cited, step, seen)
        return self._document(cited, step, seen)

    def _quote(self, cited: Cited, step: str | None, seen: Sequence[Place], before: int | None) -> Looked:
        parts = parts_of(cited.text)
        if not parts:
            return Looked(cited, step, "not_checked", note="too short to be looked up")
        repeated: Looked | None = None
        for place in seen:
            span = place.find(parts)
            if span is None:
                continue
            offsets = place.offsets(span)
            if _turns_round(cited.text, place.skipped(parts)):
                return Looked(cited, step, "not_checked", place.id, note=_TURNED)
            if any(same(added) not in place.same for added in _NUMBERS_ADDED.findall(cited.text)):
                note = "a number that the quoter put within brackets is not there"
                return Looked(cited, step, "altered", place.id, note=note)
            if not place.repeats(parts):
                return Looked(cited, step, "found", self._name(place, offsets), offsets)
            repeated = repeated or Looked(
                cited, step, "repeated", place.id, offsets, note="the agent wrote it before it was shown"
            )
        if repeated is not None:
            return repeated
        for place in seen:
            if place.holds_plainly(parts):
                turned = _turns_round(cited.text, place.skipped(parts))
                outcome: Outcome = (
                    "not_checked" if turned else "repeated" if place.repeats(parts) else "found"
                )
                return Looked(cited, step, outcome, place.id, note=_TURNED if turned else "")
        if self._places.had_written(parts, before):
            return Looked(cited, step, "repeated", note="the agent's own words of an earlier turn")
        for place in seen:
            if all(part in place.same for part in parts):
                return Looked(cited, step, "altered", place.id, note="its parts stand there in another order")
        return self._nearest(cited, step, seen, " ".join(parts))

    def _nearest(self, cited: Cited, step: str | None, seen: Sequence[Place], wanted: str) -> Looked:
        self._nearest_left -= 1
        if self._nearest_left < 0:
            return Looked(cited, step, "missing")
        best, where, words = 0.0, "", ""
        room = MAX_NEAR_CHARS
        for place in seen:
            text, room = place.plain[:room], room - len(place.plain)
            likeness, window = _likeness(wanted, text)
            if likeness > best:
                best, where, words = likeness, place.id, window
            if room <= 0:
                break
        if best < 0.5:
            return Looked(cited, step, "missing")
        changed = Counter(_numbers(wanted)) - Counter(_numbers(words))
        outcome: Outcome = "altered" if best >= ALTERED and not changed else "missing"
        note = f"the number {next(iter(changed))} is not there" if changed else ""
        return Looked(cited, step, outcome, where, None, best, note)

    def _url(self, cited: Cited, step: str | None, seen: Sequence[Place]) -> Looked:
        wanted = same_url(cited.text)
        exact, above = self._places.urls
        if wanted not in exact and wanted not in above:
            part = self._part_seen(wanted, seen)
            if part is None:
                return Looked(cited, step, "missing")
            note = "put together by the agent: this part of it was seen"
            return Looked(cited, step, "altered", part, note=note)
        repeated = ""
        for place in seen:
            if not _mentions(place, wanted):
                continue
            if place.kind == "observation" and place.had_written_url(wanted):
                repeated = repeated or place.id
                continue
            return Looked(cited, step, "found", place.id)
        if repeated:
            return Looked(cited, step, "repeated", repeated, note="the agent wrote it before it was shown")
        return Looked(cited, step, "missing", note="it was seen only later")

    def _part_seen(self, url: str, seen: Sequence[Place]) -> str | None:
        """Where a part of an address stands that hardly stands there by chance: its path, an id, a slug."""
        _, _, path = url.partition("/")
        path, _, query = path.partition("?")
        values = [pair.rpartition("=")[2] for pair in query.split("&")]
        parts = [path] if "/" in path else []
        parts += [one for one in (*path.split("/"), *values) if _TELLING.search(one)]
        for part in parts:
            wanted = same(part)
            for place in seen:
                if len(wanted) >= MIN_URL_PART and _has_word(place.same, wanted):
                    return place.id
        return None

    def _document(self, cited: Cited, step: str | None, seen: Sequence[Place]) -> Looked:
        number = _LABELLED.fullmatch(cited.text)
        library = self._places.library
        if library is not None:
            looked = _in_library(cited, step, library, number.group(1) if number else None)
            if looked is not None:
                return looked
        wanted = same(cited.text)
        labels = _labels(number.group(1)) if number else None
        for place in seen:
            if place.kind == "document":
                continue
            there = labels.search(place.same) if labels is not None else _has_word(place.same, wanted)
            if there and (place.kind == "task" or not place.had_written(wanted)):
                return Looked(cited, step, "found", place.id)
        return Looked(cited, step, "missing")

    def _name(self, place: Place, offsets: tuple[int, int]) -> str:
        """A document's passage where it holds the words' beginning; else the place."""
        library = self._places.library
        if library is None or place.kind != "document":
            return place.id
        return library.passage_at(place.id, offsets[0]) or place.id


def _turns_round(quote: str, skipped: Sequence[str]) -> bool:
    """Whether a denial was put into a quotation within brackets, or left out of a sentence of it."""
    if any(_DENIES.search(same(added)) for added in _ADDED.findall(quote)):
        return True
    return any(_DENIES.search(gap) and not re.search(r"[.!?](?:\s|$)", gap) for gap in skipped)


def _likeness(wanted: str, text: str) -> tuple[float, str]:
    """How much of the wanted words stands together somewhere in a text, and the words there."""
    words, tokens = _bare(wanted), _bare(text)
    rare = [word for word in sorted(set(words), key=len, reverse=True) if len(word) > 3][:6]
    starts = [at for at, token in enumerate(tokens) if any(word in token for word in rare)][:200]
    best, window = 0.0, ""
    for at in starts[:: max(1, len(starts) // 40)]:
        piece = tokens[max(0, at - len(words)) : at + len(words)]
        matcher = SequenceMatcher(None, words, piece, autojunk=False)
        blocks = [block for block in matcher.get_matching_blocks() if block.size]
        likeness = sum(block.size for block in blocks) / max(1, len(words))
        if likeness > best:
            best = likeness
            window = " ".join(piece[blocks[0].b : blocks[-1].b + blocks[-1].size])
    return best, window


def _numbers(text: str) -> list[str]:
    """The numbers of a text, without the commas that part thousands."""
    return [re.sub(r",(?=\d{3}\b)", "", number) for number in _NUMBER.findall(text)]


def _bare(text: str) -> list[str]:
    """The words of a text without the marks around them."""
    return [bare for word in text.split() if (bare := word.strip(".,;:!?'\"()[]-"))]


def _mentions(place: Place, wanted: str) -> bool:
    return wanted in place.urls or any(one.startswith((wanted + "/", wanted + "?")) for one in place.urls)


def _has_word(text: str, word: str) -> bool:
    at = text.find(word)
    while at >= 0:
        end = at + len(word)
        if not (at and _is_inner(text[at - 1])) and not (end < len(text) and _is_inner(text[end])):
            return True
        at = text.find(word, at + 1)
    return False


def _is_inner(one: str) -> bool:
    return one.isalnum() or one == "_"


def _in_library(cited: Cited, step: str | None, library: Library, number: str | None) -> Looked | None:
    """What a document id of the request's corpora names: a corpus, a document, a page or passage of one; else None."""
    name = cited.text
    if number is not None:
        documents = (library.named(written.format(number)) for written in ("{}", "doc{}", "doc_{}", "doc-{}"))
        found = next((one for one in documents if one is not None), None)
        return None if found is None else Looked(cited, step, "found", found.id)
    if library.named(name) is not None or name.casefold() in library.corpora:
        return Looked(cited, step, "found", name)
    head, mark, rest = name.partition("#")
    while (document := library.named(head)) is None and (cut := _LAST_MARK.search(head)) is not None:
        head, mark, rest = head[: cut.start()], cut.group(), head[cut.end() :]
    if document is None:
        return None
    if mark == "#":
        if f"{document.id}#{rest}" in library.passage_ids:
            return Looked(cited, step, "found", f"{document.id}#{rest}")
        return Looked(cited, step, "missing", document.id, note="the document has no such passage")
    if mark == "/" and document.id == document.corpus and not rest.isdigit():
        return None  # a corpus of one document has none within it
    # Behind a document's id stands a page, a line or a file's ending: how those are counted is not known.
    return Looked(
        cited, step, "found", document.id, note="the document; what follows its id was not looked at"
    )


def _labels(number: str) -> re.Pattern[str]:
    """How a source that is number so-and-so is marked in what tools answer."""
    return re.compile(
        rf"\[{number}\]|\(?\b(?:doc|document|source|result|passage|ref|reference)[ .#:]{{0,2}}{number}\b"
        rf"|(?:^|\s){number}[.)]\s|'(?:id|index|rank|position)': ?'?{number}\b"
    )
