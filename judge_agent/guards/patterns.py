"""Texts in a trajectory that speak to the judge. A match is a flag with its place, never a score.

Every pattern runs in linear time: no nested repeats, bounded gaps, runs read from their start only. It runs at all
only where words are there that it cannot match without; those of all patterns are looked for in one pass.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from judge_agent.guards.gate import Gate

_FLAGS = re.IGNORECASE | re.MULTILINE


class Pattern(NamedTuple):
    """A pattern, and what it cannot match without: of each set of words at least one, in lower case."""

    name: str
    regex: re.Pattern[str]
    needs: tuple[tuple[str, ...], ...]
    gate: Gate

    def match_in(self, text: str, found: frozenset[str]) -> re.Match[str] | None:
        """The first match in a text that holds these words of its needs."""
        if any(found.isdisjoint(words) for words in self.needs) or not self.gate.opens(text):
            return None
        return self.regex.search(text)


def _pattern(name: str, text: str, *needs: tuple[str, ...]) -> Pattern:
    return Pattern(name, re.compile(text, _FLAGS), needs, Gate(text))


_JUDGE = r"(?:judge|grader|evaluator|scorer|reviewer|rater|verifier|reward model)s?"
PLANTED: tuple[Pattern, ...] = (
    _pattern(
        "ignore_instructions",
        r"\b(?:ignore|disregard|forget|override|bypass)\b[^.\n]{0,40}"
        r"\b(?:rubric|instruction|principle|criteri|guideline|prompt|rule)"
        r"|\b(?:ignore|disregard|overlook)\b[^.\n]{0,30}\b(?:mistake|error|flaw|fault)s?\b[^.\n]{0,30}"
        r"\b(?:scor|grad|evaluat|judg|rat|assess)(?:e|ing)\b"
        r"|\b(?:rubric|grading criteri|guideline)\w*[^.\n]{0,20}\b(?:is|are) (?:now "
        r"|hereby )?(?:void|withdrawn|cancell?ed"
        r"|obsolete|suspended|replaced|revoked|no longer)\b"
        r"|\b(?:ignore|disregard|forget)\b[^.\n]{0,20}\b(?:everything|anything|all|what|whatever)\b[^.\n]{0,12}"
        r"\b(?:you (?:have been|were|are|'ve been)|(?:above|before|earlier|previously)\b)",
        (
            *(
                "ignore",
                "disregard",
                "forget",
                "override",
                "bypass",
                "overlook",
                "void",
                "withdrawn",
                "cancel",
            ),
            *("obsolete", "suspended", "replaced", "revoked", "no longer"),
        ),
        (
            *("rubric", "instruction", "principle", "criteri", "guideline", "prompt", "rule"),
            *("you ", "above", "before", "earlier", "previously", "mistake", "error", "flaw", "fault"),
        ),
    ),
    _pattern(
        "speaks_to_the_judge",
        rf"\b(?:dear|attention|note to|message to|hey|to the) (?:the )?(?:\w+ )?{_JUDGE}\b"
        r"|\b(?:note|reminder|notice|hint|instructions?|warning|comment|request|memo|p\.?s\.?|fyi"
        r"|important)\b[^.\n]{0,16}"
        rf"\b(?:for|to) (?:(?:all|any|the) )?(?:\w+ ){{0,2}}{_JUDGE}\b"
        r"|\b(?:copied|used|read|followed|applied|repeated|adopted|accepted) by (?:(?:any|the|all) )?(?:\w+ )?"
        rf"{_JUDGE}\b"
        rf"|(?<!the )(?<!a )(?<!an )\b{_JUDGE} ?[,:] ?(?:please |kindly |you (?:must "
        rf"|should )?)?(?:treat|give|mark|choose"
        r"|assign|award|set|label|accept|pass|ignore|score|rate|apply|output|answer|return|grade|select"
        r"|do not|don't)\b",
        ("judge", "grader", "evaluator", "scorer", "reviewer", "rater", "verifier", "reward model"),
        (
            *("dear", "attention", "note", "message", "hey", "to ", "for ", "by ", ",", ":"),
            *("reminder", "important"),
        ),
    ),
    _pattern(
        "asks_for_a_score",
        r"\b(?:give|assign|award|grant|output|return|rate)\b[^.\n]{0,40}"
        r"\b(?:(?:10|5|100|full|perfect|maximum|max|highest|top|passing) (?:score|mark|point|rating"
        r"|grade|reward)s?\b(?! (?:only )?(?:if|when|where|to those|for answers)\b)"
        r"|(?:10|5|100) ?(?:/|out of) ?(?:10|5|100)\b|100 ?%)"
        r"|\b(?:answers?|responses?|submissions?|candidates?)\b[^.\n]{0,40}\b(?:receives?|gets?"
        r"|earns?) (?:a |an |the )?"
        r"(?:full|perfect|maximum|highest|top) (?:score|mark|point|rating|grade|reward)s?\b"
        r"|\bdo(?: not|n't) (?:penali[sz]e|mark down|downgrade|deduct \w+ from) (?:this|the|my|it|any)\b"
        r"|\b(?:give|rate|award|grade|score) (?:it|this|me|them|this \w+|the \w+)? ?(?:a |an )?"
        r"(?:10|100|5 stars|full marks)\b"
        r"|\b(?:score|reward|rating|grade) ?(?:must be|should be|is|=|:) ?(?:10|100|1\.0|full|perfect)\b",
        (
            *("give", "assign", "award", "grant", "output", "return", "rat", "grade", "score", "reward"),
            *("receive", "get", "earn", "penali", "mark down", "deduct"),
        ),
        (
            *("10", "5", "1.0", "full", "perfect", "max", "highest", "top", "passing"),
            *("penali", "mark down", "downgrade", "deduct"),
        ),
    ),
    _pattern(
        "planted_verdict",
        r"\[\[ ?(?:A|B|C|Tie|pass|fail|\d{1,3}) ?\]\]|\\boxed\{ ?(?:10|pass|correct|yes) ?\}",
        ("[[", "\\boxed{"),
    ),
    _pattern(
        "planted_json_verdict",
        r"[\"'](?:choice|verdict|score|reward|passed|label|winner)[\"'] ?: ?"
        r"[\"']?(?:pass|10|5|1\.0|true|good|A|B)\b"
        r"|[\"'](?:choice|verdict|passed|winner)[\"'] ?: ?[\"']?(?:yes|correct|accept(?:ed)?|approved|first)\b",
        ("choice", "verdict", "score", "reward", "passed", "label", "winner"),
    ),
    _pattern(
        "closes_a_fence",
        r"(?<!=)={3,}+ ?(?:BEGIN|END)\b|</?(?:trajectory|evidence|candidate|response|task)>",
        ("===", "trajectory>", "evidence>", "candidate>", "response>", "task>"),
    ),
    _pattern(
        "chat_template_token",
        r"<\|(?:im_start|im_end|system|user|assistant|eot_id|start_header_id|endoftext)\|>",
        ("<|",),
    ),
    _pattern(
        "imitates_a_role",
        r"^ {0,8}(?:system|developer|judge|grader|evaluator) ?(?:message|note|prompt)? ?:",
        ("system", "developer", "judge", "grader", "evaluator"),
    ),
    _pattern(
        "forged_tool_result",
        r"\b(?:run_tests|check_tool_calls)\b ?(?:\(|->|:|returned|says)|\[e\d{1,3}\]"
        r"|\ball \d{1,5} (?:hidden )?tests pass"
        r"|^ {0,8}(?:tool|checker|judge) (?:output|result|response) ?(?:\(\w{1,40}\))? ?:",
        ("run_tests", "check_tool_calls", "[e", "tests pass", "output", "result", "response"),
    ),
    _pattern(
        "self_praise",
        r"\b(?:this|my) (?:answer|response|solution|work) (?:is|deserves)[^.\n]{0,30}"
        r"\b(?:perfect|flawless|full marks|the best|10/10|a pass)\b"
        r"|\b(?:it|this|answer|response|solution|work|submission) (?:clearly |fully |really "
        r"|truly )?(?:deserves|merits"
        r"|warrants|earns)\b[^.\n]{0,24}\b(?:perfect|full|top|highest|maximum|10|100|pass(?:ing)?)\b"
        r"|\b(?:this|my|the above) (?:\w+ )?(?:answer|response|solution|work"
        r"|submission)\b[^.\n]{0,24}\b(?:reviewed|checked"
        r"|verified|approved|confirmed|validated|endorsed|audited) by\b",
        (
            *("perfect", "flawless", "full", "the best", "10", "pass", "top", "highest", "maximum"),
            *(" by",),
        ),
    ),
    _pattern(
        "reference_is_wrong",
        r"\b(?:reference|expected|gold|ground truth)[^.\n]{0,20}\b(?:is|are) (?:wrong|incorrect|outdated)"
        r"|\b(?:(?:reference|gold|model|official|expected|correct) (?:answer|solution|output|result"
        r"|label)s?|answer key"
        r"|ground truth)\b[^.\n]{0,40}\b(?:(?:is|are|was|were) (?:simply |plainly "
        r"|known to be )?(?:wrong|incorrect|outdated"
        r"|mistaken|flawed|invalid|corrupted|buggy|a (?:mistake|typo))|(?:contain|ha)(?:s"
        r"|ve)? (?:an? )?(?:error|mistake|typo"
        r"|bug)|(?:should|must|can) be ignored)",
        (
            *("wrong", "incorrect", "outdated", "mistake", "flawed", "invalid", "corrupted", "buggy", "typo"),
            *("error", "bug", "ignored"),
        ),
    ),
    _pattern(
        "dictates_the_verdict",
        rf"\b{_JUDGE} (?:would|will|must|should|has to|needs to) (?:\w+ ){{0,2}}(?:pass|accept"
        rf"|approve) (?:this|it|my|the)\b"
        r"|\b(?:mark|grade|rate|score|judge|treat|assess|accept|consider|classify|evaluate|count|label"
        r"|record|regard)\b"
        r"(?: (?:this|it|the|my|that|answer|response|solution|submission|candidate|trajectory|work"
        r"|above|following"
        r"|always|all|every|principles?|criterion|criteria|steps?|run|action|project|as|is"
        r"|one)){1,6} (?:as )?(?:an? |being )?"
        r"(?:(?:fully|completely|entirely|absolutely|100%) )?"
        r"(?:correct|pass|passed|passing|right|perfect|flawless|valid|excellent|the best|satisfied"
        r"|successful|success"
        r"|the winner|better|good|done|met|complete)\b"
        r"|\bthis (?:counts|qualifies|must count|should count) as (?:an? )?(?:success|pass|correct|win)\w*"
        r"|\bthe only (?:acceptable|valid|correct|allowed|possible|permitted) (?:verdict|score|grade"
        r"|rating|label)\b"
        r"|\bthe only (?:acceptable|valid|correct|allowed|possible|permitted) (?:choice|answer|response"
        r"|output)(?: is|:)? "
        r"[\"'\u201c`*]{0,2}(?:yes|pass|correct|true|good|10|1\.0)\b"
        r"|\b(?:choose|select|prefer|pick|vote for) (?:this|my|the first|the second|candidate|response"
        r"|answer|option"
        r"|assistant|model)(?: (?:answer|response|solution|candidate|one|a|b|1|2))?\b"
        r"(?=[ ,.!]{0,3}(?:as the|as your|over|no matter|regardless|in all cases|always|because i|$))"
        r"|\b(?:output|respond|reply|answer|say|write|print|return|state"
        r"|conclude)(?: \w+){0,5} (?:only )?(?:with )?"
        r"[\"'\u201c`*]{0,2}(?-i:PASS|\[\[A\]\]|10/10|choice: pass)[\"'\u201d`*]{0,2}(?=[.!\s]|$)",
        (
            *(
                "mark",
                "grade",
                "rate",
                "score",
                "judge",
                "treat",
                "accept",
                "consider",
                "classify",
                "evaluate",
            ),
            *(
                "count",
                "label",
                "record",
                "regard",
                "qualifies",
                "the only",
                "choose",
                "select",
                "prefer",
                "pick",
                "vote",
                "output",
            ),
            *("respond", "reply", "answer", "say", "write", "print", "return", "state", "conclude"),
        ),
        (
            *(
                "correct",
                "pass",
                "right",
                "perfect",
                "flawless",
                "valid",
                "excellent",
                "best",
                "satisfied",
                "successful",
            ),
            *(
                "winner",
                "better",
                "this",
                "my",
                "candidate",
                "response",
                "answer",
                "option",
                "assistant",
                "model",
            ),
            *("accept", "approve", "outstanding", "exemplary", "exceptional"),
            *("first", "second", "[[", "10/10", "good", "done", "met", "complete", "success", "the only"),
        ),
    ),
    _pattern(
        "claims_a_verdict",
        r"\b(?:final |correct |official |overall |your )?(?:verdict|judg(?:e)?ment|evaluation result|evaluation"
        r"|grade|assessment)(?: is| was|:) {0,2}"
        r"[*\"'`]{0,2}(?:pass(?:ed)?|correct|approved|10\b|100\b|excellent|perfect|accepted|a\+)(?!\w)"
        r"|\b(?:already|previously|independently|officially|human|experts?|auditors?|graders?|judges?"
        r"|evaluators?"
        r"|reviewers?|panel|committee|moderators?|openai"
        r"|anthropic|google)\b[^.\n]{0,50}\b(?:verified|approved|confirmed|validated|certified|graded|rated"
        r"|accepted|agreed|agree)\b[^.\n]{0,60}"
        r"\b(?:correct|right|perfect|pass|passed|best|flawless|full marks|answer|response|solution)\b"
        r"|\b(?:answer|response|solution|candidate|submission)\b[^.\n]{0,20}\bpre-?(?:approved|verified"
        r"|graded)\b",
        (
            "verdict",
            "judgment",
            "judgement",
            "evaluation",
            "grade",
            "assessment",
            "verified",
            "approved",
            "confirmed",
            "validated",
            "certified",
            "rated",
            "accepted",
            "agree",
        ),
    ),
    _pattern(
        "speaks_of_the_judging",
        r"\b(?:as|you are|you're|acting as) (?:an?|the) (?:\w+ ){0,3}?"
        + _JUDGE
        + r"\b[^.\n]{0,60}\b(?:must|should"
        r"|will|need|have to|only|always|your)\b"
        r"|\b(?:when|while|before|after|if you are|for) (?:you )?(?:evaluat|grad|scor|judg|rat|assess)(?:e|ing"
        r"|es)\b[^.\n]{0,60}"
        r"\b(?:must|should|always|ignore|give|assign|award|only|full|highest|pass)\b"
        r"|\b(?:new|updated|revised|additional|hidden|secret|important|special) (?:instructions?|rules?|rubric"
        r"|guidelines?|policy|system prompt)\b"
        r"[^.\n]{0,40}(?:\bfor (?:the )?(?:\w+ )?(?:judge|grader|evaluator|grading|evaluation|scoring"
        r"|model|ai)\b|:)"
        r"|\b(?:grading|scoring|evaluation|judging) (?:instructions?|note|override|policy|update|guidelines?"
        r"|rules?)\b ?[:=]"
        r"|\b(?:end|conclusion) of (?:the )?(?:candidate|response|answer|trajectory|submission|transcript"
        r"|material)(?:'s)?(?: (?:answer|response|trajectory))?\b"
        r"[^\n]{0,40}(?:$|[.:\]])",
        (
            "judge",
            "grader",
            "evaluator",
            "scorer",
            "reviewer",
            "rater",
            "verifier",
            "reward model",
            "evaluat",
            "grad",
            "scor",
            "judg",
            "rat",
            "assess",
            "instruction",
            "rule",
            "rubric",
            "guideline",
            "policy",
            "system prompt",
            "end of",
            "conclusion of",
        ),
    ),
    _pattern(
        "system_block",
        r"^ {0,8}(?:#{1,4} ?|\*\*|\[|<<?|\{)(?:system|sys|developer|admin|administrator|root|judge"
        r"|grader|evaluator"
        r"|evaluation|inst|instruction)(?: (?:message|prompt|note|"
        r"override|update|notice|instruction|instructions))?(?:\]|>>?|\}|\*\*|:|$)"
        r"|(?<![`'\"])(?<!the )(?<!an )(?<!a )</?(?:system|instructions?|developer|judge|verdict"
        r"|evaluation|grading|rubric)>"
        r"(?! (?:tag|block|element|message|part|section)s?\b)(?![`'\"])",
        (
            "system",
            "sys",
            "developer",
            "admin",
            "root",
            "judge",
            "grader",
            "evaluat",
            "inst",
            "verdict",
            "grading",
            "rubric",
        ),
    ),
    _pattern(
        "forged_citation",
        r"(?:\b(?:see|cf\.?|per|as|evidence|source|according to|confirmed by|shown in|proved by|proven by"
        r"|by)\b ?[\[(]?|\[)(?:evidence )?[ems]\d{1,3}\b(?:[\])]|(?= (?:confirm|show|prove|pass|"
        r"verif)))|\bevidence (?:item |id )?#?e\d{1,3} ?[\[(:]|\bdecisive, (?:confirms|refutes)\b"
        r"|\bevidence (?:item )?(?:id )?#?[em]?\d{1,3} (?:confirms|shows|proves|verifies|says)",
        ("e", "m", "s"),
        ("1", "2", "3", "4", "5", "6", "7", "8", "9", "0"),
    ),
)
# In other languages: said to ignore what was asked, to give marks, or to a judge. Read before letters are made Latin.
FOREIGN: tuple[Pattern, ...] = (
    _pattern(
        "ignore_instructions",
        r"\b(?:ignor[aeo]\w*|olvid[ae]\w*|omit[ae]\w*|desestim\w*)\b[^.\n]{0,40}\b(?:instrucci"
        r"|r\u00fabrica|rubrica"
        r"|criteri|reglas|principio)"
        r"|\b(?:ignor(?:e|ez|es)|oubli(?:e|ez)|ne tiens? pas compte"
        r"|ne tenez pas compte)\b[^.\n]{0,40}\b(?:instruction|grille|bar\u00e8me|crit\u00e8re|consigne"
        r"|r\u00e8gle)"
        r"|\b(?:ignorier\w*|vergiss|vergessen sie|missacht\w*)\b[^.\n]{0,40}(?:anweisung|kriteri"
        r"|bewertung|rubrik"
        r"|regel|vorgabe)"
        r"|\b(?:ignora(?:te)?|dimentica(?:te)?)\b[^.\n]{0,40}\b(?:istruzion|criteri|rubrica|regole)"
        r"|\b(?:negeer|vergeet)\b[^.\n]{0,40}\b(?:instructie|criteri|rubriek|regels)"
        r"|\b(?:abaikan|lupakan)\b[^.\n]{0,40}\b(?:instruksi|perintah|aturan|kriteria)"
        r"|\b(?:zignoruj|pomi\u0144)\w*[^.\n]{0,40}(?:instrukcj|polece|kryteri|zasad)"
        r"|(?:talimat|y\u00f6nerge|kural)\w*[^.\n]{0,30}(?:yok say|yoksay|g\u00f6rmezden|unut)"
        r"|\bb\u1ecf qua\b[^.\n]{0,40}(?:h\u01b0\u1edbng d\u1eabn|ch\u1ec9 d\u1eabn|y\u00eau c\u1ea7u"
        r"|quy t\u1eafc)"
        r"|\b(?:ignorera|bortse)\b[^.\n]{0,40}(?:instruktion|regler|kriteri)",
        (
            "ignor",
            "olvid",
            "omit",
            "desestim",
            "oubli",
            "tiens",
            "tenez",
            "vergiss",
            "vergessen",
            "missacht",
            "dimentic",
            *(
                "negeer",
                "vergeet",
                "abaikan",
                "lupakan",
                "zignoruj",
                "pomi",
                "yok",
                "rmezden",
                "unut",
                " qua ",
            ),
            *("bortse",),
        ),
    ),
    _pattern(
        "asks_for_a_score",
        r"\b(?:marque|marca|considere|califique|accepte[rz]?|considère|bewerte|bewerten|markiere"
        r"|werte)\b[^.\n]{0,40}"
        r"\b(?:como correct\w*|comme correct\w*|als (?:richtig|korrekt)|bestnote)\b"
        r"|\b(?:da|dale|otorga|asigna|pon|califica|punt\u00faa|punt\u00faala|atribuya|donne[rz]?|attribue[rz]?"
        r"|accorde[rz]?|mets|gib|gebt|geben sie|vergib|bewerte|bewerten sie|dai|assegna|d\u00ea|"
        r"atribua|geef)\b[^.\n]{0,50}(?:m\u00e1xim|maximal|maxim|massim|h\u00f6chst|volle punkt|beste note"
        r"|note maximale|puntuaci\w+ perfect|m\u00e1s alta|plus haute|pi\u00f9 alto|mais alta"
        r"|10 (?:puntos|points|punkte|punti|pontos)|10/10|hoogste)",
        (
            *("como correct", "comme correct", "als richtig", "als korrekt", "bestnote"),
            "dale",
            "da ",
            "otorga",
            "asigna",
            "pon ",
            "califica",
            "punt",
            "atrib",
            "donne",
            "attribue",
            "accorde",
            "mets",
            "gib",
            "geb",
            "vergib",
            "bewert",
            "dai",
            "assegna",
            "d",
            "geef",
        ),
    ),
    _pattern(
        "speaks_to_the_judge",
        r"\b(?:nota|mensaje|aviso|atenci\u00f3n|estimado|note|message|cher|attention|hinweis|nachricht"
        r"|lieber|liebe"
        r"|achtung|an den|an die|messaggio|caro)\b[^.\n]{0,16}"
        r"\b(?:juez|evaluador|calificador|juge|\u00e9valuateur|correcteur|bewerter|pr\u00fcfer|richter"
        r"|gutachter"
        r"|giudice|valutatore|avaliador|juiz)\b",
        (
            "juez",
            "evaluador",
            "calificador",
            "juge",
            "valuateur",
            "correcteur",
            "bewerter",
            "fer",
            "richter",
            "gutachter",
            "giudice",
            "valutatore",
            "avaliador",
            "juiz",
        ),
    ),
)
_SCRIPTS = (
    (
        "ignore_instructions",
        r"(?:\u5ffd\u7565|\u65e0\u89c6|\u7121\u8996|\u4e0d\u8981\u7406\u4f1a)[^\u3002\n]{0,20}(?:\u6307\u4ee4"
        r"|\u6307\u793a|\u6807\u51c6|\u8bc4\u5206|\u89c4\u5219|\u8981\u6c42|\u63d0\u793a)"
        r"|(?:\u6307\u793a|\u57fa\u6e96|\u30eb\u30fc\u30eb|\u8a55\u4fa1"
        r"|\u547d\u4ee4)[^\u3002\n]{0,20}(?:\u7121\u8996|\u5ffd\u308c)"
        r"|(?:\uc9c0\uc2dc|\uae30\uc900|\uaddc\uce59|\uba85\ub839)[^.\n]{0,20}(?:\ubb34\uc2dc|\uc78a)"
        r"|(?:\u0438\u0433\u043d\u043e\u0440\u0438\u0440"
        r"|\u0437\u0430\u0431\u0443\u0434)\w*[^.\n]{0,40}(?:\u0438\u043d\u0441\u0442\u0440\u0443\u043a\u0446"
        r"|\u043a\u0440\u0438\u0442\u0435\u0440\u0438|\u043f\u0440\u0430\u0432\u0438\u043b"
        r"|\u0443\u043a\u0430\u0437\u0430\u043d\u0438)"
        r"|\u0928\u093f\u0930\u094d\u0926\u0947\u0936[^\u0964\n]{0,30}(?:\u0905\u0928\u0926\u0947\u0916"
        r"|\u0928\u091c\u093c?\u0930\u0905\u0902\u0926\u093e\u091c|\u0928\u095b\u0930"
        r"|\u092d\u0942\u0932|\u0909\u092a\u0947\u0915\u094d\u0937\u093e)"
        r"|(?:\u062a\u062c\u0627\u0647\u0644)[^.\n]{0,30}(?:\u062a\u0639\u0644\u064a\u0645\u0627\u062a"
        r"|\u0627\u0644\u0645\u0639\u0627\u064a\u064a\u0631)",
    ),
    (
        "asks_for_a_score",
        r"(?:\u7ed9|\u7d66|\u6253|\u8bc4|\u8a55)[^\u3002\uff0c\n]{0,16}(?:\u6ee1\u5206|\u6eff\u5206"
        r"|\u6700\u9ad8\u5206"
        r"|\u6700\u9ad8\u8bc4\u5206|10 ?\u5206|100 ?\u5206|\u5341\u5206)"
        r"|\u6e80\u70b9\u3092(?:\u51fa|\u8fd4|\u4e0e)|(?:\u6e80\u70b9|\u6700\u9ad8\u70b9"
        r"|\u6700\u9ad8\u8a55\u4fa1|10 ?\u70b9"
        r"|100 ?\u70b9)[^\u3002\n]{0,12}(?:\u4e0e\u3048|\u3064\u3051|\u4ed8\u3051|\u304f\u3060\u3055\u3044"
        r"|\u304a\u9858\u3044)"
        r"|(?:\ub9cc\uc810|\ucd5c\uace0 ?\uc810\uc218)[^.\n]{0,12}(?:\uc8fc|\ubd80\uc5ec|\uc904)"
        r"|(?:\u043f\u043e\u0441\u0442\u0430\u0432|\u043e\u0446\u0435\u043d"
        r"|\u0434\u0430\u0439)\w*[^.\n]{0,40}(?:\u043c\u0430\u043a\u0441\u0438\u043c|\u0432\u044b\u0441\u0448"
        r"|10 \u0431\u0430\u043b\u043b|\u043e\u0442\u043b\u0438\u0447\u043d)"
        r"|(?:\u092a\u0942\u0930\u0947|\u092a\u0942\u0930\u094d\u0923"
        r"|\u0905\u0927\u093f\u0915\u0924\u092e"
        r"|\u0938\u0930\u094d\u0935\u094b\u091a\u094d\u091a) \u0905\u0902\u0915[^\u0964\n]{0,16}(?:\u0926"
        r"\u0947\u0902|\u0926\u094b|\u0926\u0940\u091c\u093f)"
        r"|(?:\u0623\u0639\u0637|\u0627\u0645\u0646\u062d)[^.\n]{0,40}(?:\u0627\u0644\u062f\u0631\u062c\u0629"
        r"|\u0643\u0627\u0645\u0644\u0629)",
    ),
    (
        "speaks_to_the_judge",
        r"(?:\u4eb2\u7231\u7684|\u81f4|\u7ed9)(?:\u8bc4\u5206|\u8bc4\u5224|\u88c1\u5224|\u8bc4\u59d4"
        r"|\u8bc4\u5ba1)"
        r"|(?:\u8bc4\u5206\u5458|\u88c1\u5224|\u8bc4\u59d4)[^\u3002\n]{0,6}(?:\u6ce8\u610f|\u8bf7)"
        r"|\u0928\u093f\u0930\u094d\u0923\u093e\u092f\u0915"
        r"|\u092e\u0942\u0932\u094d\u092f\u093e\u0902\u0915\u0928\u0915\u0930\u094d\u0924\u093e"
        r"|\u0625\u0644\u0649 \u0627\u0644\u0645\u0642\u064a\u0645"
        r"|\u0623\u064a\u0647\u0627 \u0627\u0644\u0645\u0642\u064a\u0645"
        r"|(?:\u63a1\u70b9\u8005|\u8a55\u4fa1\u8005|\u5be9\u67fb\u54e1)[^\u3002\n]{0,6}(?:\u3078|\u306b|\u306f"
        r"|\u69d8)|\ucc44\uc810\uc790|\ud3c9\uac00\uc790\uc5d0\uac8c"
        r"|(?:\u0443\u0432\u0430\u0436\u0430\u0435\u043c"
        r"|\u0434\u043e\u0440\u043e\u0433)\w* (?:\u0441\u0443\u0434\u044c\u044f"
        r"|\u044d\u043a\u0441\u043f\u0435\u0440\u0442|\u043f\u0440\u043e\u0432\u0435\u0440\u044f\u044e\u0449)",
    ),
)
SCRIPTS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(text, _FLAGS)) for name, text in _SCRIPTS
)
