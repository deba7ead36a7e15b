"""What the API page says of the routes of groups beside what FastAPI sees: bodies and headers that they read."""

from __future__ import annotations

from typing import Any

from api.described_answers import IDEMPOTENCY_KEY, REFERENCE, header

_TEXT = {"type": "string"}
_EXAMPLE = {
    "group": {"group_id": "step-3/prompt-7", "index": 0, "size": 4, "deadline_seconds": 60, "on_partial": "fail"},
    "task": {"prompt": "What is 17 * 23?"},
    "candidates": [{"id": "a", "trajectory": {"text": "17 * 23 = 391"}}],
    "principles": [{"name": "right", "description": "The product is right.", "dimension": "correctness"}],
    "shape": "z",
}  # fmt: skip
POST: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"$ref": REFERENCE.format(model="JudgmentRequest")},
                "example": _EXAMPLE,
            }
        },
    },
    "parameters": [
        header("Prefer", "`respond-async` answers 202 at once; `wait=SECONDS` waits so long first.", _TEXT)
        # The body's example is one of four: by itself it would wait for the others.
        | {"example": "respond-async"},
        header(
            "Idempotency-Key",
            "The same key with the same body gives the same group; with another body 409.",
            IDEMPOTENCY_KEY,
        ),
    ],
}
GET: dict[str, Any] = {"parameters": [header("Prefer", "`wait=SECONDS` waits so long for the end.", _TEXT)]}
FIND: dict[str, Any] = {
    "parameters": [
        {
            "name": "group_id",
            "in": "query",
            "required": True,
            "description": "The caller's own name of the group.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 128},
        }
    ]
}
