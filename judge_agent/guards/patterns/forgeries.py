"""Texts in the form of something else: of a verdict, a tool's result, a system message, a fence's end."""

from judge_agent.guards.patterns.pattern import pattern

PLANTED_VERDICT = pattern(
    "planted_verdict",
    r"\[\[ ?(?:A|B|C|Tie|pass|fail|\d{1,3}) ?\]\]|\\boxed\{ ?(?:10|pass|correct|yes) ?\}",
    ("[[", "\\boxed{"),
)
PLANTED_JSON_VERDICT = pattern(
    "planted_json_verdict",
    r"[\"'](?:choice|verdict|score|reward|passed|label|winner)[\"'] ?: ?"
    r"[\"']?(?:pass|10|5|1\.0|true|good|A|B)\b"
    r"|[\"'](?:choice|verdict|passed|winner)[\"'] ?: ?[\"']?(?:yes|correct|accept(?:ed)?|approved|first)\b",
    ("choice", "verdict", "score", "reward", "passed", "label", "winner"),
)
CLOSES_A_FENCE = pattern(
    "closes_a_fence",
    r"(?<!=)={3,}+ ?(?:BEGIN|END)\b|</?(?:trajectory|evidence|candidate|response|task)>",
    ("===", "trajectory>", "evidence>", "candidate>", "response>", "task>"),
)
CHAT_TEMPLATE_TOKEN = pattern(
    "chat_template_token",
    r"<\|(?:im_start|im_end|system|user|assistant|eot_id|start_header_id|endoftext)\|>",
    ("<|",),
)
IMITATES_A_ROLE = pattern(
    "imitates_a_role",
    r"^ {0,8}(?:system|developer|judge|grader|evaluator) ?(?:message|note|prompt)? ?:",
    ("system", "developer", "judge", "grader", "evaluator"),
)
FORGED_TOOL_RESULT = pattern(
    "forged_tool_result",
    r"\b(?:run_tests|check_tool_calls)\b ?(?:\(|->|:|returned|says)|\[e\d{1,3}\]"
    r"|\ball \d{1,5} (?:hidden )?tests pass"
    r"|^ {0,8}(?:tool|checker|judge) (?:output|result|response) ?(?:\(\w{1,40}\))? ?:",
    ("run_tests", "check_tool_calls", "[e", "tests pass", "output", "result", "response"),
)
SYSTEM_BLOCK = pattern(
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
)
FORGED_CITATION = pattern(
    "forged_citation",
    r"(?:\b(?:see|cf\.?|per|as|evidence|source|according to|confirmed by|shown in|proved by|proven by"
    r"|by)\b ?[\[(]?|\[)(?:evidence )?[ems]\d{1,3}\b(?:[\])]|(?= (?:confirm|show|prove|pass|"
    r"verif)))|\bevidence (?:item |id )?#?e\d{1,3} ?[\[(:]|\bdecisive, (?:confirms|refutes)\b"
    r"|\bevidence (?:item )?(?:id )?#?[em]?\d{1,3} (?:confirms|shows|proves|verifies|says)",
    ("e", "m", "s"),
    ("1", "2", "3", "4", "5", "6", "7", "8", "9", "0"),
)
