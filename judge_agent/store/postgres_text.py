"""Text that PostgreSQL cannot hold, written so that it can: NUL characters and halves of surrogate pairs. Pure."""

from __future__ import annotations

import re

# The control character that begins an escape; where text has it, it is escaped as well, so that nothing is read wrong.
_ESCAPE = "\x1a"
_UNKEEPABLE = re.compile("[\0\x1a\ud800-\udfff]")
_ESCAPED = re.compile("\x1a([0-9a-f]{4})")


def kept(text: str) -> str:
    """Return `text` as PostgreSQL can hold it. Equal texts stay equal, different ones different."""
    if "\0" not in text and _ESCAPE not in text and (text.isascii() or _is_unicode(text)):
        return text
    return _UNKEEPABLE.sub(lambda found: f"{_ESCAPE}{ord(found[0]):04x}", text)


def given_back(text: str) -> str:
    """Return what `kept` was given."""
    if _ESCAPE not in text:
        return text
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
