"""Text files that people hand in: what cannot be read is said with the line where it cannot."""

from __future__ import annotations

from pathlib import Path

from judge_agent.errors import JudgeError


def text_of(path: Path) -> str:
    """Return the text of a file in UTF-8, with or without a byte order mark.

    Raises JudgeError that names the file, and of bytes that are no UTF-8 the line of the first.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise JudgeError(f"cannot read {str(path)!r}: {error.strerror or error}") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The bytes without the mark are what was decoded.
        line = error.object.count(b"\n", 0, error.start) + 1
        raise JudgeError(f"{path}, line {line}: is not UTF-8: {error.reason}") from error
