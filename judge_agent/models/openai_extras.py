"""The fields of a request that not every OpenAI-compatible server knows, and that a call can do without.

Most servers pass over what they do not know; strict ones answer 400 or 422 and name it. What they say in return
is not standardised, so the names alone are looked for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import openai

# The field by its path, and the words that name it; what is more special comes first. Without the first two an answer
# that is cut off has no token counts; without the last a model that thinks cannot be asked to answer at once.
_NAMED_BY: dict[str, tuple[str, ...]] = {
    "stream_options.continuous_usage_stats": ("continuous_usage_stats",),
    "stream_options": ("stream_options",),
    "chat_template_kwargs": ("chat_template_kwargs", "enable_thinking"),
}
_REFUSALS = (400, 422)
MAX_SEARCHED_CHARS = 20_000


def refused_field(error: BaseException | None, body: Mapping[str, Any]) -> str | None:
    """The field of `body` that the server refuses and that can be left out; None where it is something else."""
    if not isinstance(error, openai.APIStatusError) or error.status_code not in _REFUSALS:
        return None
    said = f"{error.message} {error.body}"[:MAX_SEARCHED_CHARS]
    named = (path for path, words in _NAMED_BY.items() if any(word in said for word in words))
    return next((path for path in named if _has(body, path)), None)


def without(body: Mapping[str, Any], paths: Collection[str]) -> dict[str, Any]:
    """The body without the fields at `paths`."""
    left = {name: value for name, value in body.items() if name not in paths}
    for path in paths:
        outer, _, inner = path.partition(".")
        if inner and isinstance(left.get(outer), Mapping):
            left[outer] = {name: value for name, value in left[outer].items() if name != inner}
    return left


def _has(body: Mapping[str, Any], path: str) -> bool:
    outer, _, inner = path.partition(".")
    return outer in body and (not inner or (isinstance(body[outer], Mapping) and inner in body[outer]))
