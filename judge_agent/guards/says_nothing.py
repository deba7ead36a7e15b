"""Tells answers that say nothing: openers, announcements, labels, empty forms, the task said over again.

The effect is that of "One Token to Fool LLM-as-a-Judge" (arXiv 2507.08794). A text says nothing where each of its
clauses is known to (`wording.py`), and at least one of them announces an answer that does not come. One word that is
not known makes it an answer, and so does a task that asks for such a word (`asked_for.py`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from judge_agent.guards import asked_for
from judge_agent.guards.empty_forms import (
    FOREIGN_REPEATS,
    is_abbreviated_label,
    is_bare_tags,
    is_empty_json,
    is_empty_markup,
    is_form,
    is_idle_code,
    is_own_tags,
    is_placeholder,
    repeated_word,
    unwrapped,
)
from judge_agent.guards.masks import put_together, unmasked
from judge_agent.guards.plain import is_word_char, plain, unaccented, words_of
from judge_agent.guards.restated import without_task
from judge_agent.guards.values import behind_is, gives_a_value, names_a_thing, points_on
from judge_agent.guards.wording import LANGUAGES, TELLING, Kind, Spaced, is_listed
from judge_agent.prompting.fences import without_invisible

MAX_CHARS = 4096
MAX_CLAUSES = 60
MIN_VAGUE_WORDS = 3
MIN_ORDERS = 3  # "understand it, solve it, check it"
MIN_SHARED_WORDS = 4
MAX_SHAPED_WORDS = 20
MAX_NAME_WORDS = 2  # "a solution", "die Antwort"
BACKWARDS = ("\u202e", "\u202d")
_NO_CONTENT = re.compile(r"[\s.,:;!?\u00a1\u00bf\u2026\u3001\u3002\u201c\u201d\u2018'\"`*#_~\u2800-]*+")
_EMPTY_PAIRS = frozenset(("()", "[]", "{}", "<>"))
# Each of these is a whole answer to some question: an operator, a comment sign, a power, a decrement.
_TOKENS = frozenset(("*", "**", "-", "--", "#", "_", "~", "'"))
# Also what stands for "therefore" and for the end of a proof.
_ARROWS = "".join(map(chr, range(0x2190, 0x2200))) + "\u2234\u2235\u220e\u27f9\u27f6"
_POINTING = re.compile(rf"^[\s=>{_ARROWS}]+|(?<=\w)[\s*]*(?:[=-]{{1,3}}>?|[>{_ARROWS}])\s*$")
_LETTERS_APART = re.compile(r"[^\W\d_](?:[ .\-_*]{1,2}[^\W\d_]){4,}\s?[.:]*")
_DRAWN_OUT = re.compile(r"([a-z])\1{2,}")
_LIST = re.compile(r"[(]?(?:a[.)]\s+[(]?b|i[.)]\s+[(]?ii)[.)](?:\s+[(]?[a-z]{1,4}[.)]){0,10}")
_DECORATION = frozenset(
    " \t\n.,:;!?\u00a1\u00bf\u2026\u3001\u3002\u3010\u3011\u300c\u300d\u300e\u300f\u00ab\u00bb\u201c\u201d\u201e"
    "\u2018\"`*#_~()[]{}<>\u2800-\u2013\u2014|\u2022\u00b7/'&"
)
_CLAUSE = re.compile(
    r"[.:;!?\u0964\u061b\u061f\u2026\u3002()\[\]{}<>|\u2014\u2013\u3010\u3011\u300c\u300d\"\u201c\u201d]+|#+|\*\*+"
    r"|\s-+\s"
)
# A word of two scripts, one of which looks like the other.
_MIXED = re.compile(
    r"[a-z][\u0370-\u04ff]|[\u0370-\u04ff][a-z]|[\u1d00-\u1d22\ua730\ua731\u0262\u026a\u0274\u0280\u028f\u0299\u029c\u029f]{3}"
)
_BARE_LIST = re.compile(r"1[.)]\s+2[.)](?:\s+\d{1,2}[.)]){0,20}")
_COMMA = re.compile(r"[,\n\u3001\u060c]+")
# Who begins so speaks of the answer to come, and of nothing that was asked.
_OF_THE_ANSWER = frozenset(("let's", "let", "lets"))
_STEP = re.compile(r"\bstep\s+\d{1,2}\b")
_EMPHASIS = re.compile(r"(?<=[^\W_])[*_]+(?=[^\W_])|(?<=[^\W_])[*_]+$")
_LIST_MARK = re.compile(r"^[ \t]*\d{1,2}[.)][ \t]+(?=\S*[^\W\d])", re.MULTILINE)
_COLON_LAST = re.compile(r"[:\uff1a][ *_\"'`\u201d]*$")
_UNENDED = re.compile(r"[,:\u2026\uff1a\uff0c]\W*$|\.\.\.\W*$")
_HEADED = re.compile(r"^\s*(?:#|\*\*|__|[\[\u3010(<])|(?:[:\uff1a]|\.\.\.)\W*$|^\s*\*\w")


def says_nothing(text: str, asked: Sequence[str] = ()) -> bool:
    """Whether a whole answer is empty, mere signs, or an announcement of what does not come.

    `asked` are the texts of the task: what it asks for may be a bare word or sign.
    """
    if len(text) > MAX_CHARS:
        return bool(_NO_CONTENT.fullmatch(without_invisible(text)))
    said = plain(text).strip()
    if any(mark in text for mark in BACKWARDS):
        said = said[::-1]
    if _MIXED.search(said):
        said = unmasked(said).casefold()
    if _is_echo(said, asked) or any(asked_for.prints(task, said) for task in asked):
        return False
    if (form := _is_empty_form(said, asked)) is not None:
        return form
    if _repeats(said, asked):
        return True
    if _LETTERS_APART.fullmatch(said):
        said = re.sub(r"[ .\-_*]", "", said)
    return _announces(unwrapped(put_together(said)), asked)


def _is_empty_form(said: str, asked: Sequence[str]) -> bool | None:
    """Whether a text without a word says nothing, or one that is a form to be filled in; None for any other text."""
    work = any(map(asked_for.a_work, asked))
    empty = any(map(asked_for.an_empty_form, asked))
    if said in _TOKENS or said in _EMPTY_PAIRS:
        return work and not empty
    if all(map(_is_mere_sign, said)):
        return not said or not any(map(asked_for.a_sign, asked))
    if work and (all(map(_is_sign_or_picture, said)) or _BARE_LIST.fullmatch(said) or _LIST.fullmatch(said)):
        return True
    if is_empty_markup(said) and not any(map(asked_for.empty_markup, asked)):
        return True
    if is_own_tags(said) and not any(said in plain(task) or asked_for.empty_markup(task) for task in asked):
        return True
    if is_placeholder(said):
        return not any(asked_for.a_word(task) or asked_for.idle_code(task) for task in asked)
    if is_form(said) and not any(_may_be_a_name(task, said) for task in asked):
        return True
    if is_bare_tags(said) or is_empty_json(said) or is_abbreviated_label(said):
        return not empty and not any(map(asked_for.a_sign, asked))
    if is_idle_code(said):
        return work and not any(asked_for.idle_code(task) or asked_for.a_fact(task) for task in asked)
    return None


def _may_be_a_name(task: str, said: str) -> bool:
    """Whether the task asks for a word or a sign, or has what is said as one of its options."""
    return asked_for.a_word(task) or asked_for.a_sign(task) or asked_for.one_of(task, words_of(said))


def _is_echo(said: str, asked: Sequence[str]) -> bool:
    """Whether a task asks for words of its own, and these are such."""
    found = words_of(said)
    words = found[0] if len(set(found)) == 1 else " ".join(found)
    return bool(words) and any(
        asked_for.an_echo(task) and f" {words} " in f" {' '.join(words_of(plain(task)))} " for task in asked
    )


def _is_mere_sign(char: str) -> bool:
    return bool(_NO_CONTENT.fullmatch(char)) or (not char.isascii() and unicodedata.category(char)[0] in "PZ")


def _is_sign_or_picture(char: str) -> bool:
    """Whether it is a sign or a little picture; signs of mathematics may be an amount."""
    kind = unicodedata.category(char)
    return (
        kind[0] in "PZC" or kind in ("So", "Sk") or (kind[0] == "S" and (char.isascii() or char in _ARROWS))
    )


def _repeats(said: str, asked: Sequence[str]) -> bool:
    word = repeated_word(words_of(said))
    if word is None or any(map(asked_for.repeats, asked)):
        return False
    if any(isinstance(one, Spaced) and word in one.bag for one in LANGUAGES):
        return True
    return len(words_of(said)) >= FOREIGN_REPEATS or len(words_of(said)) == 1


def _announces(said: str, asked: Sequence[str]) -> bool:
    said = _EMPHASIS.sub("", said)
    said = _DRAWN_OUT.sub(r"\1", _POINTING.sub("", _without_pictures(said, asked)))
    said = unaccented(_LIST_MARK.sub("", _STEP.sub("step 1", said)))
    rest = without_task(said, asked)
    restated = rest is not None
    said = said if rest is None else rest
    known = [asked_for.every_word(task) for task in asked]
    # Most answers hold such a word, and no clause of theirs need be read.
    if not all(is_listed(word) or any(word in words for words in known) for word in words_of(said)):
        return False
    if not all(is_word_char(char) or _is_decoration(char) for char in said):
        return False
    clauses = [words for part in _CLAUSE.split(said) if any(words := _parts(part))]
    if not clauses:
        return restated
    if len(clauses) > MAX_CLAUSES or _has_a_value(said, clauses):
        return False
    if not restated and (_is_asked_for(said, clauses, asked) or _is_said_another_way(said, clauses, asked)):
        return False
    if not restated and (given := _given(said, clauses)) is not None and not _announces(given, asked):
        return False
    task_words = _task_words(asked)
    return _all_announce(clauses, said, restated, task_words, asked)


def _has_a_value(said: str, clauses: Sequence[Sequence[list[str]]]) -> bool:
    goes_on = bool(_COLON_LAST.search(said))
    return any(gives_a_value(parts, goes_on and parts is clauses[-1]) for parts in clauses)


def _given(said: str, clauses: Sequence[Sequence[list[str]]]) -> str | None:
    """A word or two behind the name of an answer: "answer: proof" gives as much as "proof" does by itself."""
    if len(clauses) > 2 or _UNENDED.search(said):
        return None
    whole = [[word for part in parts for word in part] for parts in clauses]
    first, *rest = clauses[0] if len(clauses) == 1 and len(clauses[0]) == 2 else whole
    name, given = (first, rest[0]) if rest else behind_is(first) or ([], [])
    named = 0 < len(given) <= MAX_NAME_WORDS and _kind(name, frozenset()) == "label"
    return " ".join(given) if named and not points_on(given) else None


def _is_decoration(char: str) -> bool:
    return char in _DECORATION or (not char.isascii() and unicodedata.category(char)[0] in "PZ")


def _all_announce(
    clauses: Sequence[Sequence[list[str]]],
    said: str,
    restated: bool,
    task_words: frozenset[str],
    asked: Sequence[str],
) -> bool:
    """Whether no clause says anything, each read in the language that makes most of it."""
    kinds: list[Kind] = []
    work = any(map(asked_for.a_work, asked))
    for parts in clauses:
        whole = [word for words in parts for word in words]
        # A comma or a line's end may stand within what is announced, or behind a lead.
        if restated and _frames(whole):
            continue
        known = task_words | (_shared(whole, asked) if task_words else frozenset())
        kind = _kind_of_all(whole, known, said, len(clauses) if work else 0)
        if kind == "idle" and names_a_thing(whole) and not _COLON_LAST.search(said):
            return False
        apart = [_kind(words, known) for words in parts]
        as_one = kind in ("label", "announcement", "lead") or (kind == "idle" and "content" in apart)
        for words in [whole] if as_one else parts:
            kind = kind if as_one else _kind(words, known)
            if kind == "content" or (kind == "announcement" and _quotes(words, asked)):
                return False
            kinds.append(kind)
    if "idle" in kinds and any(map(asked_for.a_way_to_go, asked)):
        return False
    if kinds.count("announcement") == 1 and set(kinds) <= {"announcement", "lead"} and not restated:
        first = clauses[-1][0]
        return first[0] in _OF_THE_ANSWER or not any(map(asked_for.what_is_done, asked))
    # A heading without its mark may be a name, or what something is.
    if set(kinds) == {"heading"} and not _HEADED.search(said) and any(map(asked_for.a_fact, asked)):
        return False
    # Neither a nod nor an intention is a work.
    if work or restated or "label" in kinds or "announcement" in kinds:
        return True
    if "heading" in kinds:
        return bool(_HEADED.search(said)) or "idle" in kinds
    return "idle" in kinds and bool(_UNENDED.search(said))


def _kind_of_all(words: Sequence[str], known: frozenset[str], said: str, steps: int) -> Kind:
    """What the words of a whole clause are; beside a work, one of `steps`, what is vague is idle."""
    kind = _kind(words, known)
    if kind != "content":
        return kind
    if len(words) > 1 and all(_kind([word], frozenset()) == "label" for word in words):
        return "label"
    is_step = steps >= MIN_ORDERS and _is_order(words)
    is_vague = steps and len(words) >= MIN_VAGUE_WORDS and _is_vague(words, said)
    return "idle" if is_step or is_vague else kind


def _frames(words: Sequence[str]) -> bool:
    """Whether a clause only leads to the task that stands restated beside it: "you want me to", "to"."""
    return any(isinstance(one, Spaced) and one.frames(words) for one in LANGUAGES)


def _is_vague(words: Sequence[str], said: str) -> bool:
    asks = said.rstrip().endswith("?")
    return any(isinstance(one, Spaced) and one.is_vague(words, asks) for one in LANGUAGES)


def _is_order(words: Sequence[str]) -> bool:
    return any(isinstance(one, Spaced) and one.is_order(words) for one in LANGUAGES)


def _shared(words: Sequence[str], asked: Sequence[str]) -> frozenset[str]:
    """The words of a clause, numbers too, that stand there as they stand in the task: a run of a few at least."""
    found = set[str]()
    for task in asked:
        told = f" {' '.join(asked_for.first_words(task))} "
        for at in range(len(words) - MIN_SHARED_WORDS + 1):
            run = words[at : at + MIN_SHARED_WORDS]
            if f" {' '.join(run)} " in told:
                found.update(run)
    return frozenset(found)


def _kind(words: Sequence[str], task_words: frozenset[str]) -> Kind:
    kinds = {language.kind(words, task_words) for language in LANGUAGES}
    return next(kind for kind in TELLING if kind in kinds)


def _parts(clause: str) -> list[list[str]]:
    """The words of a clause, by what stands between commas and the ends of lines."""
    return [words for part in _COMMA.split(clause) if (words := words_of(part))]


def _without_pictures(said: str, asked: Sequence[str]) -> str:
    """Without the little pictures that some begin with, and end with where none answers: a work is asked for."""
    at, end = 0, len(said)
    while at < end and _is_picture(said[at]):
        at += 1
    if any(map(asked_for.a_work, asked)):
        while end > at and _is_picture(said[end - 1]):
            end -= 1
    return said[at:end]


def _is_picture(char: str) -> bool:
    return char.isspace() or unicodedata.category(char) in ("So", "Sk")


def _is_asked_for(said: str, clauses: Sequence[Sequence[list[str]]], asked: Sequence[str]) -> bool:
    """Whether a lone clause without a colon may be the word that the task asks for."""
    if len(clauses) > 1 or _COLON_LAST.search(said):
        return False
    words = [word for part in clauses[0] for word in part]
    shaped = len(clauses[0]) == 1 and len(words) <= MAX_SHAPED_WORDS and _kind(words, frozenset()) != "lead"
    return any(
        asked_for.a_word(task)
        or asked_for.one_of(task, words)
        or asked_for.turned_round(task, words)
        or (shaped and asked_for.fits(task, words))
        or _is_of_a_quotation(words, task)
        for task in asked
    )


def _is_of_a_quotation(words: Sequence[str], task: str) -> bool:
    """Whether a clause is a word or two for what a short task quotes, or has half of its own words from there."""
    quotations = asked_for.quotations(task)
    if quotations and len(words) <= MAX_NAME_WORDS:
        return True
    known = [set(words_of(unaccented(quotation))) for quotation in quotations]
    return any(2 * sum(word in quoted for word in words) >= len(words) for quoted in known)


def _is_said_another_way(said: str, clauses: Sequence[Sequence[list[str]]], asked: Sequence[str]) -> bool:
    """Whether it may be a passage of the task in other words: of no more clauses, with a colon only behind one."""
    for passage in (one for task in asked for one in asked_for.passages(task)):
        parts = sum(bool(words_of(part)) for part in _CLAUSE.split(passage))
        if len(clauses) <= parts and (_COLON_LAST.search(passage) or not _COLON_LAST.search(said)):
            return True
    return False


def _task_words(asked: Sequence[str]) -> frozenset[str]:
    """The words that "let us find ..." may go on with; none where the task offers several answers."""
    if any(map(asked_for.has_options, asked)):
        return frozenset()
    return frozenset(unaccented(word) for task in asked for word in asked_for.words_in(task))


def _quotes(words: Sequence[str], asked: Sequence[str]) -> bool:
    """Whether a clause stands in the task as it is: a passage may be what is asked for."""
    clause = " ".join(words)
    return len(words) > 1 and any(
        f" {clause} " in f" {' '.join(words_of(unaccented(plain(task))))} " for task in asked
    )
