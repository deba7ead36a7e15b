"""Reads whether a tool result is marked as an error beside its text, in the forms of the common providers.

Known are `is_error` and `isError` (Anthropic, MCP), `status: "error"` (LangChain, Bedrock), parts whose output is
`error-text`, `error-json` or `execution-denied` (AI SDK), an `error` beside the text, and a denied `success`. What
only the text of a result says is not read here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_NO = frozenset(("", "0", "false", "no", "none", "null", "ok"))
_RAISED = frozenset(
    ("iserror", "haserror", "error", "errors", "errortext", "errormessage", "failed", "denied", "isfailed")
)
_GRANTED = frozenset(("ok", "success", "succeeded", "successful", "issuccess", "issuccessful", "approved"))
_STATES = frozenset(("status", "state", "outcome"))
_BAD_STATES = re.compile(
    r"error(?:ed)?|fail(?:ed|ure)|denied|reject(?:ed)?|refused|cancell?ed|abort(?:ed)?|time(?:d)?out|incomplete|"
    r"(?:output|input)(?:error|denied)|executiondenied"
)
_CODES = frozenset(("statuscode", "httpstatus", "httpcode", "httpstatuscode", "code", "status"))
_BAD_KINDS = ("error", "executiondenied", "failure", "denied")
MARKS = _RAISED | _GRANTED | _STATES | _CODES


def marked_as_error(fields: Mapping[str, Any]) -> bool:
    """Whether the fields beside a result's text (or of its part) mark it as an error."""
    return any(_marks(bare(name), value) for name, value in fields.items())


def denies_itself(result: object) -> bool:
    """Whether a result, as JSON, says at its top that it is an error (`isError` of MCP, `success: false`)."""
    if not isinstance(result, Mapping):
        return False
    fields = {bare(name): value for name, value in result.items()}
    return any(
        (name in ("iserror", "haserror") and not is_no(value)) or (name in _GRANTED and is_no(value))
        for name, value in fields.items()
    )


def kind_is_error(kind: str) -> bool:
    """Whether the type of a part or of an output names an error: `tool-error`, `error-text`, `execution-denied`."""
    return any(word in bare(kind) for word in _BAD_KINDS)


def is_no(value: object) -> bool:
    """Whether a value says no, in any spelling: false, 0, "0", "false", "no", null, nothing."""
    return not value or (isinstance(value, str) and value.strip().lower() in _NO)


def is_error_code(value: object) -> bool:
    """Whether a value is a code of HTTP from 400 on, as a number or as text."""
    if isinstance(value, str) and value.strip()[:3].isdecimal():
        value = int(value.strip()[:3])
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 400 <= value < 600


def bare(name: str) -> str:
    """A name in lower case, without what spellings differ in: `isError`, `is_error` and `is-error` are one."""
    return "".join(filter(str.isalnum, name)).lower()


def _marks(name: str, value: object) -> bool:
    if name in ("output", "result", "content") and isinstance(value, Mapping):
        return isinstance(value.get("type"), str) and kind_is_error(value["type"])
    if name in _RAISED:
        return not is_no(value)
    if name in _GRANTED:
        return is_no(value)
    if name in _STATES and isinstance(value, str) and _BAD_STATES.fullmatch(bare(value)):
        return True
    return name in _CODES and is_error_code(value)
