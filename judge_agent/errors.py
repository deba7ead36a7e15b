"""Every error that the judge raises on purpose.

JudgeError
|-- InvalidRequest      the caller's input is wrong: names the field, the value and the limit
|-- ModelError          a model call gave nothing usable (carries a failure_kind and the tokens it cost)
|-- ToolError           a tool could not be used
|-- SandboxError        the box itself failed; never a statement about the program in it
|-- PromptError         a prompt or recipe file is wrong
|-- StoreError          the database or the journal could not keep or give a row
|   |-- LeaseLost           another worker judges this judgment now; what this one writes is refused
|-- PinDrift            what judges is not what the run is pinned to
|-- BudgetExceeded      time, tokens or calls ran out
|-- JudgeUnavailable    (trainers/failures.py) no reward can be given, and the trainer cannot leave the rollout out
|-- JudgeClientError    a client got no judgment from the service
    |-- RequestRefused      the service said 4xx: names the field, the value and the limit
    |-- ServiceUnavailable  no answer, or 429 or 5xx for longer than the client was to try
    |-- JudgmentPending     the judgment goes on, but the client was to wait no longer
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, NamedTuple, Protocol, TypeVar, get_args

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

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process borders in trainers; by the default way, arguments beside the message are lost.
        return _rebuilt, (type(self), self.args, self.__dict__)


@contextmanager
def told_alone() -> Iterator[None]:
    """Raises the first JudgeError of those that tasks raised together by itself. (`except*` does so from 3.11.4 on.)"""
    try:
        yield
    except BaseExceptionGroup as group:
        found = group.subgroup(JudgeError)
        if found is None:
            raise
        raise innermost(found) from None


def innermost(error: BaseException) -> BaseException:
    """The first plain error inside of exception groups."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


E = TypeVar("E", bound=Exception)


def to_keep(error: E) -> E:
    """The same error, to be kept beyond its `except`: without the frames that it came through.

    One of them keeps it, and with it all that those frames know would live on in a circle: a whole trajectory, until
    the garbage collector runs.
    """
    return error.with_traceback(None)


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


class LeaseLost(StoreError):
    """A worker was too slow to renew its lease, and another one judges on: nothing may end here, nor be scored."""


class BudgetExceeded(JudgeError):
    """`failure_kind` is `deadline` for time, `budget_exhausted` for tokens and calls."""

    def __init__(self, failure_kind: Literal["deadline", "budget_exhausted"], message: str) -> None:
        super().__init__(message)
        self.failure_kind = failure_kind


class PinChange(NamedTuple):
    """A part of what judges, as it was pinned and as it is; None where it was not there."""

    part: str
    pinned: str | None
    current: str | None


class PinDrift(JudgeError):
    """What judges is not what the run is pinned to: a reward would be another one, in silence."""

    def __init__(self, run: str, changes: tuple[PinChange, ...]) -> None:
        said = "; ".join(f"{one.part} was {one.pinned!r} and is {one.current!r}" for one in changes[:8])
        more = f"; and {len(changes) - 8} more" if len(changes) > 8 else ""
        super().__init__(f"pin_drift: run {run!r} is pinned to something else: {said}{more}")
        self.run = run
        self.changes = changes
        # What the model's server changed is the model's failure; the rest was changed in the judge.
        by_model = all(one.part.startswith("model.") for one in changes)
        self.failure_kind = "model_error" if by_model else "internal"


class JudgeClientError(JudgeError):
    """A client got no judgment. `judgment_id` is known where the service had accepted one."""

    def __init__(self, message: str, *, judgment_id: str | None = None) -> None:
        super().__init__(message)
        self.judgment_id = judgment_id


class RequestRefused(JudgeClientError):
    """The service refused the request; sending it again unchanged is of no use.

    `status` is the HTTP status, `code` the service's word for it, `field` a dotted path of the body.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str = "",
        field: str | None = None,
        value: object = None,
        limit: object = None,
        judgment_id: str | None = None,
    ) -> None:
        super().__init__(message, judgment_id=judgment_id)
        self.status = status
        self.code = code
        self.field = field
        self.value = value
        self.limit = limit


class ServiceUnavailable(JudgeClientError):
    """The service could not be reached, or was full, stopping or broken; `status` is None without an answer."""

    def __init__(self, message: str, *, status: int | None = None, judgment_id: str | None = None) -> None:
        super().__init__(message, judgment_id=judgment_id)
        self.status = status


class JudgmentPending(JudgeClientError):
    """The judgment had not ended when the time to wait was over. It goes on; get it by `judgment_id`."""


def _rebuilt(kind: type[JudgeError], args: tuple[object, ...], state: dict[str, object]) -> JudgeError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error
