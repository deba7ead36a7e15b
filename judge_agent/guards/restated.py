"""Whether a text only says the task over again. Compared is what stands there, without spaces, signs and case."""

from __future__ import annotations

import re
from collections.abc import Sequence

from judge_agent.guards.asked_for import an_echo
from judge_agent.guards.plain import is_word_char, plain, unaccented

MIN_CHARS = 12
MIN_CJK_CHARS = 6
MIN_SHARE = 0.8  # of the task, from its beginning
MAX_CHARS = 8192
_SENTENCE = re.compile(r"[^.!?\u3002\uff01\uff1f\n]*[.!?\u3002\uff01\uff1f\n]*")
_INNER_END = re.compile(r"[.!?\u3002\uff01\uff1f\n:;,](?=.)", re.DOTALL)
_QUOTED = re.compile(r"[\"'\u201c\u201d\u2018\u2019\u00ab\u00bb`:\u2014]|^\W*\w{1,2}[.):\]]\s")


def without_task(text: str, asked: Sequence[str]) -> str | None:
    """What is left of a plain text once a task that it restates is taken out; None where it restates none."""
    if len(text) > MAX_CHARS:
        return None
    for task in asked:
        if len(task) > MAX_CHARS or an_echo(task):
            continue
        for said in (task, *_last_question(task)):
            rest = _without(text, said, whole=said is task)
            if rest is not None:
                return rest
    return None


def _without(text: str, said: str, *, whole: bool) -> str | None:
    bare, places = _squeezed(text)
    task, _ = _squeezed(unaccented(plain(said)))
    if len(task) < (MIN_CHARS if task.isascii() else MIN_CJK_CHARS):
        return None
    at = bare.find(task)
    if at >= 0:
        return text[: places[at]] + " . " + text[places[at + len(task) - 1] + 1 :]
    # Of a task of several sentences the last may say what is to be done with the others.
    one_sentence = len(_INNER_END.findall(said.strip())) == 0
    if whole and one_sentence and len(bare) >= MIN_SHARE * len(task) and task.startswith(bare):
        return ""
    return None


def _last_question(task: str) -> tuple[str, ...]:
    """The task's last sentence, where it is a question of the task's own: no quotation, no option."""
    sentences = [found for match in _SENTENCE.finditer(task) if (found := match.group(0).strip())]
    last = sentences[-1] if len(sentences) > 1 else ""
    return (last,) if last.endswith(("?", "\uff1f")) and not _QUOTED.search(last) else ()


def _squeezed(text: str) -> tuple[str, list[int]]:
    """The letters and digits of a text, and where each stands."""
    places = [index for index, char in enumerate(text) if is_word_char(char)]
    return "".join(text[index] for index in places), places
