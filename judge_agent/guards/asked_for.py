"""What a task asks for, as far as it makes a bare word or sign an answer: "one word for ...", "which sign ...".

A guard that is not sure keeps out of the way: what is asked for in a way not known here is judged like any answer.
"""

from __future__ import annotations

import re

from judge_agent.guards import asked_words, fitting
from judge_agent.guards.plain import plain, unaccented, words_of
from judge_agent.guards.task_texts import ends, read_task, remembered

MAX_CHARS_FOR_WORDS = 4_000
MAX_FIRST_CHARS = 4_096
_WORDS = (
    r"(?:words?|terms?|nouns?|verbs?|synonyms?|antonyms?|headings?|headlines?|titles?|captions?|slogans?"
    r"|expressions?|phrases?|keywords?|"
    r"sections?|chapters?|stages?|phases?|abbreviations?|acronyms?|translations?|genres?|categor(?:y|ies)|anagrams?)"
)
_WORD_ASKED = re.compile(
    rf"\b(?:which|what|one|single|name (?:the|a|an)|give (?:me )?(?:the|a|an|one)|suggest (?:a"
    rf"|an)) (?:\w+ ){{0,3}}?{_WORDS}\b"
    r"|\b(?:which|what) (?:\w+ ){0,2}?(?:status|state|label|tag|field|column|variable|parameter|file|folder"
    r"|button|tab"
    r"|technique|method|strategy|concept|paradigm)s?\b|\bname of (?:the|a|an|this|that) (?:\w+ )?(?:field|column"
    r"|variable|method|function|class|file|folder|tab|button|key|parameter|argument|attribute|team)\b"
    r"|\b(?:write|draft|create|invent|propose|come up with|think of) (?:me )?(?:a|an|the|some|one) (?:[\w-]+ ){0,2}?"
    r"(?:headline|heading|title|caption|slogan|motto|tagline|label|name|subject line|commit message)s?\b"
    r"|\b(?:write|make|give|compose|draft|form|say) (?:me )?(?:an?|one|some|the) (?:[\w-]+ ){0,3}?(?:sentence"
    r"|question|reply|imperative|greeting"
    r"|tweet|message|email|e-mail|command|invitation|apology)s?\b"
    r"|\bwhat(?:'s| is| was| are) the (?:\w+ )?(?:type|kind|sort|role|topic|purpose|meaning|intent|goal"
    r"|aim) of\b|\b(?:which|wrong|faulty|erroneous) steps?\b"
    r"|\bwhich parts?\b|\bmissing (?:part|section|step|heading|piece)\b|\b(?:find|spot|locate|identify"
    r"|where is) (?:the|an|any|all"
    r"|all the) (?:error|mistake|flaw|fallacy|bug|fault)s?\b"
    r"|\b(?:result|outcome|status) of (?:the|this|a|my) (?:test|run|build|check|vote|match|game|election"
    r"|experiment|query"
    r"|review|audit|order|task|job)s?\b"
    r"|\bin (?:just |only )?(?:a|one|two|three|a few|a single) words?\b|\b(?:odd one out|gegenteil"
    r"|contrario|contraire"
    r"|contr\u00e1rio|synonym|sin\u00f3nimo|synonyme)\b"
    r"|\bwhat (?:did|does|do|should|must|would|will|can) (?:\w+ ){1,5}?(?:ask|want|need|demand|request|require|lack"
    r"|expect|contain|include|present|provide|offer|submit|show|find|discuss|describe|explain)\b"
    r"|\u53cd\u4e49\u8bcd|\u53cd\u5bfe\u8a9e|\ubc18\ub300\ub9d0|\ubb34\uc5c7\uc774 \ud544\uc694"
    r"|\u043f\u0440\u043e\u0442\u0438\u0432\u043e\u043f\u043e\u043b\u043e\u0436\u043d"
    r"|\b(?:translate|unscramble|crossword|rhymes? with|opposite of|how do you say|fill in"
    r"|complete the sentence"
    r"|missing word|stands? for|the plural of|"
    r"the singular of|past tense|(?:say|reply|respond|answer|write|output|print|return) (?:only |just "
    r"|exactly )?(?:with )?the word|"
    r"(?:is|are|was|were) (?:\w+ ){1,8}called|\bcalled what\b|(?:do|does|would|can) (?:you|we|one|they|people"
    r"|chemists"
    r"|scientists"
    r"|mathematicians) call|"
    r"(?:title|name) of (?:the )?(?:chapter|section|song|film|movie|book|album|painting|poem|novel|band"
    r"|sculpture"
    r"|statue)|what kind of mixture|type of mixture)\b"
    r"|\bwhat(?:'s| is| are) \S{1,40} in (?:english|german|french|spanish|italian|portuguese|russian"
    r"|chinese|japanese|korean)\b"
    r"|\b(?:qu\u00e9 palabra|traduce|quel mot|traduis|traduisez|welches wort|\u00fcbersetze"
    r"|qual palavra|traduza"
    r"|quale parola|traduci|"
    r"\u043a\u0430\u043a\u043e\u0435 \u0441\u043b\u043e\u0432\u043e"
    r"|\u043f\u0435\u0440\u0435\u0432\u0435\u0434\u0438)\b"
    r"|\u54ea\u4e2a\u8bcd|\u4ec0\u4e48\u8bcd|\u4e00\u4e2a\u8bcd|\u7ffb\u8bd1|\u540c\u4e49\u8bcd"
    r"|\u8a00\u8449\u306f"
    r"|\u5358\u8a9e|\u7ffb\u8a33|\u8a33\u3057|\ub2e8\uc5b4|\ubc88\uc5ed"
)
_SIGNS = (
    r"(?:symbols?|signs?|characters?|punctuation|marks?|operators?|delimiters?|separators?|tokens?|glyphs?"
    r"|emojis?|emoticons?|keystrokes?|brackets?|letters?|path|directory|folder|wildcard|bullet|arrow)"
)
_SIGN_NAMES = (
    r"(?:colon|commas?|dots?|periods?|full stop|dash(?:es)?|hyphens?|horizontal rule|asterisks?|quotes?"
    r"|backticks?|spaces?"
    r"|underscores?|slash(?:es)?|tilde|hash|ellipsis|punctuation|nothing|empty|blank|emojis?|emoticons?)"
)
_SIGN_ASKED = re.compile(
    rf"\b(?:which|what|name the|give (?:me )?(?:the|a|an|one)|one|single|a single) (?:\w+ ){{0,4}}?{_SIGNS}\b"
    rf"|\b{_SIGNS} ?\?|\b(?:write|print|type|give|put|output|reply|answer|respond|react|return|draw"
    rf"|insert|use|with)\b"
    rf"[^.?!\n]{{0,40}}\b{_SIGN_NAMES}\b"
    r"|\bwhat(?:'s| is| are) (?:\w+ ){0,2}missing\b|\bwhat (?:\w+ ){0,6}(?:prints?|outputs?|returns?|displays?"
    r"|printed|returned)\b"
    r"|\b(?:regular expression|regexp?|punctuation mark|semicolon|empty string|whitespace|say nothing"
    r"|stay silent"
    r"|remain silent|morse|braille"
    r"|ellipsis|"
    r"qu\u00e9 signo|quel signe|welches zeichen|satzzeichen|quale segno|qual sinal"
    r"|\u043a\u0430\u043a\u043e\u0439 \u0437\u043d\u0430\u043a)\b"
    r"|\u7b26\u53f7|\u6807\u70b9|\u8a18\u53f7|\u53e5\u8aad\u70b9|\uae30\ud638"
)
_ECHO_ASKED = re.compile(
    r"\b(?:repeat|echo|(?:all|in|to|into) caps|capitals|format (?:this|it|the)|spell.?check|copy"
    r"|verbatim|(?:say|write|answer|output) exactly|word for word|unchanged|proofread|grammar"
    r"|grammatical\w*|punctuate"
    r"|capitali[sz]e|rewrite|paraphrase|translate|"
    r"transcribe|recite|encode|decode|uppercase|lowercase|quine|restate|correct (?:the|this|any)|palindrome)\b"
    r"|\u91cd\u590d|\u590d\u8ff0|\u7e70\u308a\u8fd4|\u7ffb\u8bd1|\u7ffb\u8a33"
)
_REPEATS_ASKED = re.compile(
    r"\b(?:times|repeat\w*|row|sequence|string|prints?|printed|song|lyrics?|ascii|chorus|chant|sound"
    r"|noise|laugh"
    r"|scream"
    r"|onomatopoeia|buffalo)\b"
    r"|[*]|\u6b21|\u56de"
)
_WORK_ASKED = re.compile(
    r"\bhow (?:many|much|far|old|tall|high|heavy)\b"
    r"|\b(?:calculat\w+|comput(?:e|ing)|evaluate|simplify|integrate|differentiate|derive|prove|explain"
    r"|describe|discuss"
    r"|summari[sz]e|solve|implement|factori[sz]e|determine)\b"
    r"|\b(?:sum|product|difference|quotient|remainder|area|volume|perimeter|probability|average|mean"
    r"|median|derivative"
    r"|integral|square root|value) of\b"
    r"|\bwrite (?:me )?(?:an?|the|some) (?:[\w-]+ ){0,3}?(?:functions?|programs?|scripts?|class"
    r"|methods?|code|essays?|stor(?:y|ies)"
    r"|poems?|articles?|quer(?:y|ies)|reports?|proofs?|paragraphs?|summar(?:y|ies)|reviews?)\b"
    r"|\b(?:cu\u00e1nt[oa]s?|calcula\w*|explica\w*|demuestra|demostrar|resuelve|resolver|halla|combien"
    r"|calcule[zr]?|expliqu\w+"
    r"|d\u00e9montre\w*|r\u00e9sou\w+|wie ?viele?|berechne\w*|erkl\u00e4re\w*|beweise\w*|l\u00f6se"
    r"|quantos|quantas"
    r"|explique|prove que|resolva|quant[oi]|calcola\w*|spiega\w*|dimostra\w*|risolvi|hoeveel|bereken|leg uit)\b"
    r"|\b(?:\u0441\u043a\u043e\u043b\u044c\u043a\u043e|\u0432\u044b\u0447\u0438\u0441\u043b\w*"
    r"|\u043d\u0430\u0439\u0434\w*"
    r"|\u043e\u0431\u044a\u044f\u0441\u043d\w*|\u0434\u043e\u043a\u0430\u0436\w*|\u0440\u0435\u0448\u0438\w*)"
    r"|\u8ba1\u7b97|\u8a08\u7b97|\u591a\u5c11|\u89e3\u91ca|\u89e3\u91cb|\u8bc1\u660e|\u8b49\u660e"
    r"|\u8bf4\u660e|\u51e0\u4e2a|\u51e0\u500b|\u6c42\u51fa|\u3044\u304f\u3064"
    r"|\u4f55(?:\u500b|\u4eba|\u672c|\u679a)|\u6c42\u3081|\u8aac\u660e|\uba87|\uc5bc\ub9c8|\uacc4\uc0b0"
    r"|\uc124\uba85|\uc99d\uba85"
    r"|\u0915\u093f\u0924\u0928|\u091c\u094d\u091e\u093e\u0924|\u0938\u092e\u091d\u093e|\u0643\u0645 "
    r"|\u0627\u062d\u0633\u0628|\u0627\u0634\u0631\u062d"
)
# What is measured, counted or worked out.
_AMOUNT_ASKED = re.compile(
    r"\bwh(?:at|ich)(?:'s| is| are| was| were| will| would| must| should|) (?:be )?(?:the |its |his |her "
    r"|their |my |our |your )?"
    r"(?:[\w'-]+ ){0,4}?(?:speed|cost|price|total|distance|length|width|height|depth|weight|age|amount|number"
    r"|percentage"
    r"|percent|ratio|profit|revenue|salary|rate|angle|radius|diameter|circumference|perimeter|area|volume|mass"
    r"|temperature"
    r"|sum|fraction|probability|chance|odds|remainder|minimum|maximum|balance|discount|income|capacity|density"
    r"|velocity"
    r"|acceleration|energy|pressure|digit|gcd|lcm|quotient|exponent|slope|determinant|dollars|euros|hours|minutes)\b"
)
_FIND_ASKED = re.compile(r"\bfind (?:the|all|an?|every)\b")
# Names, places and times.
_NAME_ASKED = re.compile(r"\bwhat (?:is|are|was|were) the (?:[\w'-]+ ){1,4}?(?:of|in|between)\b|\bwhy\b")
_FACT_ASKED = re.compile(
    rf"{_NAME_ASKED.pattern}|\bwho (?:is|was|were|\w+ed|wrote|won)\b"
    r"|\bwhere (?:is|are|was|were|did|do|does)\b|\bwhen (?:was|were|did)\b|\bin (?:which|what) year\b"
)
_PERSON_OR_TIME_ASKED = re.compile(r"^\W*(?:who|when|where)\b|\bin (?:which|what) year\b")
# How the answer is to be set down says nothing of what it is.
_SET_DOWN = re.compile(
    r"\byour (?:[\w-]+ ){0,2}?(?:response|reply|answer|message|output)s?\b"
    r"|[(,]? ?without (?:the )?quot\w+(?: marks)?\)?"
)
_OR = (
    r"(?:or|o|u|ou|oder|of|eller|\u0438\u043b\u0438|\u0430\u0431\u043e|czy|lub|albo|nebo|sau|veya|hay|ho\u1eb7c|atau"
    r"|\u092f\u093e|\u0623\u0645|\u0623\u0648)"
)
_ARTICLE = r"(?:an?|the|el|la|le|un|une|una|der|die|das|ein|eine|il|lo|o|de|het|een)"
_OR_JOINED = (
    r"(?:\u8fd8\u662f|\u9084\u662f|\u6216\u8005?|\u305d\u308c\u3068\u3082|\u304b\u3001|\uc544\ub2c8\uba74"
    r"|\ub610\ub294)"
)
# A nod, a sign or a picture answers these whatever else is said in them.
_NOD_ASKED = re.compile(
    r"^\W*(?:is|are|was|were|does|do|did|has|have|had|am|should|shall|may)\b[^.!\n]*\?\W*$"
    r"|\b(?:yes or no|true or false|repl(?:y|ies)|respon[ds]\w*|react\w*|message|greet\w*|dialog(?:ue)?"
    r"|conversation|emojis?"
    r"|emoticons?|mood|feels?|feeling|thumbs|acknowledge|confirm|agree|one[- ]word|single[- ]word|fill in)\b",
    re.MULTILINE,
)
_EMPTY_ASKED = re.compile(
    r"\b(?:variables?|python|javascript|solve|solutions?|roots?|all|every|sets?|lists?|json|array|dict\w*"
    r"|objects?|tuple|return\w*"
    r"|output\w*|print\w*|empty"
    r"|which|what is the type|null"
    r"|none|schema|html|xml|tags?|elements?|markup)\b"
)
_EMPTY_MARKUP_ASKED = re.compile(r"\bempty (?:\w+ )?(?:xml|html|element|elements|tag|tags|box|boxes)\b")
_PRINT_ASKED = re.compile(
    r"\bwhat (?:does|do|did|will|would|is|gets)\b[^?\n]{0,200}\b(?:print|output|return|display|show|log"
    r"|echo)(?:s|ed)?\b"
)
_IDLE_ASKED = re.compile(
    r"\b(?:empty|todos?|comments?|stubs?|skeletons?|nothing|abstract|interfaces?|protocols?"
    r"|placeholders?|templates?"
    r"|no-?op|signatures?|dummy)\b"
)
_DOING_ASKED = re.compile(
    r"\b(?:what (?:do|does|did|should|would|must|can|will|are|is|am) (?:i|we|you|they|he|she|one)\b"
    r"|(?:can|could|will|would|did|do|have|are|shall|should) (?:you|we|i|they)\b|next step|first step"
    r"|how should (?:i|we|you|one))"
)
_WAY_ASKED = re.compile(
    r"\b(?:(?:first|next|last|which|what|final) steps?|approach|strateg\w+|method|procedure|how (?:do"
    r"|does|should"
    r"|would|could|to)|"
    r"what (?:do|should|would|can|must|will|are|is) (?:i|you|we|he|she|they)|plan|advice|suggest\w*|first thing"
    r"|process of|tips?|shall we|shall i|will you|"
    r"would you|are you|do you|can you|could you|should (?:i|we|he|she|they))\b"
    r"|\u7b2c\u4e00\u6b65|\u4e0b\u4e00\u6b65|\u5148\u505a\u4ec0\u4e48|\u5173\u952e\u662f|\u600e\u4e48(?:\u529e"
    r"|\u505a)"
    r"|\u600e\u6837\u505a|\u6700\u521d\u306e|\u6b21\u306e(?:\u30b9\u30c6\u30c3\u30d7|\u624b\u9806)"
)


@remembered
def a_word(task: str) -> bool:
    """Whether the task asks for a word or for words, so that "Solution" may be what it asks for."""
    read = read_task(task)
    if _WORD_ASKED.search(read):
        return True
    both = ends(read, MAX_CHARS_FOR_WORDS)
    return asked_words.are_asked(both, for_a_work=_is_for_a_work(both))


@remembered
def quotations(task: str) -> tuple[str, ...]:
    """What the task quotes, where it is short and asks for no work, person or time: it is likely about these words."""
    read = ends(read_task(task), MAX_CHARS_FOR_WORDS)
    if _PERSON_OR_TIME_ASKED.search(read):
        return ()
    return tuple(asked_words.quotations(read, for_a_work=_is_for_a_work(read)))


@remembered
def passages(task: str) -> tuple[str, ...]:
    """What the task wants to have in other words, in another language, or without its mistakes."""
    return tuple(asked_words.passages(ends(read_task(task), MAX_CHARS_FOR_WORDS)))


@remembered
def a_sign(task: str) -> bool:
    """Whether the task asks for a sign or for characters, so that ":" may be what it asks for."""
    return bool(_SIGN_ASKED.search(_SET_DOWN.sub(" ", read_task(task))))


@remembered
def an_echo(task: str) -> bool:
    """Whether the task asks for its own words back."""
    return bool(_ECHO_ASKED.search(read_task(task)))


@remembered
def repeats(task: str) -> bool:
    """Whether the task may ask for the same word many times."""
    return bool(_REPEATS_ASKED.search(read_task(task)))


@remembered
def a_way_to_go(task: str) -> bool:
    """Whether the task asks how somebody goes about something, so that "Understand the question." answers it."""
    return bool(_WAY_ASKED.search(read_task(task)))


@remembered
def a_work(task: str) -> bool:
    """Whether the task asks for an amount, an explanation or a work, which no sign, nod or intention can be."""
    read = read_task(task)
    if (
        _NOD_ASKED.search(_SET_DOWN.sub(" ", read))
        or asked_words.is_talk(read)
        or has_options(task)
        or a_word(task)
        or a_sign(task)
        or an_echo(task)
    ):
        return False
    return _is_worked_out(read) or (bool(_FACT_ASKED.search(read)) and not a_way_to_go(task))


@remembered
def a_fact(task: str) -> bool:
    """Whether the task asks what something is or why, and for no amount: the name of a heading may answer it."""
    read = read_task(task)
    return bool(_NAME_ASKED.search(read)) and not _is_worked_out(read)


def _is_worked_out(read: str) -> bool:
    return any(pattern.search(read) for pattern in (_WORK_ASKED, _FIND_ASKED, _AMOUNT_ASKED))


@remembered
def an_empty_form(task: str) -> bool:
    """Whether the task may ask for a form with nothing in it: an empty list, JSON, a tag."""
    return bool(_EMPTY_ASKED.search(read_task(task)))


@remembered
def empty_markup(task: str) -> bool:
    """Whether the task may ask for a tag or a box with nothing in it."""
    return bool(_EMPTY_MARKUP_ASKED.search(read_task(task)))


def prints(task: str, said: str) -> bool:
    """Whether the task asks what is printed or returned, and what is said stands between quotes in it."""
    read, bare = read_task(task), said.strip(" \n`'\"")
    return bool(bare and _PRINT_ASKED.search(read)) and any(
        f"{quote}{bare}{quote}" in read for quote in ("'", '"', "`")
    )


def fits(task: str, words: list[str]) -> bool:
    """Whether a clause of these words has the shape of what the task asks for: a reason, a place, a report."""
    return fitting.fits(unaccented(ends(read_task(task), MAX_CHARS_FOR_WORDS)), words)


@remembered
def idle_code(task: str) -> bool:
    """Whether the task may ask for code that does nothing."""
    return bool(_IDLE_ASKED.search(read_task(task)))


@remembered
def what_is_done(task: str) -> bool:
    """Whether the task asks what somebody does, needs, or is able to do: "We need to look at it." answers that."""
    read = read_task(task)
    return bool(_DOING_ASKED.search(read)) or asked_words.is_help(ends(read, MAX_CHARS_FOR_WORDS))


def one_of(task: str, words: list[str]) -> bool:
    """Whether the task offers these words as one of several: beside "or", between quotes, on a line of an option."""
    if not words:
        return False
    said = r"\W+".join(re.escape(word) for word in words)
    offered = re.compile(
        rf"[:,\uff1a\uff0c\u3001] ?{said} ?(?:[,.;?!\uff0c\u3001\u3002]|$)|\b{_OR} (?:{_ARTICLE} )?{said}\b"
        rf"|\b{said}(?:,[^.?!\n]{{0,80}})? {_OR}\b|{_OR_JOINED}{said}|{said}{_OR_JOINED}"
        rf"|[\"'\u201c\u2018\u00ab`]{said}[\"'\u201d\u2019\u00bb`]"
        rf"|^\W*(?:\w{{1,2}}\W{{1,3}})?{said}\W*$|[(\[]?\b[a-h1-9][.):\]]\s*{said}\b",
        re.MULTILINE,
    )
    return bool(offered.search(read_task(task)) or offered.search(unaccented(read_task(task))))


def turned_round(task: str, words: list[str]) -> bool:
    """Whether these are the words of a question of the task in another order: "Is it done?" "It is done"."""
    lines = re.split(r"[\n.!]", unaccented(ends(read_task(task), MAX_CHARS_FOR_WORDS)))
    asked = [words_of(line) for line in lines if line.rstrip().endswith("?")]
    return any(line != words and line[1:] and sorted(line) == sorted(words) for line in asked)


@remembered
def has_options(task: str) -> bool:
    """Whether the task offers several answers, which then are no words for the task itself."""
    read = read_task(task)
    return " or " in read or bool(re.search(r"^\W*[a-h1-9][.):\]]\s*\S", read, re.MULTILINE))


@remembered
def words_in(task: str) -> frozenset[str]:
    """The words of the task that are no numbers."""
    return frozenset(word for word in words_of(read_task(task)) if not any(char.isdigit() for char in word))


@remembered
def first_words(task: str) -> tuple[str, ...]:
    """The words that the task begins with, without accents."""
    return tuple(words_of(unaccented(plain(task[:MAX_FIRST_CHARS]))))


@remembered
def every_word(task: str) -> frozenset[str]:
    """Every word and number of the task, without accents."""
    return frozenset((*map(unaccented, words_of(read_task(task))), *first_words(task)))


def _is_for_a_work(read: str) -> bool:
    """Whether a plain task asks for a work in words of its own; what it quotes asks for nothing."""
    return bool(_WORK_ASKED.search(asked_words.without_quotes(read)))
