"""Whether words say that what follows is from a source: by English wording alone, and rather no than yes.

What is taken for a citation and is none would be held against an honest answer; so examples, questions, the writer's
own words, what might be said, and what a source is said NOT to hold are none.
"""

from __future__ import annotations

import re

_SOURCES = (
    r"(?:pages?|articles?|documents?|docs?|documentation|reports?|papers?|stud(?:y|ies)|sites?|websites?|sources?|"
    r"results?|outputs?|tools?|files?|e-?mails?|policy|policies|wiki|wikipedia|reviews?|logs?|text|passages?|"
    r"abstract|section|methods|chapter|book|authors?|manual|guide|entry|post|snippet|observation|response|record|"
    r"transcript|letter|contract|statement|announcement|press release|readme|faq|paragraph|corpus|it|they)"
)
_SAYS = (
    r"(?:says?|said|states?|stated|writes?|wrote|reads|reports|reported|notes?|noted|explains?|explained|"
    r"describes?|described|mentions?|mentioned|claims?|claimed|concludes?|concluded|confirms?|confirmed|adds?|"
    r"puts it|quotes?|quoted|shows|showed|returned)"
)
_NAMED_SAYS = re.compile(
    rf"\b{_SOURCES}\b(?:[^.!?]{{0,60}}?)\b{_SAYS}\b(?:[^.!?]{{0,40}})$"
    r"|\baccording to\b[^.!?]*$"
    r"|\bas (?:stated|written|reported|quoted|noted|described) (?:in|by|on)\b[^.!?]*$"
    r"|\bquot(?:e|ed|ing|ation) (?:from|in|of)\b[^.!?]*$"
    r"|\b(?:source|quote|quotation|citation|excerpt|verbatim)\b[*_]{0,3}\s*:[*_]{0,3}\s*$",
    re.I,
)
_CAPITAL_SAYS = re.compile(
    r"\b[A-Z][\w.&-]+(?:\s+(?:et al\.?|[A-Z][\w.&-]+)){0,3}(?:\s*\(\d{4}\))?\s+"
    r"(?:states|reports|writes|notes|explains|concludes)\b(?:\s+that)?[\s,:*_]*$"
)
_NOT_ITS_WORDS = re.compile(
    r"\b(?:I|we|you|my|our|your|would|could|should|might|may|will|if|whether|example|e\.g|such as|like|let's|imagine|"
    r"suppose|template|draft|translat\w*|paraphras\w*|in other words|means?|meaning|essentially|basically|roughly|"
    r"no|not|nor|never|nothing|nowhere|none|neither|without|lacks?|instead|rather|contrary|cannot|unlike|false|"
    r"wrong|incorrect|asks?|question|usually|typically|normally|commonly|generally|often|summar\w+|"
    r"in (?:short|essence|sum|brief)|sum(?:s|med)? up|french|german|spanish|italian|portuguese|dutch)\b|n['\u2019]t\b",
    re.I,
)
_DENIED_BEHIND = re.compile(
    r"^\W{0,3}\s*(?:is|are|was|does|do|did|appears?|stands?|can|could|has)?\s*"
    r"(?:not|never|nowhere|n['\u2019]t|no longer|missing|absent|invented|fabricated|made up)\b"
    r"|^\W{0,3}\s*(?:does|do|did|is|are|was|can|could|has)n['\u2019]t\b",
    re.I,
)
_CITES_A_SOURCE = re.compile(
    r"\bsources?\b[*_]{0,2}\s*:|\b(?:according to|cited?|cites|citing|references?|retrieved from|"
    r"quoted from|reported (?:by|in|at)|as (?:stated|reported|described) (?:in|by|at))\b",
    re.I,
)
_GO_THERE = re.compile(
    r"\b(?:visit\w*|check\w*|go(?:ing)? to|book\w*|search\w*|brows\w+|contact\w*|monitor\w*|call|sign[ -]?(?:in|up)|"
    r"log ?in|try|explor\w+|portals?|dashboards?|official|websites?|download\w*|install\w*|open|use|using|access\w*|"
    r"available (?:at|on|via|from|here)|click|pre-?filtered|custom\w*|here(?:'s| is) (?:the|your|a)|find|generated?|"
    r"register|apply|(?:learn|read|see) more|more information|like|consider|recommend\w*|such as|example|docs|"
    r"documentation|post|get|put|send\w*|requests?|endpoints?|apis?|url|base_url|curl|fetch\w*|creat\w+|push\w*|"
    r"publish\w*|deploy\w*|merg\w+)\b",
    re.I,
)


def is_from_a_source(before: str, after: str, *, cites: bool) -> bool:
    """Whether quoted words are a source's, by the words before and behind them; `cites`: a source stands behind."""
    if _NOT_ITS_WORDS.search(before) or _DENIED_BEHIND.search(after):
        return False
    return cites or bool(_NAMED_SAYS.search(before) or _CAPITAL_SAYS.search(before))


def speaks_of_a_source(line: str) -> bool:
    """Whether a line that ends in a colon says that a source's words follow."""
    if _NOT_ITS_WORDS.search(line):
        return False
    bare = line.rstrip(" :*_")
    return bool(_NAMED_SAYS.search(bare) or _NAMED_SAYS.search(line) or _CAPITAL_SAYS.search(bare))


def is_pointer(url: str, before: str) -> bool:
    """Whether an address sends the reader somewhere instead of saying where something is from.

    So are home pages, pictures, and addresses with a query, which agents put together themselves, unless the words
    before name them as a source.
    """
    if before.rstrip().endswith(("![](", "!(")) or re.search(r"!\[[^\]]*\]\($", before):
        return True
    if _CITES_A_SOURCE.search(before):
        return False
    path = re.sub(r"^https?://[^/?#]*", "", url, flags=re.I)
    return path in ("", "/") or "?" in path or bool(_GO_THERE.search(before))
