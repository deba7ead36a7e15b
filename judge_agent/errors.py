"""Every error that the judge raises on purpose.

JudgeError
|-- InvalidRequest      the caller's input is wrong: names the field, the value and the limit
|-- ModelError          a model call gave nothing usable (carries a failure_kind and the tokens it cost)
|-- ToolError           a tool could not be used
|-- SandboxError        the box itself failed; never a statement about the program in it
|-- PromptError         a prompt or recipe file is wrong
|-- StoreError          the database or the journal could not keep or give a row
|-- BudgetExceeded      time, tokens or calls ran out
"""

from __future__ import annotations

from typing import Literal, Protocol, get_args

FailureKind = Literal[
    "no_evidence",
    "model_unreachable",
    "model_timeout",
    "model_error",
    "model_unparseable",
    "deadline",
    "evidence_unsupported",
    "tool_unavailable",
    "sandbox_failed",
    "budget_exhausted",
    "abstained",
    "cancelled",
    "input_too_large",
    "internal",
]
FAILURE_KINDS: tuple[FailureKind, ...] = get_args(FailureKind)


class JudgeError(Exception):
    """Base of all; `failure_kind` is what a candidate is marked with when this stops its judging."""

    failure_kind: FailureKind = "internal"


class InvalidRequest(JudgeError):
    """The request cannot be judged as it stands; `field` is a dotted path such as `candidates.0.id`."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class TokenCounts(Protocol):
    """Tokens that a call cost: what `seams.model.TokenUsage` holds."""

    @property
    def prompt(self) -> int: ...
    @property
    def cached(self) -> int: ...
    @property
    def completion(self) -> int: ...
    @property
    def reasoning(self) -> int: ...


class ModelError(JudgeError):
    """A model call that gave nothing usable; `usage` is what it cost where that is known."""

    def __init__(
        self, failure_kind: FailureKind, message: str, *, usage: TokenCounts | None = None, attempts: int = 1
    ) -> None:
        super().__init__(message)
        self.failure_kind = failure_kind
        self.usage = usage
        self.attempts = attempts


class ToolError(JudgeError):
    failure_kind = "tool_unavailable"


class SandboxError(JudgeError):
    failure_kind = "sandbox_failed"


class PromptError(JudgeError):
    pass


class StoreError(JudgeError):
    pass


class BudgetExceeded(JudgeError):
    """`failure_kind` is `deadline` for time, `budget_exhausted` for tokens and calls."""

    def __init__(self, failure_kind: Literal["deadline", "budget_exhausted"], message: str) -> None:
        super().__init__(message)
        self.failure_kind = failure_kind
