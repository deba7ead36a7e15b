"""What is nearly a verdict: the words that verdicts are made of, and remarks behind one that take it back.

A readout reads one form. What stands beside it in nearly that form is never read, but it must not be passed over
either: `[[A]]`, then `[[ B ]]`, is two verdicts, and which one is meant is not known.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence

from judge_agent.prompting.fences import without_invisible
from judge_agent.readouts.answer import unparseable

# What a verdict may be about: `Response 2`, `Assistant B`.
NAMES = (
    "responses?|answers?|assistants?|candidates?|options?|choices?|models?|agents?|trajector(?:y|ies)"
    "|outputs?|solutions?|completions?"
)
NUMBER_WORDS = "one|two|three|four|five|six|seven|eight|nine|ten|first|second|third|fourth|fifth"
_WORDS = re.compile(
    rf"{NAMES}|{NUMBER_WORDS}|verdicts?|winners?|scores?|ratings?|better|best|worse|worst|wins?|won|loses?|lost"
    "|is|are|was|were|be|should|would|the|an?|final|my|it|i|tie[ds]?|draw|equal|equally|both|neither|none|nothing|no"
    "|not|same|good|bad|than|over|clearly|slightly|much|far|significantly|preferred|prefer|chosen|choose|cannot"
    "|decide|of|and|or|to",
    re.IGNORECASE,
)
_NAMED_NUMBER = re.compile(rf"\b(?:{NAMES}|steps?|paragraphs?)[ _-]?#?\d{{1,3}}\b", re.IGNORECASE)
_KINDS = "final|overall|total|corrected|revised|updated|new"
_BRACKETS = str.maketrans(
    {"\u3010": "[", "\u3011": "]", "\u27e6": "[[", "\u27e7": "]]", "\u301a": "[[", "\u301b": "]]"}
)
_ESCAPED = re.compile(r"\\(?=[\[\]])")
_TAKEN_BACK = re.compile(
    r"\b(?:correction ?[:,\u2013\u2014-]|on second thoughts?|on reflection|(?:scratch|strike|disregard) that"
    r"|disregard the above|(?:take|took) (?:that|it|this) back|chang(?:e|ed|ing) my (?:mind|verdict|scores?|choice)"
    r"|(?:no|oh|hmm|hm),? wait|wait,? no|i was wrong|i made (?:a mistake|an error)"
    r"|(?:revised|corrected|updated) (?:verdict|scores?|ratings?|choice|ranking))",
    re.IGNORECASE,
)
_DECIDES = "verdict|winner|choice|preference|judge?ment|decision|answer|vote|pick|correction"
_IS = r"(?:[\s*_\"'`]*(?:\bis\b|\bwas\b|\bgoes to\b|\bshould be\b|\bmust be\b|[:=]|->)[\s*_\"'`]*){1,3}"


def folded(text: str) -> str:
    """Return the text with look-alikes and escapes of brackets and letters in their plain form, for a search only."""
    if "&" in text:
        text = html.unescape(text)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", without_invisible(text)).translate(_BRACKETS)
    return _ESCAPED.sub("", text)


def is_made_of_verdict_words(text: str) -> bool:
    """Whether a text is nothing but words of verdicts, such as `Response 2 is better`; numbers alone are not."""
    words = re.findall(r"[^\W_]+", _NAMED_NUMBER.sub("verdict", text))
    return bool(words) and all(_WORDS.fullmatch(word) for word in words)


def other_tag(tag: str) -> str:
    """A pattern for an opening tag of nearly this name: `<final_score>`, `<scores>`, `<score of="A">`."""
    names = rf"(?:{_KINDS})[_-]?{tag}|{tag}[_-]?(?:{_KINDS})|{tag}s|{tag}(?=[\s/])(?!\s{{0,8}}>)"
    return rf"<(?:{names})[^<>]{{0,80}}>"


def refuse_taken_back(behind: str) -> None:
    """Raise ModelError('model_unparseable') where what stands behind a verdict takes it back."""
    if match := _TAKEN_BACK.search(folded(behind)):
        raise unparseable(f"the answer takes its verdict back: {match.group()!r}")


def other_decision(behind: str, others: Sequence[str]) -> str | None:
    """What a text says as a decision of its own: `Verdict: B`, `B is better.`, `I prefer response B`.

    `others` are patterns for what it must not decide for.
    """
    if not others:
        return None
    other = rf"(?:{'|'.join(others)})"
    named = rf"(?i:(?:the |an? )?(?:(?:{NAMES})[ _-]?)?)[\[(\"'*`]{{0,3}}"
    better = r"(?i:better|best|the (?:better|best)(?: one)?|the winner|preferred|stronger)"
    patterns = (
        rf"\b(?i:{_DECIDES})\b{_IS}{named}{other}",
        rf"{other}[\s*]+(?i:(?:is|was)(?: \w+ly| much| far)? )?(?:{better}|(?i:wins|won))[\s*)]*(?:[.!;\n]|\Z)",
        rf"\b(?i:better|best|preferred|stronger)(?: \w{{1,20}})?{_IS}{named}{other}",
        rf"\b(?i:prefer|choose|pick|go with|vote for|favou?r)\s+{named}{other}",
        rf"\b(?i:it is|it's|they are)\s+{named}{other}\s*(?:[.!;\n]|\Z)",
        rf"(?<![\[\w])\[\s?{other}\s?\](?!\])",
    )
    match = re.search("|".join(patterns), folded(behind))
    return match.group() if match else None
