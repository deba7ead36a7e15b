"""Reads from a tool's result alone whether the call did well: `well`, `badly`, or `unclear`.

To confirm takes a word for it: an object or a list of records, true, or a text that says in English that something was
done. What denies, asks, waits, is empty or in words that are not known here says nothing for sure. Coarse on purpose,
towards doubt: who declares `failed` decides by that instead.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from judge_agent.result_marks import bare, is_error_code, is_no

Outcome = Literal["well", "badly", "unclear"]
MAX_TEXT_CHARS = 20_000
_BAD = re.compile(
    r"\b(?:\w*errors?|err(?:ed)?|exceptions?|traceback|fail\w*|fatal|fault\w*|cannot|unable|not|no|nor|neither|none|"
    r"never|nothing|nope|without|den(?:y|ie[sd]|ial)|refus\w+|reject\w*|forbid\w*|forbidden|un(?:authori[sz]ed|known|"
    r"supported|available|changed|reachable|processable|successful\w*|finished|done|expected|paid|resolved|confirmed|"
    r"recogni[sz]ed|defined|verified|processed|touched|modified|sent|saved)|disallow\w*|prohibit\w*|violat\w+|"
    r"permissions?|in(?:valid\w*|correct\w*|sufficient|complete|eligible|active)|illegal|impossible|missing|"
    r"required?s?|requires|require|ineligible|time(?:d[ -]?)?outs?|timed|abort\w*|declin\w+|block\w+|expire[ds]?|"
    r"conflict\w*|duplicate\w*|already|exceed\w*|too|limit\w*|bad|gateway|interrupt\w*|crash\w*|lost|wrong|problems?|"
    r"issues?|sorry|unfortunately|must|should|would|could|might|may|please|try|retry|retrying|again|later|pending|"
    r"queued?|progress|processing|awaiting|waiting|wait|requested|submitted|received|scheduled|attempt\w*|trying|"
    r"skip\w*|ignor\w+|drafts?|dry|simulat\w+|preview\w*|disabled|locked|stopped|suspended|halted|revoked|reverted|"
    r"rolled|rollback|undone|partial\w*|if|unless|until|but|however|except|only|nan|undefined|null|denegado|fehler\w*|"
    r"fehlgeschlagen|erreur|echec|fallo|errore|nicht|kein\w*|oom|killed|panic|segfault|overload\w*|throttl\w+|"
    r"maintenance|will)\b|n't\b|\?|[\u274c\u2717\u2718\u26a0\u26d4\U0001f6ab\U0001f6d1]",
    re.I,
)
_CODE_FIRST = re.compile(
    r"\W*[45]\d\d\b(?=\W*\Z|\W+[A-Za-z])|.*\b(?:http|status|code)\b\W{0,5}[45]\d\d\b", re.I | re.S
)
_WELL = re.compile(
    r"\b(?:ok|okay|done|success\w*|succeed\w*|complete|paid|sent|set|sold|bought|put|written|made|kept|yes|true|fine|"
    r"(?!need|seed|feed|speed|indeed|proceed|exceed|bleed|breed|weed|deed|reed|red\b|bed\b|shed\b)\w{2,}ed|2\d\d)\b|"
    r"[\u2713\u2714\u2705\U0001f44d]",
    re.I,
)
# "no errors", "0 failures" deny the denial.
_NO_FAULT = re.compile(
    r"\b(?:(?:no|without|0|zero)(?: any)? (?:errors?|problems?|issues?|failures?|warnings?)|not only|"
    r"errors? ?[:=] ?(?:0|none|null|false))\b",
    re.I,
)
_WORDS = re.compile(r"_+|(?<=[a-z])(?=[A-Z])")
_RAISED = re.compile(
    r"error|exception|fault|traceback|stacktrace|failure|failed|denied|rejected|err\Z|reject"
)
_GRANTED = frozenset(
    (
        "ok",
        "success",
        "succeeded",
        "successful",
        "issuccess",
        "issuccessful",
        "isok",
        "done",
        "accepted",
        "valid",
    )
)
_EXITS = frozenset(("exitcode", "returncode", "exitstatus", "errno", "retcode", "rc"))
_CODES = frozenset(
    ("statuscode", "httpstatus", "httpcode", "httpstatuscode", "code", "status", "responsecode", "resultcode")
)
_STATES = frozenset(("status", "state", "outcome", "statustext", "resultstatus", "kind", "type"))
_TELLING = re.compile(
    r"message|msg|details?|reason|text|content|output|result|response|info|title|value|body|data|observation|summary|"
    r"description|note|notice|warning|hint|code|statuscode|answer|reply|feedback"
)
_WORST_FIRST: tuple[Outcome, ...] = ("badly", "well", "unclear")


def outcome_of(result: Any) -> Outcome:
    """How a call went, by its result as JSON (a text that is none is itself)."""
    if isinstance(result, str):
        return _of_text(result)
    if isinstance(result, bool):
        return "well" if result else "badly"
    if isinstance(result, Mapping):
        return _worst([_of_field(bare(name), value) for name, value in result.items()])
    if isinstance(result, (list, tuple)):
        return _worst([outcome_of(item) for item in result])
    return "unclear"


def _worst(found: list[Outcome]) -> Outcome:
    """Bad if any is; else well if any is."""
    return next((one for one in _WORST_FIRST if one in found), "unclear")


def _of_text(text: str) -> Outcome:
    text = _WORDS.sub(" ", text[:MAX_TEXT_CHARS].replace("\u2019", "'"))
    text = _NO_FAULT.sub(" ", text)
    if _BAD.search(text) or _CODE_FIRST.match(text):
        return "badly"
    return "well" if _WELL.search(text) else "unclear"


def _of_field(name: str, value: Any) -> Outcome:
    if _RAISED.search(name):
        return "well" if is_no(value) else "badly"
    if name in _GRANTED and not isinstance(value, (dict, list)):
        return "badly" if is_no(value) or (isinstance(value, str) and _of_text(value) == "badly") else "well"
    if name in _EXITS:
        return "well" if is_no(value) else "badly"
    if name in _CODES and is_error_code(value):
        return "badly"
    if isinstance(value, (dict, list)):
        return outcome_of(value)
    if name in _STATES or _TELLING.fullmatch(name):
        return _of_telling(name, value)
    return "unclear" if value is None or value == "" else "well"


def _of_telling(name: str, value: Any) -> Outcome:
    if isinstance(value, str):
        said = _of_text(value)
        # A state of a record needs no word of success: open, sent, cancelled.
        return "well" if said == "unclear" and name in _STATES and value.strip() else said
    return outcome_of(value) if isinstance(value, bool) or value is None else "well"
