"""Why a document is not read."""

from __future__ import annotations


class Refusal(Exception):
    """`kind` is `limit`, `broken` or `missing` (a package); the message says which."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
