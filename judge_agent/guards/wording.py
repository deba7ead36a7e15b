"""Which clauses only announce an answer, by the words of `openers.toml`: a grammar, not a list of texts.

A clause is a label ("final answer"), an announcement ("let us think about it"), a lead ("sure"), idle ("understand the
question": its words say nothing, but neither do they announce), or content. Content is everything that holds one word
which is not listed, and what is short and about nothing: "time" may be an answer.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from judge_agent.guards.plain import plain, unaccented, words_of

Kind = Literal["label", "heading", "announcement", "lead", "idle", "content"]
TELLING: tuple[Kind, ...] = ("label", "announcement", "heading", "lead", "idle", "content")
MAX_GAP = 8  # words between "let us" and what is announced; some languages put the verb last
MIN_IDLE_WORDS = 3
MIN_IDLE_CHARS = 4
_CLASSES = (
    "lead",
    "label",
    "heading",
    "before",
    "inner",
    "near",
    "start",
    "verb",
    "vague",
    "hortative",
    "object",
    "filler",
    "frame",
)
# None of their words is thereby one of which announcements are made.
_LACKS, _CLOSING = "lack", "closing"
# These may be an amount.
_AMOUNTS = frozenset(("one", "all", "both", "every", "each", "some", "any", "more"))
_START, _VERB, _LABEL, _HEADING, _OBJECT = 1, 2, 4, 8, 16
Phrases = frozenset[tuple[str, ...]]


@dataclass(frozen=True)
class Spaced:
    """The words of a language that keeps its words apart."""

    phrases: Mapping[str, Phrases]
    bag: frozenset[str]
    objects: frozenset[str]
    longest: int
    # With which words the phrases of a class begin.
    begins: Mapping[str, frozenset[str]]

    def lacks(self, words: Sequence[str]) -> bool:
        """Whether words behind their leads say that there is none, or only one, or that more is needed: "no answer"."""
        first = self.begins[_LACKS]
        if first.isdisjoint(words):
            return False
        rest = self._behind_leads(words)
        return any(word in first and self._at(_LACKS, rest[at:]) for at, word in enumerate(rest))

    def kind(self, words: Sequence[str], task_words: frozenset[str]) -> Kind:
        """What a clause is. `task_words` may follow what a clause announces to find or solve."""
        rest = self._behind_leads(words)
        if not rest:
            return "lead"
        if self.lacks(words):
            return "content"
        if self._announces(rest, task_words):
            return "announcement"
        named = self._names(rest)
        if named is not None:
            return named
        return "idle" if self._is_idle(words) or self._begins(rest) else "content"

    def frames(self, words: Sequence[str]) -> bool:
        """Whether the words only lead to a task that is said again."""
        return bool(words) and self._at("frame", self._behind_leads(words)) == len(self._behind_leads(words))

    def is_vague(self, words: Sequence[str], asks: bool) -> bool:
        """Whether every word is listed, whatever they make together, and they speak of a task, begin something or ask.

        None of them may be an amount: "It is 2." and "It is so-so." say something.
        """
        listed = all(word in self.bag and word not in _AMOUNTS and not word.isdigit() for word in words)
        return (
            listed
            and not self.lacks(words)
            and (asks or any(word in self.objects for word in words) or bool(self._at("start", words)))
        )

    def is_order(self, words: Sequence[str]) -> bool:
        """Whether it begins with what is announced, and every word is listed: "solve it", "check the answer"."""
        begun = self._at("verb", words) or self._at("vague", words)
        return bool(begun) and not self.lacks(words) and all(word in self.bag for word in words)

    def _begins(self, words: Sequence[str]) -> bool:
        """Whether it announces that something is begun or looked at, and nothing of what."""
        begun = self._at("start", words)
        vague = begun and self._at("vague", words[begun:])
        return bool(vague) and all(word in self.bag for word in words)

    def _is_idle(self, words: Sequence[str]) -> bool:
        about = any(word in self.objects for word in words)
        return about and len(words) >= MIN_IDLE_WORDS and all(word in self.bag for word in words)

    def _at(self, name: str, words: Sequence[str]) -> int:
        """The length of the longest phrase of a class with which the words begin; 0 for none."""
        if not words or words[0] not in self.begins[name]:
            return 0
        known = self.phrases[name]
        longest = min(self.longest, len(words))
        return next((size for size in range(longest, 0, -1) if tuple(words[:size]) in known), 0)

    def _behind_leads(self, words: Sequence[str]) -> Sequence[str]:
        while words and (size := max(self._at("lead", words), self._at(_CLOSING, words))):
            if self._at("hortative", words) >= size or self._at("start", words) > size:
                return words
            words = words[size:]
        return words

    def _announces(self, words: Sequence[str], task_words: frozenset[str]) -> bool:
        if any(self._at("hortative", words[at:]) for at in range(len(words))):
            return all(word in self.bag or word in task_words for word in words)
        begun = self._at("start", words)
        if not begun:
            return False
        for gap in range(min(MAX_GAP, len(words) - begun - 1) + 1):
            if gap and words[begun + gap - 1] not in self.bag:
                return False
            behind = words[begun + gap :]
            if size := self._at("verb", behind):
                return all(word in self.bag or word in task_words for word in behind[size:])
            if size := self._at("vague", behind):
                about = [word for word in behind[size:] if word in self.objects or word in task_words]
                return bool(about) and all(word in self.bag or word in task_words for word in behind[size:])
        return False

    def _names(self, words: Sequence[str]) -> Kind | None:
        """Whether the words name an answer, and nothing stands beside the name that says something of it."""
        if self._at("inner", words):
            return None
        kinds, last, at = set[str](), -1, 0
        befores = list[int]()
        while at < len(words):
            for name in ("label", "heading"):
                if size := self._at(name, words[at:]):
                    kinds.add(name)
                    last = at
                    break
            else:
                size = self._at("near", words[at:]) or self._at("before", words[at:])
                if not size:
                    return None
                if not self._at("near", words[at:]):
                    befores.append(at)
            at += size
        if not kinds or any(place > last for place in befores):
            return None
        return "label" if "label" in kinds else "heading"


@dataclass(frozen=True)
class Joined:
    """The words of a language that writes them without spaces: a clause is cut into listed pieces, or is content."""

    pieces: Mapping[str, int]
    leads: frozenset[str]
    lack: tuple[str, ...]
    longest: int

    def kind(self, words: Sequence[str], task_words: frozenset[str]) -> Kind:
        """What a clause is, by the pieces that it can be cut into."""
        text = "".join(words)
        if text in self.leads and text not in self.pieces:
            return "lead"
        if text not in self.leads and any(phrase in text for phrase in self.lack):
            return "content"
        reached: list[set[int]] = [set() for _ in range(len(text) + 1)]
        reached[0].add(0)
        for at in range(len(text)):
            if not reached[at]:
                continue
            for size in range(1, min(self.longest, len(text) - at) + 1):
                found = self.pieces.get(text[at : at + size])
                if found is not None:
                    reached[at + size] |= {signs | found for signs in reached[at]}
        return self._of(text, reached[-1])

    def _of(self, text: str, ends: set[int]) -> Kind:
        if not ends:
            return "content"
        if any(signs & _LABEL for signs in ends):
            return "label"
        if any(signs & _START and signs & (_VERB | _HEADING) for signs in ends):
            return "announcement"
        if any(signs & _HEADING for signs in ends):
            return "heading"
        if text in self.leads:
            return "lead"
        about = any(signs & (_OBJECT | _VERB) for signs in ends) and len(text) >= MIN_IDLE_CHARS
        return "idle" if about else "content"


Language = Spaced | Joined


def _spaced(table: Mapping[str, Any]) -> Spaced:
    phrases = {
        name: frozenset(tuple(words_of(_folded(phrase))) for phrase in table.get(name, ()))
        for name in (*_CLASSES, _LACKS, _CLOSING)
    }
    listed = (phrases[name] for name in _CLASSES)
    bag = frozenset(word for known in listed for phrase in known for word in phrase) - {"1"}
    bag |= _gerunds(table)
    named = {word for name in ("label", "object") for phrase in phrases[name] for word in phrase}
    longest = max(len(phrase) for known in phrases.values() for phrase in known)
    begins = {name: frozenset(phrase[0] for phrase in known) for name, known in phrases.items()}
    return Spaced(phrases, bag, frozenset(named), longest, begins)


def _gerunds(table: Mapping[str, Any]) -> frozenset[str]:
    """`breaking`, `identifying`: what is announced may be said to be done by them."""
    if not table.get("gerunds"):
        return frozenset()
    verbs = [verb for name in ("verb", "vague") for verb in table[name] if not verb.endswith(("ing", "ed"))]
    return frozenset(
        form for verb in verbs for form in (f"{verb}ing", f"{verb[:-1]}ing", f"{verb}{verb[-1]}ing")
    )


def _joined(table: Mapping[str, Any]) -> Joined:
    signs = {"start": _START, "verb": _VERB, "label": _LABEL, "heading": _HEADING, "object": _OBJECT}
    pieces: dict[str, int] = {}
    for name in _CLASSES:
        for piece in _squeezed(table.get(name, ())):
            pieces[piece] = pieces.get(piece, 0) | signs.get(name, 0)
    leads = frozenset(_squeezed([*table.get("lead", ()), *table.get(_CLOSING, ())]))
    return Joined(pieces, leads, tuple(_squeezed(table.get(_LACKS, ()))), max(map(len, pieces)))


def _squeezed(phrases: Iterable[str]) -> list[str]:
    return ["".join(words_of(_folded(phrase))) for phrase in phrases]


def _folded(phrase: str) -> str:
    return unaccented(plain(phrase))


def _languages() -> tuple[Language, ...]:
    tables = tomllib.loads((Path(__file__).parent / "openers.toml").read_text("utf-8"))
    return tuple(_joined(table) if table.get("joined") else _spaced(table) for table in tables.values())


def is_listed(word: str) -> bool:
    """Whether a word stands in a phrase of some language; a clause with one that does not is content, but for words of
    the task."""
    return word in _SPACED_WORDS or _JOINED_CHARS.issuperset(word)


LANGUAGES = _languages()
_SPACED_WORDS = frozenset(
    word
    for one in LANGUAGES
    if isinstance(one, Spaced)
    for word in (*one.bag, *(word for known in one.phrases.values() for phrase in known for word in phrase))
)
_JOINED_CHARS = frozenset(
    char
    for one in LANGUAGES
    if isinstance(one, Joined)
    for char in "".join((*one.pieces, *one.leads, *one.lack))
)
