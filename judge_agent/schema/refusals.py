"""What our own validators say of a value, and how their words are read back from pydantic's errors."""

from __future__ import annotations

from typing import Any

from pydantic_core import ErrorDetails


class Refused(ValueError):
    """A validator's complaint about one of several things that it looks at: reads `field: message`.

    `field` is a dotted path from what is validated, `value` is what is wrong there.
    """

    def __init__(self, field: str, message: str, value: Any) -> None:
        super().__init__(f"{field}: {message}")
        self.value = value


def message_of(details: ErrorDetails) -> str:
    """Return the message of one error: that of our own validators in their words, without pydantic's prefix."""
    own = own_error(details)
    return details["msg"] if own is None else str(own)


def own_error(details: ErrorDetails) -> Exception | None:
    """Return what our validator raised, None for an error of pydantic's own."""
    error = (details.get("ctx") or {}).get("error")
    return error if isinstance(error, Exception) else None
