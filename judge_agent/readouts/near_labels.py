"""Labels in nearly the form that is asked for, such as `[[ B ]]` or `[[Response B is better]]`.

They are no verdicts, but where they say another one than the label does, neither counts. Code and links in such
brackets are passed over, and so is `[ [B]]`: in this form judges are shown the labels that a text under judgment holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from judge_agent.readouts.answer import unparseable
from judge_agent.readouts.near import (
    folded,
    is_made_of_verdict_words,
    other_decision,
    other_tag,
    refuse_taken_back,
)

_DENIES = re.compile(r"\b(?:not|neither|worse|worst|lose|loses|lost)\b|n['\u2019]t\b|[<>]", re.IGNORECASE)


def brackets(labels: Sequence[str]) -> tuple[str, str]:
    """The punctuation, two signs or more, that all labels begin and end with; '' where they share none."""
    left, right = _shared(labels), _shared([label[::-1] for label in labels])[::-1]
    return (left, right) if left and right else ("", "")


def _shared(labels: Sequence[str]) -> str:
    begins = {match.group() for label in labels if (match := re.match(r"[^\w\s]{2,}", label))}
    return begins.pop() if len(begins) == 1 else ""


def refuse_beside(text: str, behind: str, labels: Mapping[str, str], verdict: str) -> None:
    """Raise ModelError('model_unparseable') where a text that gives the label of `verdict` nearly gives another.

    `text` is searched for the form of the labels, `behind` (what follows the label) for words that decide otherwise.
    """
    search = _in_brackets if all(brackets(list(labels.values()))) else _in_another_case
    near = search(folded(text), labels, verdict)
    others = [_word(_core(label)) for key, label in labels.items() if key != verdict and _core(label)]
    near = near or other_decision(behind, others)
    if near is not None:
        raise unparseable(f"the answer says {verdict!r} and, in another form, {near[:60]!r}")
    refuse_taken_back(behind)


def refuse_in_other_tag(text: str, wrapper: str, labels: Mapping[str, str], verdict: str) -> None:
    """Raise ModelError('model_unparseable') where a tag of nearly the wrapper's name holds another label."""
    for tag in re.finditer(other_tag(wrapper), folded(text), re.IGNORECASE):
        held = tag.string[tag.end() : tag.end() + 200].partition("<")[0]
        if _words_in(held, labels) - {verdict}:
            raise unparseable(
                f"the answer says {verdict!r} in <{wrapper}> and something else in {tag.group()!r}"
            )


def _core(label: str) -> str:
    return re.sub(r"^[^\w]+|[^\w]+$", "", label)


def _word(core: str) -> str:
    """A pattern for a label's own word. One letter counts as it is spelled: 'a' is an article."""
    escaped = r"\s+".join(map(re.escape, core.split()))
    return rf"(?<!\w){escaped}(?!\w)" if len(core) == 1 else rf"(?i:(?<!\w){escaped}(?!\w))"


def _in_another_case(text: str, labels: Mapping[str, str], verdict: str) -> str | None:
    others = [_word(label) for key, label in labels.items() if key != verdict and len(label) > 1]
    match = re.search("|".join(others), text) if others else None
    return match.group() if match else None


def _in_brackets(text: str, labels: Mapping[str, str], verdict: str) -> str | None:
    left, right = brackets(list(labels.values()))
    opens, closes = (r"[ \t]{0,3}".join(map(re.escape, marks)) for marks in (left, right))
    inner = rf"([^{re.escape(left[0] + right[0])}{{}}$]{{1,120}}?)"
    for match in re.finditer(rf"({opens}){inner}({closes})", text):
        shown_so = match[1] != left and match[3] == right
        if not shown_so and match.group() != labels[verdict] and _decides_otherwise(match, labels, verdict):
            return match.group()
    others = "|".join(_word(_core(label)) for key, label in labels.items() if key != verdict)
    one = re.escape(right[0])
    half = re.search(
        rf"{re.escape(left)}\s{{0,20}}(?:{others})\s{{0,20}}(?:{one}(?!\s{{0,3}}[{one},])|\Z)", text
    )
    return half.group() if half and others else None


def _decides_otherwise(match: re.Match[str], labels: Mapping[str, str], verdict: str) -> bool:
    content = match[2].strip()
    if content[:1] in "\"'" and re.match(r"[\w)\]]", match.string[max(0, match.start() - 1) : match.start()]):
        return False  # df[["A", "B"]] picks columns.
    said = _words_in(content, labels)
    if said == {verdict} and not _DENIES.search(content):
        return False
    return (
        bool(said) or re.fullmatch(r"[^\W_]{1,12}", content) is not None or is_made_of_verdict_words(content)
    )


def _words_in(text: str, labels: Mapping[str, str]) -> set[str]:
    """The labels whose own words stand in a text; an 'A' before a common word is an article."""
    found: set[str] = set()
    for key, label in labels.items():
        for match in re.finditer(_word(_core(label)), text):
            after = re.match(r" ([^\W\d_]+)", text[match.end() :])
            if match.group() != "A" or not after or is_made_of_verdict_words(after[1]):
                found.add(key)
    return found
