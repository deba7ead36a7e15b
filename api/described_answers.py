"""Which answers an operation gives beside its own: the refusals that follow from what it reads and who may ask.

An operation without a key says so by `security: []`; one that says of an answer what it is keeps its words.
"""

from __future__ import annotations

from typing import Any

# The schema of the header, as `api/judgments.py` reads it.
IDEMPOTENCY_KEY = {"type": "string", "pattern": "^[!-~]{1,255}$"}
# For routes that anybody may ask.
OPEN: dict[str, Any] = {"security": []}
REFERENCE = "#/components/schemas/{model}"
_WHY = {
    400: "The body is no JSON text, or broke off.",
    401: "A key is needed, or the one that was sent is wrong or revoked.",
    403: "The key may not do this.",
    404: "There is no such thing, or it is another tenant's.",
    408: "No more of the body came in time.",
    409: "The `Idempotency-Key` was used for another body, or the run is pinned to something else (`pin_drift`).",
    413: "The body is larger than the limit that the answer names.",
    415: "The body is not of the content type that is read here, or it is compressed.",
    421: "The service does not answer to this `Host`.",
    422: "The request is wrong: `field`, `value` and `limit` say where, what and why.",
    429: "There is no room for it now; `Retry-After` says when to send it again.",
    503: "The service is stopping, its database failed, or the judge did; `Retry-After` says when to send it again.",
    504: "No box was free in time; send it again.",
}
_OF_BODIES = (400, 408, 413, 415)
_OF_KEYS = (401, 403, 429, 503)
_OF_ALL = (421, 422)


def describe_answers(path: str, method: str, operation: dict[str, Any]) -> None:
    """Add to an operation the answers that follow from its path, its body and its security."""
    answers: dict[str, dict[str, Any]] = {
        str(status): said for status, said in operation["responses"].items()
    }
    # FastAPI's own word for a wrong parameter, which is never what is answered here.
    answers.pop("422", None)
    statuses = set(_OF_ALL)
    statuses |= set(_OF_KEYS) if operation.get("security") != [] else set()
    statuses |= set(_OF_BODIES) if "requestBody" in operation else set()
    statuses |= {404} if "{" in path else set()
    statuses |= _OWN.get((method, path), set())
    # Whatever may name a run may find it pinned to something else.
    statuses |= {409} if any(one["name"] == "pin" for one in operation.get("parameters", ())) else set()
    for status in sorted(statuses):
        answers.setdefault(str(status), problem_answer(_WHY[status]))
    for code, answer in answers.items():
        named = _HEADERS.get((method, path, code), ()) + _HEADERS_OF_STATUS.get(code, ())
        named += _LIMITS if operation.get("security") != [] and code != "401" else ()
        if named:
            answer.setdefault("headers", {}).update({name: HEADERS[name] for name in named})
    operation["responses"] = dict(sorted(answers.items()))


def problem_answer(description: str) -> dict[str, Any]:
    """An answer that is a problem document."""
    schema = {"schema": {"$ref": REFERENCE.format(model="Problem")}}
    return {"description": description, "content": {"application/problem+json": schema}}


def header(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    """A request header as a parameter."""
    return {"name": name, "in": "header", "description": description, "schema": schema}


def _text(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}


HEADERS: dict[str, dict[str, Any]] = {
    "RateLimit-Policy": _text(
        'The limits of the key, where it has any: `"max_open";q=8;qu="concurrent-requests"`.'
    ),
    "RateLimit": _text('What is left of them, and when all of it is free: `"requests_per_minute";r=59;t=1`.'),
    "Location": _text("Where the judgment is."),
    "X-Judgment-Id": _text("The id of the judgment."),
    "Idempotency-Replayed": _text("`true` where the key of the request gave an earlier judgment."),
    "Preference-Applied": _text("What of `Prefer` was done."),
    "X-Ignored-Fields": _text("Names of fields that were sent and not read, by comma."),
    "Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 0}},
    "WWW-Authenticate": _text("How to send a key."),
    "Accept": _text("The content types that are read here."),
    "Cache-Control": _text("`no-store`."),
    "X-Accel-Buffering": _text("`no`: a proxy must hand on each event at once."),
}
_LIMITS = ("RateLimit-Policy", "RateLimit")
_JUDGMENT = ("Location", "X-Judgment-Id", "Idempotency-Replayed", "Preference-Applied")
_GROUP = ("Location", "Idempotency-Replayed", "Preference-Applied")
_CANCEL = "/v1/judgments/{judgment_id}:cancel"
_HEADERS_OF_STATUS: dict[str, tuple[str, ...]] = {
    "202": ("Location", "X-Judgment-Id", "Retry-After"),
    "401": ("WWW-Authenticate",),
    "415": ("Accept",),
    "429": ("Retry-After",),
    "503": ("Retry-After", "Location", "X-Judgment-Id"),
    "504": ("Retry-After",),
}
_HEADERS: dict[tuple[str, str, str], tuple[str, ...]] = {
    ("post", "/v1/judgments", "200"): _JUDGMENT,
    ("post", "/v1/judgments", "202"): _JUDGMENT,
    ("get", "/v1/judgments/{judgment_id}", "200"): ("Preference-Applied", "Retry-After"),
    ("post", _CANCEL, "200"): ("Location", "X-Judgment-Id"),
    ("get", "/v1/judgments/{judgment_id}/events", "200"): ("Cache-Control", "X-Accel-Buffering"),
    ("post", "/v1/judgments/batch", "200"): ("Cache-Control",),
    ("post", "/v1/groups", "200"): _GROUP,
    ("post", "/v1/groups", "202"): _GROUP,
    ("get", "/v1/groups/{id}", "200"): ("Preference-Applied", "Retry-After"),
    ("post", "/v1/groups/{id}:cancel", "200"): ("Location",),
    ("post", "/run_code", "200"): ("X-Ignored-Fields",),
    ("post", "/compat/eval-protocol/evaluate", "200"): ("X-Ignored-Fields",),
    ("post", "/compat/eval-protocol/reward", "200"): ("X-Ignored-Fields",),
    ("post", "/compat/rewardanything/api/rewardanything", "200"): ("X-Ignored-Fields",),
    ("post", "/compat/rewardanything/api/rewardanything_batch", "200"): ("X-Ignored-Fields",),
}
_OWN: dict[tuple[str, str], set[int]] = {
    ("post", "/v1/judgments"): {409},
    ("post", "/v1/groups"): {409},
    ("post", "/run_code"): {504},
    ("post", "/compat/roll/poll"): {404},
    ("get", "/compat/roll/poll"): {404},
}
_ANYTHING: dict[str, Any] = {}
_FIELD_ERROR = {
    "field": {"type": "string", "description": "Dotted path, such as `candidates.0.id`."},
    "value": _ANYTHING | {"description": "What was sent, cut to 200 characters."},
    "limit": _ANYTHING | {"description": "What is allowed."},
    "detail": {"type": "string"},
}
_MAYBE_TEXT = {"type": ["string", "null"]}
PROBLEM = {
    "title": "Problem",
    "description": "RFC 9457. `field`, `value` and `limit` are those of the first of `errors`.",
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable, for programs."},
        **_FIELD_ERROR,
        "errors": {"type": "array", "items": {"type": "object", "properties": _FIELD_ERROR}},
        "id": _MAYBE_TEXT | {"description": "The judgment that this is about."},
        "failure_kind": _MAYBE_TEXT,
        "failure_reason": _MAYBE_TEXT,
    },
}
