"""Which SQL gives another value each time it runs: clocks, random values, sampling.

Reads the text of statements, column defaults, triggers and views, without strings, comments and quoted names. Does not
see functions that a foreign engine extension or macro hides.
"""

from __future__ import annotations

import re

CLOCK_WORDS = frozenset(("now", "subsec", "subsecond"))
DATE_FUNCTIONS = frozenset(("date", "time", "datetime", "julianday", "unixepoch", "strftime", "timediff"))
RANDOM_FUNCTIONS = frozenset(("random", "randomblob", "current_timestamp", "current_date", "current_time"))
_SKIPPED = re.compile(r"--[^\n]*|/\*.*?(?:\*/|\Z)|'((?:[^']|'')*)'|\"(?:[^\"]|\"\")*\"(?!\s*\()", re.S)
_CALLED = re.compile(
    r"\b(random|randomblob|uuid|uuidv4|uuidv7|gen_random_uuid|now|today|get_current_timestamp|get_current_time"
    r"|transaction_timestamp|current_localtimestamp|current_localtime|txid_current|current_query|current_query_id"
    r"|current_transaction_id|current_connection_id|sleep_ms)[\"`\]]?\s*\(",
    re.I,
)
_NAMED = re.compile(
    r"(?<![.\w:$@])(current_timestamp|current_date|current_time|localtimestamp|localtime|tablesample|using\s+sample)\b",
    re.I,
)
_DATES = re.compile(r"\b(?:date|time|datetime|julianday|unixepoch|strftime|timediff)\s*\(", re.I)
# Without a time these are of now; `age` of one time is up to today.
_OF_NOW = re.compile(
    r"\b((?:date|time|datetime|julianday|unixepoch)\s*\(\s*\)|strftime\s*\(\s*''\s*\)|age\s*\(\s*[^,()]*\))",
    re.I,
)


_SKIPPED_STRINGS = re.compile(r"--[^\n]*|/\*.*?(?:\*/|\Z)|'(?:[^']|'')*'", re.S)
_NAME = r'(?:"[^"]+"|\w+)'
_WRITES = re.compile(
    rf"\b(?:insert\s+(?:or\s+\w+\s+)?into|update|delete\s+from)\s+({_NAME}(?:\s*\.\s*{_NAME})?)", re.I
)


def unsteady(sql: str) -> str | None:
    """What in a text gives another value each time; None where nothing is known to."""
    words: list[str] = []
    bare = _SKIPPED.sub(lambda match: _kept(match, words), sql)
    found = _CALLED.search(bare) or _NAMED.search(bare) or _OF_NOW.search(bare)
    if found is not None:
        return found[1].lower()[:40]
    if _DATES.search(bare) and any(word.strip().lower() in CLOCK_WORDS for word in words):
        return "'now'"
    return None


def written_table(sql: str) -> str | None:
    """The table that a statement writes, in lower case and with its schema if that is named; None for none."""
    found = _WRITES.search(_SKIPPED_STRINGS.sub(" ", sql))
    return found[1].replace('"', "").replace(" ", "").lower() if found is not None else None


def _kept(match: re.Match[str], words: list[str]) -> str:
    """A string is kept aside, and leaves an empty one; the rest leaves a space."""
    if match[1] is None:
        return " "
    words.append(match[1])
    return "''"
