"""Knows English words that stand beside a claim without speaking of it: "I can confirm that", "as you asked", "no fee".

They hold words that would hide a claim (`confirm`, `please`, `only`, `may`), and are left out before these are looked
for. A phrase is here only where it presents what follows as true, or speaks of another matter.
"""

from __future__ import annotations

import re

_WE = r"(?:i|we)(?:'m| am|'re| are|'ve| have| can| do| would like to|'d like to| want to| need to| must)?"
_TELL = (
    r"(?:confirm|inform|tell|let|report|say|announce|advise|notify|assure|note|state|see|verify|update|share|remind|"
    r"add|emphasi[sz]e|repeat|reiterate|mention|point out|promise|guarantee)"
)
_MONTH = r"may(?= \d|,? (?:19|20)\d\d\b)|(?<=in )may\b(?! \w)|(?<=\d )may\b|(?<=of )may\b"
_DONE = r"(?:complete\w*|done|finished|over|closed|processed|through|settled)"
_PHRASES = (
    # Presenting: I can confirm that, I'm pleased to tell you that, please note that, rest assured.
    rf"\b{_WE}(?: now| also| hereby| already| happily| gladly| just)*"
    r"(?: (?:very |so )?(?:pleased|happy|glad|delighted|able|excited|proud|here|writing|thrilled))?"
    rf"(?: to)? {_TELL}(?:ing)?(?: with you)?(?: you| know)*(?: now)?(?: that|:|,|(?= (?:the|your|our|all|it)\b))",
    rf"\b{_WE}(?: now| also| already| just)* (?:checked|verified|confirmed|reviewed|seen|looked|double-checked)"
    r"(?: and| that|:|,)",
    r"\b(?:please|kindly|do|also|just)(?: also| just)* (?:note|be (?:advised|informed|aware|assured)|rest assured|know|"
    r"see|find|remember)(?: below| here)?(?: that|:|,)",
    r"\brest assured(?: that|,)?|\blet me (?:confirm|tell you|assure you|inform you|update you)(?: that|:|,)",
    r"\b(?:this|it) is (?:to|my pleasure to) (?:confirm|inform you|let you know)(?: that|:|,)",
    r"\b(?:the|our|my) (?:system|records?|database|tools?|status)(?: now| here)* (?:shows?|says?|confirms?|tells?|"
    r"states?|indicates?|reports?)(?: me| us)?(?: that|:|,)",
    r"\baccording to (?:the|our|my|your) (?:\w+ )?(?:records?|system|database|account|profile|file)\b,?",
    r"\b(?:i|we) (?:see|find|know)(?: now)? that\b",
    # What was done, or asked for.
    r"\bafter (?:(?:having |successfully |carefully )?(?!all\b)\w+ing|(?:an? |my |our )?(?:careful |quick |full )?"
    r"(?:review|check|look))\b[^,.;:!?]{0,80},",
    r"\bas (?:you(?:'ve| have| had)? \w+|required|requested|instructed|agreed|discussed|promised|asked|wanted|wished|"
    r"(?:per|stated|outlined|described|explained|noted|mentioned|shown|confirmed|expected|planned|always|usual)\b)"
    r"(?:[^,.;:!?]{0,60},|(?=\W*$)|\b)",
    r"\b(?:as )?per (?:your|the|our|my|company) (?:\w+ )?(?:request|instructions?|policy|wish(?:es)?|rules?|terms|"
    r"agreement)\b",
    rf"\b(?:the|this|that|your|our|my|all|every|each)(?: \w+)? (?:process|procedure|steps?|plan|options?|request|"
    rf"checks?|policy)(?: (?:you|we|i) \w+)? (?:is|are|was|were|has been|have been)(?: now| all)? {_DONE}\b",
    r"\bif i may (?:say|add)(?: so)?\b|\bonce (?:again|more)\b|\bnot only\b|\bwhile (?:i|we)(?:'m| am| was|'re| were)? "
    r"(?:\w+ )?(?:here|at it|\w+ing)\b[^,.;:]{0,40},",
    rf"\b(?:{_MONTH})",
    # Another matter: no fee, not a problem, only a small fee applies.
    r"\b(?:(?:there (?:is|are|was|will be)|at|with|for|and) )?(?:no|without|not|free of)(?: (?:an?|any|the|extra|"
    r"additional|further|more|at all))* (?:problems?|worry|worries|fees?|charges?|costs?|penalty|penalties|issues?|"
    r"hassle|delays?|doubt|questions?|trouble)\b(?! of\b| over\b| above\b)",
    r"[,;(] ?(?:with |and |for )?only (?:an? |the )?(?:\w+ ){0,2}(?:fees?|charges?|costs?|penalty|deductions?)\b",
    r"\((?![^()]*(?:\b(?:not|no|never|if|unless|once|when|until|after|before|would|could|should|might|may|false|wrong|"
    r"only|pending|each|or)\b|n't|\?))[^()]*\)",
)
_PRESENTING = re.compile("|".join(_PHRASES), re.I)


def without_presenting(text: str) -> str:
    """The text without such phrases."""
    return _PRESENTING.sub(" ", text)
