"""Tasks that ask for words themselves, in many languages: a translation, a name, a rest, a passage said another way.

Told by the phrases of `asked_words.toml`, by blanks, and by what stands between quotes beside such phrases. Whatever
asks for words in a way that is not listed is not known to.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from judge_agent.guards.plain import plain, unaccented, words_of

MAX_PASSAGE_CHARS = 300
MAX_GAP_WORDS = 8
MAX_SHORT_TASK_WORDS = 15
MAX_TALK_WORDS = 6
MAX_TASK_WORDS = 80  # in longer ones a quotation or a blank stands beside such a phrase by chance
_CLASSES = ("surely", "perhaps", "complete", "reword", "tongue", "never", "help", "talk")
_CJK_CHARS = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3"
_CJK = f"[{_CJK_CHARS}]"
_QUOTED = re.compile(
    rf"(?<![^\W{_CJK_CHARS}])'(?=\S)([^\n]{{1,{MAX_PASSAGE_CHARS}}}?)'(?![^\W{_CJK_CHARS}])"
    rf"|[\"\u201c\u201d\u201e\u00ab\u300c\u300e\u300a`]([^\"\u201c\u201d\u201e\u00ab\u00bb\u300c-\u300f\u300a\u300b`\n]{{1,{MAX_PASSAGE_CHARS}}})"
    r"[\"\u201c\u201d\u00bb\u300d\u300f\u300b`]"
)
_BEHIND_COLON = re.compile(rf":\s*([^\s:][^\n]{{0,{MAX_PASSAGE_CHARS}}})\s*\Z")
_CODE = re.compile(r"```|[={};\\]|\w\(|\d\s*[+*/^-]\s*\d")
# Beside a word: beside a number or a sign of arithmetic it stands for an amount, and "__init__" is a name.
_BLANK = re.compile(
    rf"(?:[^\W\d_][,']? |{_CJK}|^\W*)_{{2,}}(?![\w_])(?!\s*[*+/=^<>-])"
    rf"|(?<![\d*+/=^<>,-] )(?<!\w)_{{2,}}[.,]?(?: [^\W\d_]|{_CJK})|[\[(](?:blank|gap)[\])]"
)
_ELLIPSIS = re.compile(r"(?:\.\.\.|\u2026)\W*$")


@dataclass(frozen=True)
class Phrases:
    """The phrases of a class, of languages that keep their words apart and of those that do not."""

    spaced: re.Pattern[str]
    joined: tuple[str, ...]

    def found_in(self, text: str) -> bool:
        """Whether one of them stands in a plain text."""
        words = words_of(unaccented(text))
        if self.spaced.search(f" {' '.join(words)} "):
            return True
        together = "".join(words)
        return any(phrase in together for phrase in self.joined)


def are_asked(task: str, *, for_a_work: bool) -> bool:
    """Whether a plain task asks for words, so that an announcement may be what it asks for.

    `for_a_work` says that the task asks for an explanation or a work: then a title in it is what the work is about.
    """
    own = without_quotes(task)
    if _PHRASES["never"].found_in(own) or "```" in task:
        return False
    if _PHRASES["surely"].found_in(own) or (not for_a_work and _PHRASES["perhaps"].found_in(own)):
        return True
    if _is_long(own):
        return False
    if _BLANK.search(task):
        return True
    quotes = own != task
    if (quotes or _ELLIPSIS.search(task)) and _PHRASES["complete"].found_in(own):
        return True
    return bool(passages(task)) or (quotes and _PHRASES["tongue"].found_in(own))


def passages(task: str) -> list[str]:
    """What a plain task wants to have in other words, in another language or corrected; code is none."""
    own = without_quotes(task)
    if _is_long(own) or not _PHRASES["reword"].found_in(own) or _PHRASES["never"].found_in(own):
        return []
    found = _quoted(task)
    if last := _BEHIND_COLON.search(task):
        found.append(last.group(1))
    return [one for one in found if words_of(one) and not _CODE.search(one)]


def quotations(task: str, *, for_a_work: bool) -> list[str]:
    """What a short plain task quotes: the task is likely about these words. None where it asks for a work."""
    own = without_quotes(task)
    if for_a_work or len(words_of(own)) > MAX_SHORT_TASK_WORDS or _PHRASES["never"].found_in(own):
        return []
    return _quoted(task)


def is_help(task: str) -> bool:
    """Whether a plain task asks for help, or whether somebody does something."""
    return is_talk(task) or _PHRASES["help"].found_in(without_quotes(task))


def is_talk(task: str) -> bool:
    """Whether a short plain task only greets or thanks: it asks for nothing, and a kind word answers it."""
    return len(words_of(task)) <= MAX_TALK_WORDS and _PHRASES["talk"].found_in(task)


def without_quotes(task: str) -> str:
    """A plain task without what stands between quotes in it."""
    return _QUOTED.sub(" ", task)


def _quoted(task: str) -> list[str]:
    return [next(filter(None, found.groups())) for found in _QUOTED.finditer(task)]


def _is_long(task: str) -> bool:
    return len(words_of(task)) > MAX_TASK_WORDS


def _of(name: str, tables: Iterable[Mapping[str, Any]]) -> Phrases:
    spaced, joined = list[str](), list[str]()
    for table in tables:
        for phrase in table.get(name, ()):
            if table.get("joined"):
                joined.append("".join(words_of(unaccented(plain(phrase)))))
            else:
                spaced.append(_pattern(phrase))
    return Phrases(re.compile(f" (?:{'|'.join(spaced)})(?= )"), tuple(joined))


def _pattern(phrase: str) -> str:
    """The phrase as an expression over words between single spaces."""
    parts = list[str]()
    for part in phrase.split():
        if part == "^":
            parts.append(r"(?<=\A )")
            continue
        if part == "$":
            return "".join(parts).removesuffix(" ") + r"(?= \Z)"
        words = re.escape(" ".join(words_of(unaccented(plain(part))))).replace(r"\ ", " ")
        parts.append(
            rf"(?:\S+ ){{0,{MAX_GAP_WORDS}}}?" if part == "*" else words + r"\S*" * part.endswith("*") + " "
        )
    return "".join(parts).removesuffix(" ")


_TABLES = tomllib.loads((Path(__file__).parent / "asked_words.toml").read_text("utf-8")).values()
_PHRASES: Mapping[str, Phrases] = {name: _of(name, _TABLES) for name in _CLASSES}
