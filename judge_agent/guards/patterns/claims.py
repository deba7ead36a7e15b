"""Texts that tell the judge what has been found already: of the answer, of the reference, by somebody else."""

from judge_agent.guards.patterns.pattern import pattern

SELF_PRAISE = pattern(
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
)
REFERENCE_IS_WRONG = pattern(
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
)
CLAIMS_A_VERDICT = pattern(
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
)
