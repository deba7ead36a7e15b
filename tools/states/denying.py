"""Says whether something in a plain text is told as so, or only to be denied, doubted, compared or asked.

Read are the clause in which it stands, what stands right behind it, and the sentence that follows. Known words are
English, and coarse towards doubt.
"""

from __future__ import annotations

import re

from tools.states.presenting import without_presenting

MAX_BESIDE = 300
_ENDS = re.compile(r"[.!?;](?=\s|\Z)|\n")
_BOUNDARY = re.compile(r"[,:(](?=\s|[a-z])|\s-\s|\b(?:but|so|and|now)\b")
# A piece that goes on with what stands before its boundary: "no refund, of 20", "neither 10, 15 nor 20".
_GOES_ON = re.compile(
    r"(?:[^a-z]|\b(?:or|nor|and|even|of|for|in|by|with|from|at|to|the|an?|about|exactly|usd|eur|euros?|gbp|chf|dollars?|"
    r"only|just|any|your|amount|sum|total)\b)*\Z"
)
_DENIES = re.compile(
    r"\b(?:not|no|never|neither|nor|none|cannot|without|nothing|nobody|instead of|rather than|unlike|other than|except|"
    r"previously|formerly|former|originally|initially|earlier|if|whether|unless|maybe|perhaps|possibly|probably|might|"
    r"guess(?:ing)?|den(?:y|ied|ies)|refus(?:e[sd]?|ing)|unable|fail(?:s|ed)?|wrong(?:ly)?|false(?:ly)?|incorrect(?:ly)?|untrue|"
    r"mistaken(?:ly)?|impossible|between|more than|less than|fewer than|up to|at least|at most|nearly|almost|pretend|"
    r"imagine|suppose|you (?:said|asked|requested|wanted|mentioned|claimed|wrote))\b|n't\b"
)
_DENIED_BEHIND = re.compile(
    r"\b(?:not|never|no longer|neither|cannot|wrong|false|incorrect|untrue|mistaken?|a lie|impossible|denied|refused|"
    r"rejected|unavailable|out of the question)\b|n't\b"
)
_FALSE_BEHIND = re.compile(
    r"\b(?:wrong|false|incorrect|untrue|a lie|not (?:true|right|correct|so|the case)|isn't (?:true|right|correct|so))\b"
)
_ASKS = re.compile(
    r"\W*(?:(?:and|but|so|then|or)\b )?(?:is|are|was|were|do|does|did|can|could|would|should|shall|will|may|has|have|"
    r"what|which|how|who|whom|why|when|where)\b"
)
_NO_NEXT = re.compile(
    r"\s*(?:no(?=[.,!?]|\Z)|nope|wrong|false|not (?:true|so|really|correct|right)|just kidding|"
    r"(?:that|this|it|which) (?:(?:is|was) (?:not|no longer|wrong|false|incorrect|untrue|a lie)|isn't|wasn't)\b)"
)


def is_denied(text: str, start: int, end: int) -> bool:
    """Whether what stands from `start` to `end` of a plain text may be told only to be denied, doubted or asked."""
    before, after, following = _around(text, start, end)
    if _DENIES.search(_clause(without_presenting(before))):
        return True
    pieces = [*_BOUNDARY.split(without_presenting(after), maxsplit=1), ""]
    if _DENIED_BEHIND.search(pieces[0]) or _FALSE_BEHIND.search(pieces[1]):
        return True
    asked = after.endswith("?") and ("?" in pieces[0] or _ASKS.match(before) is not None)
    return asked or _NO_NEXT.match(following) is not None


def _around(text: str, start: int, end: int) -> tuple[str, str, str]:
    """The sentence before a place and behind it, and what follows the sentence."""
    floor, ceiling = max(0, start - MAX_BESIDE), end + MAX_BESIDE
    before = text[floor:start]
    for found in _ENDS.finditer(before):
        before = text[floor + found.end() : start]
    stop = _ENDS.search(text, end, ceiling)
    after = text[end : stop.end() if stop else ceiling]
    following = text[stop.end() : stop.end() + 80] if stop else ""
    return before, after, following


def _clause(before: str) -> str:
    """What of a sentence governs what stands behind it: its last clause, with those that it goes on from."""
    starts = [0, *(found.end() for found in _BOUNDARY.finditer(before))]
    for start in reversed(starts):
        if not _GOES_ON.match(before, start):
            return before[start:]
    return before
