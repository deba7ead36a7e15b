"""The words of a test run: the code, one result per test, the whole report."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

Visibility = Literal["visible", "hidden", "doctest", "model"]
TestStatus = Literal["pass", "fail", "error", "timeout", "broken", "skipped", "not_run", "lacking"]
Isolation = Literal["split", "shared"]
MAX_MESSAGE = 400
_ADDRESS = re.compile(r"(\bat 0x)[0-9A-Fa-f]+")


def without_addresses(text: str) -> str:
    """Mask `at 0x7f...`: an address differs from run to run, and evidence must not."""
    return _ADDRESS.sub(r"\1...", text)


@dataclass(frozen=True)
class Code:
    """The code under test and what it may complete. `names` are module names that test files import it by.

    `own_modules` are names of modules that the candidate made itself.
    """

    source: str
    prompt: str = ""
    entry_point: str | None = None
    names: tuple[str, ...] = ("solution",)
    own_modules: frozenset[str] = frozenset()


@dataclass(frozen=True)
class TestResult:
    """`fail`: wrong answer. `error`: the code raised or died. `timeout`: the code used up its own time per test.

    `broken`: the test itself is wrong, which says nothing of the code. `not_run`: given up after too many deaths.
    `lacking`: the box lacks a module that the code or the test imports. `lacks` is that module, a mere claim before.
    `certain` is false where a failure may be the test's own doing (it ran out of time outside the code's box), or a
    pass rests on what the code did to the test: it changed what its result is compared with, or gave it a helper.
    `touched`: the test called the code, or read a constant of it, before it ended.
    """

    __test__ = False

    name: str
    visibility: Visibility
    status: TestStatus
    message: str = ""
    seconds: float = 0.0
    isolation: Isolation = "split"
    certain: bool = True
    lacks: str | None = None
    touched: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", without_addresses(self.message))

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "visibility": self.visibility,
            "status": self.status,
            "message": self.message[:MAX_MESSAGE],
            "seconds": round(self.seconds, 4),
            "isolation": self.isolation,
        }


@dataclass(frozen=True)
class Unloadable:
    """Why the code could not be tested at all: syntax, missing, crash, died, timeout, or lacking (see TestResult)."""

    kind: str
    reason: str
    lacks: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", without_addresses(self.reason))


@dataclass(frozen=True)
class Report:
    """`assembled` says how the code became a module (alone, or as the completion of the prompt)."""

    results: tuple[TestResult, ...] = ()
    unloadable: Unloadable | None = None
    assembled: str | None = None
