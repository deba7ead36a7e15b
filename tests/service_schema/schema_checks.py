"""Hooks for schemathesis: its own checks do not look for headers that the document does not name."""

from __future__ import annotations

import schemathesis
from schemathesis import Case, CheckContext, Response

# Of the connection and of content itself: RFC 9110 and 9112 define what they say.
_OF_HTTP = frozenset(
    ("content-length", "content-type", "date", "connection", "transfer-encoding", "allow", "keep-alive")
)


@schemathesis.check
def headers_are_documented(ctx: CheckContext, response: Response, case: Case) -> bool | None:
    """Fail where an answer has a header that the document does not name for its status."""
    answers = case.operation.definition.raw["responses"]
    if str(response.status_code) not in answers:
        return None  # a check of its own tells that
    documented = {name.lower() for name in answers[str(response.status_code)].get("headers", {})}
    unknown = {name.lower() for name in response.headers} - documented - _OF_HTTP
    assert not unknown, f"{response.status_code} has undocumented headers: {sorted(unknown)}"
    return None


@schemathesis.check
def problems_say_what_is_wrong(ctx: CheckContext, response: Response, case: Case) -> bool | None:
    """Fail where a refusal is no problem document, is long, or names no field of what is wrong with it."""
    if not 400 <= response.status_code < 500:
        return None
    assert response.headers["content-type"] == ["application/problem+json"], response.headers["content-type"]
    problem = response.json()
    assert problem["status"] == response.status_code
    assert problem["detail"], "a refusal says why"
    assert len(response.content) < 20_000, f"a refusal of {len(response.content)} bytes"
    if response.status_code == 422:
        assert problem.get("field"), "a wrong request is told where"
    return None
