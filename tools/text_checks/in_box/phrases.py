"""Words and phrases in a text: where they stand, as words of their own and within longer ones."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from tools.text_checks.in_box import units
from tools.text_checks.in_box.outcomes import Check, Count, Outcome, Verdict

_AROUND = " \t\r\n\"'.,;:!?()[]{}*_`~#\u2026"


class Pair(NamedTuple):
    """The text and the phrases as they are compared, case folded where it does not matter."""

    text: str
    phrases: tuple[str, ...]


def compared(text: str, check: Check, *, strip: bool = True) -> Pair:
    """The text with its spaces as one, and the phrases likewise."""
    said, phrases = _spaced(units.plain(text)), [_spaced(units.plain(one)) for one in check["texts"]]
    if check.get("case") != "exact":
        said, phrases = said.casefold(), [one.casefold() for one in phrases]
    return Pair(said.strip() if strip else said, tuple(phrases))


def _spaced(text: str) -> str:
    lead, tail = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    return (" " if lead else "") + " ".join(text.split()) + (" " if tail and text.strip() else "")


def occurrences(text: str, check: Check) -> Count:
    """How often the phrases stand in the text, all together: as words of their own, and anywhere."""
    pair = compared(text, check)
    low = high = 0
    for phrase in dict.fromkeys(pair.phrases):
        alone, anywhere = _found(pair.text, phrase)
        low, high = low + alone, high + anywhere
    if check.get("whole_words") is True:
        return Count(low, low)
    return Count(high, high) if check.get("whole_words") is False else Count(low, high)


def _found(text: str, phrase: str) -> tuple[int, int]:
    alone = anywhere = 0
    start = text.find(phrase)
    while start >= 0:
        anywhere += 1
        alone += _is_alone(text, start, start + len(phrase))
        start = text.find(phrase, start + len(phrase))
    return alone, anywhere


def _is_alone(text: str, start: int, end: int) -> bool:
    """Whether no letter or digit goes on where the phrase begins or ends with one."""
    before = start > 0 and _joins(text[start - 1]) and _joins(text[start])
    after = end < len(text) and _joins(text[end]) and _joins(text[end - 1])
    return not before and not after


def _joins(char: str) -> bool:
    return char.isalnum() or char == "_"


def contains(text: str, check: Check) -> Outcome:
    """Every phrase is there."""
    return _all([(phrase, _presence(text, check, phrase)) for phrase in check["texts"]])


def contains_any(text: str, check: Check) -> Outcome:
    found = [_presence(text, check, phrase) for phrase in check["texts"]]
    verdict: Verdict = "pass" if "pass" in found else "undecided" if "undecided" in found else "fail"
    return Outcome(verdict, f"{found.count('pass')} of {len(found)} are there", verdict == "undecided")


def excludes(text: str, check: Check) -> Outcome:
    """No phrase is there."""
    bare = _disguised(text)
    found = [_excluded(text, bare, check, phrase) for phrase in check["texts"]]
    verdict: Verdict = "fail" if "pass" in found else "undecided" if "undecided" in found else "pass"
    return Outcome(verdict, f"{found.count('pass')} of {len(found)} are there", verdict == "undecided")


# Letters of other scripts that look like Latin ones (Unicode TR 39), by what they look like.
_LOOKS = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u04bb\u0501\u03bf\u03b1\u03b9\u03bd\u0131",
    "aeopcyxijshdoaivi",
)
_EMPHASIS = str.maketrans("", "", "*_")
_MARKUP = str.maketrans("", "", "*_~`\u00ad")


def _disguised(text: str) -> str:
    """The text without what may hide a word in it: marks of emphasis, wide letters, letters that look alike."""
    wide = unicodedata.normalize("NFKC", _TAG.sub("", units.visible(text))).casefold()
    return wide.translate(_LOOKS).translate(_MARKUP).replace("-\n", "")


_TAG = re.compile(r"</?[A-Za-z][^<>\n]{0,200}>")


def _excluded(text: str, bare: str, check: Check, phrase: str) -> Verdict:
    found = _presence(text, check, phrase)
    hidden = phrase.casefold() in bare and phrase.casefold() not in units.plain(text).casefold()
    return "undecided" if found == "fail" and hidden else found


def _presence(text: str, check: Check, phrase: str) -> Verdict:
    wanted = {**check, "texts": [phrase]}
    count = occurrences(text, wanted)
    if count.low or count.high:
        return "pass" if count.low else "undecided"
    # Marks of emphasis within a phrase are not seen where it is shown.
    return "undecided" if occurrences(text.translate(_EMPHASIS), wanted).high else "fail"


def _all(found: list[tuple[str, Verdict]]) -> Outcome:
    missing = [place for place, (_, verdict) in enumerate(found, start=1) if verdict == "fail"]
    if missing:
        return Outcome(
            "fail", f"{len(missing)} of {len(found)} are missing, the first of them number {missing[0]}"
        )
    unsure = any(verdict == "undecided" for _, verdict in found)
    return Outcome("undecided" if unsure else "pass", f"all {len(found)} are there", unsure)


def starts_with(text: str, check: Check) -> Outcome:
    return _at_an_end(compared(text, check), check, at_start=True)


def ends_with(text: str, check: Check) -> Outcome:
    return _at_an_end(compared(text, check), check, at_start=False)


def _at_an_end(pair: Pair, check: Check, *, at_start: bool) -> Outcome:
    """One of the phrases stands there; marks around it, or a word that goes on, leave it open."""
    where = "begins" if at_start else "ends"
    verdicts = [_end_verdict(pair.text, phrase.strip(), check, at_start) for phrase in pair.phrases]
    best: Verdict = "pass" if "pass" in verdicts else "undecided" if "undecided" in verdicts else "fail"
    shown = pair.text[:40] if at_start else pair.text[-40:]
    return Outcome(best, f"it {where} with {shown!r}", best == "undecided")


def _end_verdict(text: str, phrase: str, check: Check, at_start: bool) -> Verdict:
    is_there = text.startswith(phrase) if at_start else text.endswith(phrase)
    if is_there:
        place = 0 if at_start else len(text) - len(phrase)
        if check.get("whole_words") is False or _is_alone(text, place, place + len(phrase)):
            return "pass"
        return "fail" if check.get("whole_words") else "undecided"
    bare, wanted = text.strip(_AROUND), phrase.strip(_AROUND)
    loosely = bare.startswith(wanted) if at_start else bare.endswith(wanted)
    return "undecided" if wanted and loosely else "fail"


def one_of(text: str, check: Check) -> Outcome:
    """The whole text is one of the phrases; marks around it leave it open."""
    pair = compared(text, check)
    wanted = [phrase.strip() for phrase in pair.phrases]
    if pair.text in wanted:
        return Outcome("pass", "it is one of them")
    loosely = pair.text.strip(_AROUND) in [phrase.strip(_AROUND) for phrase in wanted]
    return Outcome("undecided" if loosely else "fail", f"it is {pair.text[:60]!r}", loosely)


def repeats(text: str, check: Check) -> Outcome:
    """The text begins with another one, word for word, and goes on."""
    pair = compared(text, check)
    first = pair.phrases[0].strip()
    there, more = pair.text.startswith(first), len(pair.text) > len(first)
    if there:
        return Outcome(
            "pass" if more else "undecided",
            "it is repeated" + ("" if more else ", and nothing follows"),
            not more,
        )
    loosely = pair.text.strip(_AROUND).startswith(first.strip(_AROUND))
    return Outcome("undecided" if loosely else "fail", f"it begins with {pair.text[:40]!r}", loosely)


def in_order(text: str, check: Check) -> Outcome:
    """The phrases stand in the text one after the other; a phrase within a longer word leaves it open."""
    pair = compared(text, check)
    alone, anywhere = _followed(pair, alone=True), _followed(pair, alone=False)
    missing = anywhere if check.get("whole_words") is not True else alone
    if missing:
        return Outcome("fail", f"number {missing} of {len(pair.phrases)} does not follow those before it")
    unsure = bool(alone) and check.get("whole_words") is None
    told = f"all {len(pair.phrases)} follow each other" + (", one of them within a word" if unsure else "")
    return Outcome("undecided" if unsure else "pass", told, unsure)


def _followed(pair: Pair, *, alone: bool) -> int:
    """The number of the first phrase that does not follow those before it, from 1; 0 where all do."""
    place = 0
    for number, one in enumerate(pair.phrases, start=1):
        phrase = one.strip()
        place = pair.text.find(phrase, place)
        while alone and place >= 0 and not _is_alone(pair.text, place, place + len(phrase)):
            place = pair.text.find(phrase, place + 1)
        if place < 0:
            return number
        place += len(phrase)
    return 0


def paragraph_starts_with(text: str, check: Check) -> Outcome:
    """The nth paragraph begins with one of the phrases; where paragraphs can be counted in two ways both must agree."""
    readings = [units.paragraphs_of(text), [p for p in units.paragraphs_of(text) if units.is_running(p)]]
    if len(readings[0]) == 1:
        readings.append([line for line in text.splitlines() if line.strip()])
    outcomes = []
    for paragraphs in readings:
        if check["nth"] > len(paragraphs):
            outcomes.append(Outcome("fail", f"there are {len(paragraphs)} paragraphs"))
        else:
            outcomes.append(starts_with(paragraphs[check["nth"] - 1], check))
    verdicts = {outcome.verdict for outcome in outcomes}
    return outcomes[0] if len(verdicts) == 1 else Outcome("undecided", outcomes[0].told, True)
