"""Says where in a text of an agent something is claimed, where it surely is not, and where that is not sure.

Claimed is what stands plainly, or behind words that only present it ("I can confirm that"). Surely not claimed is what
a question, a condition or a denial governs directly. Any other sign of asking, denying, supposing, planning or quoting
leaves it unsure: what contradicts the records there neither refutes nor is passed over. Known words are English, and
coarse on purpose.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tools.states.presenting import without_presenting

Stance = Literal["claimed", "unsure", "not_claimed"]
MAX_BESIDE = 1000  # characters of a sentence that are read on either side of a claim
_SENTENCE = re.compile(r"[^.!?\n]*(?:[.!?](?=\S)[^.!?\n]*)*[.!?\n]?")
_CURLY = str.maketrans("\u2018\u2019\u02bc\u201c\u201d\u201e\u00ab\u00bb", '\'\'\'"""""')
_THE = r"(?: (?:that|the|your|my|this|their|an?|of|our))*\s*\Z"
# What governs a claim so that it is none, directly before it.
_GOVERNED = re.compile(
    r"(?:\b(?:if|unless|whether|in case|in the event|assuming|suppos(?:e|ing)|provided|imagine)"
    r"|(?:\b(?:not|never)|n't)(?: \w+)? (?:so|true|the case|correct|right|certain|sure|clear|confirmed)"
    r"|(?:\b(?:cannot|unable to|never|(?:can|could|did|do|will|would) not)|n't)(?: yet)? "
    r"(?:confirm|say|claim|verify|see|find|guarantee|promise|state|believe|think)"
    r"|\b(?:false|untrue|wrong|incorrect|a lie|a myth|den(?:y|ied))"
    r"|\bno (?:sign|evidence|record|proof|indication))" + _THE,
    re.I,
)
# What was so, and is so no longer: "was open, but now it is not".
_WAS, _SINCE = (
    re.compile(r"\b(?:was|were|had)\b", re.I),
    re.compile(r"\b(?:now|but|until|then|and (?:i|we)|so (?:i|we))\b", re.I),
)
_ATTRIBUTED = re.compile(
    r"\b(?:you|the (?:customer|user|client)|they|he|she)(?:'ve| have| had)? "
    r"(?:said|wrote|claim(?:ed|s)?|mentioned|stated|told (?:me|us)|thought|believed?)[:,]? ?[\"']?" + _THE,
    re.I,
)
_ASKS = re.compile(
    r"[\W_]*(?:(?:and|but|so|then|or|sorry|well)\b[, ]*)?(?:(?:do|did) you (?:mean|want|think|believe|say)|is it "
    r"(?:true|so|correct|possible)|are you (?:sure|saying|asking|certain)|(?:can|could) you (?:confirm|tell|check)|"
    r"shall i|should i|why|how come)\b[^;:.!\n]*\?",
    re.I,
)
_OTHER_TIME = re.compile(
    r"\b(?:previously|earlier|yesterday|originally|initially|at first|at the (?:start|beginning|time)|back then|"
    r"formerly|used to|ago|had been|last (?:week|month|year|night)|tomorrow|later|soon|next (?:week|month|year))\b",
    re.I,
)
_BEFORE = re.compile(
    r"\?|\b(?:not|no|nor|neither|never|none|cannot|unable|without|fail(?:s|ed)?|den(?:y|ies|ied)|refuse[sd]?|doubt|"
    r"false|untrue|wrong|incorrect|mistaken(?:ly)?|myth|if|unless|whether|once|when|whenever|while|until|till|after|"
    r"before|assum(?:e|es|ed|ing)|suppos(?:e|es|ed|ing)|provided|providing|imagine|in case|in the event|as soon as|"
    r"as long as|so that|in order|only|would|could|should|might|may|must|will|shall|going to|gonna|wish|hope|"
    r"hopefully|want|wants|need|needs|like to|please|let me|let us|let's|make sure|ensure|check|confirm|verify|"
    r"see if|instead|either|or|option|options|alternative(?:ly)?|e\.g|example|template|sample|"
    r"here is how|here's how|how it|how to|steps?|process|procedure|policy|rules?|plan|planned|"
    r"said|says|say|asked|asks|wrote|writes|told|tells|mentioned|claim|claims|claimed|stated|thought|think|thinks|"
    r"believe|believed|guess|seems?|seemed|appears?|appeared|probably|perhaps|maybe|likely|possibly|"
    r"according to|quote|up to|around|approximately|roughly|estimated|at least|at most)\b|n't\b|'(?:ll|d)\b|"
    r"\babout \$?(?=\d|$)",
    re.I,
)
# Of what is claimed itself: patterns may name the words of the claim, as "told" or "only".
_WITHIN = re.compile(
    r"\?|\b(?:not|no|never|cannot|unable|without|if|unless|whether|would|could|should|might|may|will|shall|"
    r"going to|wish|want|please|instead|either|option|up to|around|approximately|roughly)\b|n't\b|'(?:ll|d)\b",
    re.I,
)
_AFTER = re.compile(
    r"\b(?:if|unless|once|only|when|whenever|until|till|as soon as|provided|assuming|in case|before|after|"
    r"false|untrue|wrong|incorrect|a lie|not true|not the case|not so|not right|not correct|not yet|"
    r"you (?:said|asked|wrote|claimed|told|mentioned)|isn't|wasn't|hasn't|per|each|apiece|would|could)\b|"
    r"^ ?(?:not|never|or)\b|^['\"*_)\]]* ?[/x\u00d7] ?\w",
    re.I,
)
_DENIED_AT_ONCE = re.compile(r"^[^,;:()\u2013\u2014]*?(?:\b(?:not|never)\b|n't\b)", re.I)
_JOINED = re.compile(r"[,;:(\u2013\u2014]| - |\b(?:and|so|but)\b", re.I)
# What closes a message politely, whatever it claims.
_COURTESY = re.compile(
    r"(?:[,;(\u2013\u2014]| - |\band\b|\bso\b|\bbut\b)\s*(?:please\b|let me know|feel free|do not hesitate|"
    r"don't hesitate|(?:is|are) there any|anything else|what else|how else|can i|may i|shall i|"
    r"do you (?:need|want)|would you like)[^\n]*$",
    re.I,
)
_TAKEN_BACK = re.compile(
    r"\s*(?:no,? )?(?:(?:that|this|it|which) (?:is|was|would be)|that's|this's)(?: \w+)? "
    r"(?:false|untrue|wrong|incorrect|not|a lie|an? (?:example|joke|hypothetical|mistake))\b|"
    r"\s*(?:that|this|it) (?:isn't|wasn't)|\s*(?:not!|just kidding)",
    re.I,
)
_QUOTED = re.compile(
    r"\"[^\"\n]{1,2000}\"|(?<!\w)'[^'\n]{1,2000}'(?!\w)|`[^`\n]{1,2000}`|^[ \t]*>[^\n]*", re.M
)
_FENCED = re.compile(r"^[ \t]*(?:```|~~~)", re.M)
_ITEM = re.compile(r"\s*(?:[-*+\u2022]|\d{1,3}[.)])\s")


@dataclass(frozen=True)
class Sentence:
    """A sentence, as `plain` with plain quotes; the line that introduces it (`If you agree:`), and what follows it."""

    text: str
    plain: str
    start: int
    intro: str
    following: str


class Sentences:
    """The sentences of a text, and what in them may be a claim."""

    def __init__(self, text: str) -> None:
        plain = text.translate(_CURLY)
        self.all = list(_sentences(plain, text))
        self._quoted = sorted([*_spans(_QUOTED, plain), *_fences(plain)])
        self._starts = [start for start, _ in self._quoted]

    def stance(self, sentence: Sentence, start: int, end: int) -> Stance:
        """Whether what stands from `start` to `end` of a sentence is claimed."""
        text = sentence.plain
        before = f"{sentence.intro[-MAX_BESIDE:]} {text[max(0, start - MAX_BESIDE) : start]}"
        presented = without_presenting(before)
        if any(one.search(presented) for one in (_GOVERNED, _ATTRIBUTED)) or _ASKS.fullmatch(text.rstrip()):
            return "not_claimed"
        if self._is_quoted(sentence.start + start, sentence.start + end):
            return "unsure"
        after = without_presenting(_COURTESY.sub("", text[end : end + MAX_BESIDE]))
        if "?" in after or _BEFORE.search(presented) or _WITHIN.search(without_presenting(text[start:end])):
            return "unsure"
        if _WAS.search(text, start, end) and _SINCE.search(after):
            return "unsure"
        if _OTHER_TIME.search(presented) or _OTHER_TIME.search(after):
            return "unsure"
        if _AFTER.search(after) or _DENIED_AT_ONCE.match(_JOINED.split(after, maxsplit=1)[0]):
            return "unsure"
        return "claimed" if _TAKEN_BACK.match(sentence.following) is None else "unsure"

    def _is_quoted(self, start: int, end: int) -> bool:
        """Whether it stands within a quotation; a claim that has a quotation within itself does not."""
        index = bisect_right(self._starts, start)
        return any(end <= stop for _, stop in self._quoted[max(0, index - 3) : index])


def _sentences(plain: str, text: str) -> Iterator[Sentence]:
    found = [hit for hit in _SENTENCE.finditer(plain) if hit.group().strip()]
    intro = ""
    for index, hit in enumerate(found):
        if intro and index > 1 and not _ITEM.match(hit.group()) and _closes(plain, found[index - 1].end()):
            intro = ""
        following = found[index + 1].group() if index + 1 < len(found) else ""
        yield Sentence(text[hit.start() : hit.end()], hit.group(), hit.start(), intro, following)
        if hit.group().rstrip().rstrip("*_").endswith(":"):
            intro = hit.group().strip()


def _closes(plain: str, end: int) -> bool:
    """Whether a list that was introduced is over: an empty line stands before what is no item of it."""
    return plain[end : end + 1] == "\n" or plain[max(0, end - 2) : end] == "\n\n"


def _spans(pattern: re.Pattern[str], text: str) -> list[tuple[int, int]]:
    return [(hit.start(), hit.end()) for hit in pattern.finditer(text)]


def _fences(text: str) -> list[tuple[int, int]]:
    """From each fence that opens to the one that closes it."""
    marks = [hit.start() for hit in _FENCED.finditer(text)]
    return list(zip(marks[::2], [*marks[1::2], len(text)], strict=False))
