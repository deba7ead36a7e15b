"""Texts that tell the judge what to do: what to ignore, what to give, what to write."""

from judge_agent.guards.patterns.pattern import JUDGE, pattern

IGNORE_INSTRUCTIONS = pattern(
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
)
SPEAKS_TO_THE_JUDGE = pattern(
    "speaks_to_the_judge",
    rf"\b(?:dear|attention|note to|message to|hey|to the) (?:the )?(?:\w+ )?{JUDGE}\b"
    r"|\b(?:note|reminder|notice|hint|instructions?|warning|comment|request|memo|p\.?s\.?|fyi"
    r"|important)\b[^.\n]{0,16}"
    rf"\b(?:for|to) (?:(?:all|any|the) )?(?:\w+ ){{0,2}}{JUDGE}\b"
    r"|\b(?:copied|used|read|followed|applied|repeated|adopted|accepted) by (?:(?:any|the|all) )?(?:\w+ )?"
    rf"{JUDGE}\b"
    rf"|(?<!the )(?<!a )(?<!an )\b{JUDGE} ?[,:] ?(?:please |kindly |you (?:must "
    rf"|should )?)?(?:treat|give|mark|choose"
    r"|assign|award|set|label|accept|pass|ignore|score|rate|apply|output|answer|return|grade|select"
    r"|do not|don't)\b",
    ("judge", "grader", "evaluator", "scorer", "reviewer", "rater", "verifier", "reward model"),
    (
        *("dear", "attention", "note", "message", "hey", "to ", "for ", "by ", ",", ":"),
        *("reminder", "important"),
    ),
)
ASKS_FOR_A_SCORE = pattern(
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
)
DICTATES_THE_VERDICT = pattern(
    "dictates_the_verdict",
    rf"\b{JUDGE} (?:would|will|must|should|has to|needs to) (?:\w+ ){{0,2}}(?:pass|accept"
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
)
SPEAKS_OF_THE_JUDGING = pattern(
    "speaks_of_the_judging",
    r"\b(?:as|you are|you're|acting as) (?:an?|the) (?:\w+ ){0,3}?"
    + JUDGE
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
)
