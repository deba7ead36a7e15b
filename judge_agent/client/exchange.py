"""What the two clients share: how a call is written, how an answer is read. No I/O."""

from __future__ import annotations

import json
import math
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple
from urllib.parse import quote

from pydantic import ValidationError

from judge_agent.errors import InvalidRequest, JudgmentPending, ServiceUnavailable
from judge_agent.schema import Group, Judgment, JudgmentRequest, State

# One exchange waits this long for the end; then the next one asks again, so that no proxy sees it as dead.
WAIT_SECONDS = 30
ANSWER_SECONDS = 30.0
LATE_SECONDS = 2.0
UPLOAD_BYTES_PER_SECOND = 1_000_000


class JudgmentPage(NamedTuple):
    """Judgments, newest first; pass `next_cursor` on for the next page, None on the last."""

    judgments: tuple[Judgment, ...]
    next_cursor: str | None


@dataclass(frozen=True)
class Call:
    """One HTTP exchange. Every call here is safe to repeat: it reads, carries an idempotency key, or calls off."""

    method: str
    path: str
    params: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    read_seconds: float = ANSWER_SECONDS


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    content: bytes


def write_judge(
    request: JudgmentRequest | Mapping[str, Any], idempotency_key: str | None, wait_seconds: float
) -> Call:
    """Write the POST. Without a key it makes one, so that a repeated POST is judged once."""
    prefer = f"wait={int(wait_seconds)}" if wait_seconds >= 1 else "respond-async"
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": idempotency_key or uuid.uuid4().hex,
        "Prefer": prefer,
    }
    return Call("POST", "/v1/judgments", (), headers, _body(request), ANSWER_SECONDS + wait_seconds)


def write_get(judgment_id: str, wait_seconds: float = 0) -> Call:
    headers = {"Prefer": f"wait={int(wait_seconds)}"} if wait_seconds >= 1 else {}
    path = f"/v1/judgments/{quote(judgment_id, safe='')}"
    return Call("GET", path, (), headers, None, ANSWER_SECONDS + wait_seconds)


def write_cancel(judgment_id: str) -> Call:
    return Call("POST", f"/v1/judgments/{quote(judgment_id, safe='')}:cancel")


def write_group(
    request: JudgmentRequest | Mapping[str, Any], idempotency_key: str | None, wait_seconds: float
) -> Call:
    """Write the POST of a group, or of one member. Without a key it makes one, so that it may be repeated."""
    call = write_judge(request, idempotency_key, wait_seconds)
    return replace(call, path="/v1/groups")


def write_get_group(group_id: str, wait_seconds: float = 0) -> Call:
    call = write_get(group_id, wait_seconds)
    return replace(call, path=f"/v1/groups/{quote(group_id, safe='')}")


def write_find_groups(group_id: str) -> Call:
    """Ask for the attempts of a group by the caller's own name for it."""
    return Call("GET", "/v1/groups", [("group_id", group_id)])


def write_cancel_group(group_id: str) -> Call:
    return Call("POST", f"/v1/groups/{quote(group_id, safe='')}:cancel")


def write_run(run_id: str, **query: object) -> Call:
    """Ask for what was judged in a run; a None leaves a parameter out."""
    params = [(name, str(value)) for name, value in query.items() if value is not None]
    return Call("GET", f"/v1/runs/{quote(run_id, safe='')}", params)


def write_upload(content: bytes) -> Call:
    """Write the upload of a blob; the same bytes again are the same blob, so that it may be repeated."""
    seconds = ANSWER_SECONDS + len(content) / UPLOAD_BYTES_PER_SECOND
    return Call("POST", "/v1/blobs", (), {"Content-Type": "application/octet-stream"}, content, seconds)


def write_list(states: Sequence[State], limit: int, cursor: str | None) -> Call:
    params = [("state", state) for state in states] + [("limit", str(limit))]
    return Call("GET", "/v1/judgments", params + ([("cursor", cursor)] if cursor else []))


def read_judgment(answer: Answer) -> Judgment:
    try:
        return Judgment.model_validate_json(answer.content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        errors = f"{error.error_count()} errors, the first: {first}"
        raise _odd(answer, f"is no judgment that this version reads ({errors})") from error


def read_group(answer: Answer) -> Group:
    try:
        return Group.model_validate_json(answer.content)
    except ValidationError as error:
        raise _odd(answer, f"is no group that this version reads ({error.error_count()} errors)") from error


def read_groups(answer: Answer) -> tuple[Group, ...]:
    try:
        return tuple(map(Group.model_validate, read_objects(answer)))
    except ValidationError as error:
        raise _odd(answer, f"lists what is no group ({error.error_count()} errors)") from error


def has_settled(group: Group) -> bool:
    """Whether a group has ended, and, where its post came late, that member too."""
    own = [one for one in group.members if one.index == group.your_index]
    return group.state in ("done", "failed", "cancelled") and not any(
        one.late and one.status is None for one in own
    )


def group_pending(group: Group) -> JudgmentPending:
    message = f"group {group.id} is still {group.state}; it goes on, wait for it again by its id"
    return JudgmentPending(message, judgment_id=group.id)


def read_page(answer: Answer) -> JudgmentPage:
    cursor = read_object(answer).get("next_cursor")
    if not isinstance(cursor, str | None):
        raise _odd(answer, "has a 'next_cursor' that is no text")
    try:
        return JudgmentPage(tuple(map(Judgment.model_validate, read_objects(answer))), cursor)
    except ValidationError as error:
        raise _odd(answer, f"lists what is no judgment ({error.error_count()} errors)") from error


def read_named(answer: Answer) -> tuple[dict[str, Any], ...]:
    """Read a list of objects that each have a `name`: recipes, tools."""
    found = read_objects(answer)
    if not all(isinstance(one.get("name"), str) for one in found):
        raise _odd(answer, "lists what has no name")
    return found


def read_objects(answer: Answer) -> tuple[dict[str, Any], ...]:
    """Read the `data` of a list."""
    found = read_object(answer).get("data")
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise _odd(answer, "has no list of objects as its 'data'")
    return tuple(found)


def read_text(answer: Answer, name: str) -> str:
    """Read one text of an object."""
    found = read_object(answer).get(name)
    if not isinstance(found, str):
        raise _odd(answer, f"has no text as its {name!r}")
    return found


def read_numbers(answer: Answer) -> dict[str, float]:
    """Read an object of finite numbers."""
    found = read_object(answer)
    try:
        numbers = {name: float(value) for name, value in found.items() if isinstance(value, int | float)}
    except OverflowError:  # an integer beyond all floats
        numbers = {}
    if len(numbers) < len(found) or not all(map(math.isfinite, numbers.values())):
        raise _odd(answer, "has values that are no finite numbers")
    return numbers


def read_object(answer: Answer) -> dict[str, Any]:
    """Read an object. Every reader here raises ServiceUnavailable for an answer of another form."""
    try:
        body = json.loads(answer.content)
    except (ValueError, RecursionError) as error:
        raise _odd(answer, "is not JSON") from error
    if not isinstance(body, dict):
        raise _odd(answer, "is no JSON object")
    return body


def _odd(answer: Answer, what: str) -> ServiceUnavailable:
    """What is wrong with an answer, without its contents."""
    return ServiceUnavailable(
        f"the answer {what}; is JUDGE_URL right, and of this version?", status=answer.status
    )


def is_over(judgment: Judgment) -> bool:
    return judgment.state in ("done", "cancelled")


def pending(judgment: Judgment) -> JudgmentPending:
    message = f"judgment {judgment.id} is still {judgment.state}; it goes on, wait for it again by its id"
    return JudgmentPending(message, judgment_id=judgment.id)


def next_wait(deadline: float | None) -> float:
    """How long the next exchange may wait for the end, in seconds; whole ones, as `Prefer` counts."""
    if deadline is None:
        return WAIT_SECONDS
    return max(0.0, min(WAIT_SECONDS, deadline - time.monotonic()))


def answer_within(deadline: float | None) -> float:
    """How long one exchange may take, in seconds: a service that hangs must not outlast the caller's own time by more
    than what a busy one needs to say that it is still at work."""
    return math.inf if deadline is None else max(0.0, deadline - time.monotonic()) + LATE_SECONDS


def _body(request: JudgmentRequest | Mapping[str, Any]) -> bytes:
    if isinstance(request, JudgmentRequest):
        return request.model_dump_json(exclude_unset=True).encode()
    try:
        return json.dumps(request, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRequest("request", f"cannot be written as JSON: {error}") from error
