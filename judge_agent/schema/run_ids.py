"""The names of runs: what `GET /v1/runs/{id}` can carry when it is percent-encoded."""

from __future__ import annotations

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field

MAX_CHARS = 128
LIMIT = f"1 to {MAX_CHARS} characters, no control character among them, and neither '.' nor '..'"
# For documents: pydantic's own patterns cannot look ahead.
PATTERN = r"^(?!\.{1,2}$)[^\u0000-\u001f\u007f-\u009f]+$"


def is_run_id(text: str) -> bool:
    """Whether a run may have this name: clients resolve `.` and `..`, and a line end fits in no path."""
    if not 0 < len(text) <= MAX_CHARS or text in (".", ".."):
        return False
    return not any(unicodedata.category(char) == "Cc" for char in text)


def _checked(text: str) -> str:
    if not is_run_id(text):
        raise ValueError(f"must be {LIMIT}")
    return text


RunId = Annotated[
    str,
    Field(min_length=1, max_length=MAX_CHARS, json_schema_extra={"pattern": PATTERN}),
    AfterValidator(_checked),
]
