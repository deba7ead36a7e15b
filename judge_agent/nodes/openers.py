"""Tells answers that say nothing: openers and punctuation that win marks from careless judges.

The effect is that of "One Token to Fool LLM-as-a-Judge" (arXiv 2507.08794). Knows whole answers only: an
opener that is followed by anything else is an answer, and so is a lone operator, bracket pair or letter.
"""

from __future__ import annotations

import re
import unicodedata

from judge_agent.prompting.fences import without_invisible

MAX_OPENER_CHARS = 120
MAX_NORMALISED_CHARS = 4096
_PHRASES = (
    # English
    "solution",
    "the solution",
    "the solution is",
    "answer",
    "my answer",
    "the answer",
    "the answer is",
    "final answer",
    "the final answer is",
    "here is the solution",
    "here is the answer",
    "here's the solution",
    "here's the answer",
    "here is my answer",
    "thought process",
    "thinking process",
    "chain of thought",
    "reasoning",
    "explanation",
    "analysis",
    "response",
    "step 1",
    "step by step",
    "step by step solution",
    "step by step reasoning",
    # Chinese, Japanese, Korean
    "解",
    "解答",
    "解析",
    "解决方案",
    "答",
    "答案",
    "答案是",
    "最终答案",
    "思考过程",
    "思路",
    "かいせつ",
    "解説",
    "解決策",
    "回答",
    "答え",
    "답",
    "정답",
    "답변",
    "풀이",
    "해설",
    # Romance and Germanic
    "respuesta",
    "solución",
    "respuesta final",
    "la respuesta es",
    "réponse",
    "la réponse est",
    "resposta",
    "solução",
    "risposta",
    "soluzione",
    "lösung",
    "antwort",
    "die antwort ist",
    "oplossing",
    "antwoord",
    # Other languages
    "решение",
    "ответ",
    "розв'язок",
    "відповідь",
    "rozwiązanie",
    "odpowiedź",
    "çözüm",
    "cevap",
    "lời giải",
    "đáp án",
    "الحل",
    "حل",
    "الإجابة",
    "الجواب",
    "समाधान",
    "उत्तर",
    "हल",
)
_PHRASES_PLAIN = frozenset(unicodedata.normalize("NFKC", phrase).casefold() for phrase in _PHRASES)
_LEADING = r"(?:(?:sure|ok|okay|alright|certainly|absolutely|first|now|so|well|great|right) )*"
_VERB = r"(?:solve|think|work|break|go|approach|reason|start|begin|analyze|analyse|tackle|walk|proceed)"
_FILLER = (
    r"(?:this|the|it|about|through|into|down|by|of|with|problem|question|task|solving|thinking|analyzing|"
    r"out|carefully|together|step|steps|smaller|parts|logically|systematically|and|to)"
)
_ANNOUNCEMENT = re.compile(
    rf"{_LEADING}(?:let's|let us|let me|i will|i'll|we will|we'll) {_VERB}(?: {_FILLER}){{0,16}}"
)
_LEAD = re.compile(_LEADING)
_DECORATION = re.compile(
    r"[\s.,:;!?\u00a1\u00bf\u2026\u3001\u3002\u3010\u3011\u300c\u300d\u00ab\u00bb\u201c\u201d\u201e\u2018"
    r"\"`*#_~()\[\]{}<>\u2800-]+"
)
_NO_CONTENT = re.compile(r"[\s.,:;!?\u00a1\u00bf\u2026\u3001\u3002\u201c\u201d\u2018'\"`*#_~\u2800-]*+")
# Each of these is a whole answer to some question: an operator, a comment sign, a power, a decrement.
_TOKENS = frozenset(("*", "**", "-", "--", "#", "_", "~", "'"))


def says_nothing(text: str) -> bool:
    """Whether a whole answer is empty, mere punctuation, or a bare opener in one of the languages known here."""
    if len(text) > MAX_NORMALISED_CHARS:
        return bool(_NO_CONTENT.fullmatch(without_invisible(text)))
    plain = unicodedata.normalize("NFKC", without_invisible(text)).casefold().replace("\u2019", "'")
    plain = without_invisible(plain).strip()
    if plain in _TOKENS:
        return False
    if _NO_CONTENT.fullmatch(plain):
        return True
    core = _DECORATION.sub(" ", plain).strip(" '")
    if not core or len(core) > MAX_OPENER_CHARS:
        return False
    lead = _LEAD.match(core)
    phrase = core[lead.end() :] if lead else core
    return phrase in _PHRASES_PLAIN or bool(_ANNOUNCEMENT.fullmatch(core))
