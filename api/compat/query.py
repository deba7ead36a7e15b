"""How to judge, from the URL: what a trainer's config can say, for its client sends a body that it alone decides."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fastapi import Request

from api.compat.run_query import RUN_PARAMETERS, read_run
from api.problems import bounded, invalid
from api.queries import unknown_parameter
from judge_agent.schema.request import MAX_SECONDS

OnFailure = Literal["neutral", "error"]
CHOICES: tuple[OnFailure, ...] = ("neutral", "error")
# Inside the shortest of the clients' own time limits, which is slime's: 120 s.
DEFAULT_SECONDS = 100.0
DIMENSION = "[a-z][a-z0-9_]{0,63}"
MAX_DIMENSIONS = 32
_DIMENSIONS = {
    "type": "array",
    "items": {"type": "string", "pattern": f"^{DIMENSION}$"},
    "minItems": 1,
    "maxItems": MAX_DIMENSIONS,
    "uniqueItems": True,
}
NAMES = ("recipe", "dimensions", "seconds", "on_failure", "run", "step", "pin")


@dataclass(frozen=True)
class How:
    """What the URL says. `recipe` None is the facade's own default, `seconds` is for the whole answer, `run` is that of
    the request."""

    recipe: str | None = None
    dimensions: tuple[str, ...] | None = None
    seconds: float = DEFAULT_SECONDS
    on_failure: OnFailure = "neutral"
    run: Mapping[str, Any] | None = None


def read_how(
    request: Request,
    most_seconds: float,
    *,
    seconds: float = DEFAULT_SECONDS,
    choices: Sequence[OnFailure] = CHOICES,
) -> How:
    """Read the query parameters. Raises Problem 422 for an unknown, repeated or wrong one."""
    given = _given(request)
    return How(
        given.get("recipe"),
        _dimensions(given.get("dimensions")),
        _seconds(given.get("seconds"), min(seconds, most_seconds), most_seconds),
        _on_failure(given.get("on_failure"), choices),
        read_run(given),
    )


def described(
    *, seconds: float = DEFAULT_SECONDS, recipe: str = "default", choices: Sequence[OnFailure] = CHOICES
) -> list[dict[str, Any]]:
    """The parameters, as the OpenAPI page shows them."""
    told: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("recipe", "How to judge (`GET /v1/recipes`).", {"type": "string", "default": recipe}),
        ("dimensions", "Keys of the vector, by comma; else the recipe's.", _DIMENSIONS),
        (
            "seconds",
            "Time for the whole answer; keep it below the client's own limit.",
            {"type": "number", "exclusiveMinimum": 0, "maximum": MAX_SECONDS, "default": seconds},
        ),
        (
            "on_failure",
            "What is answered when the judge failed: something neutral that says so, or 503.",
            {"enum": list(choices), "default": choices[0]},
        ),
        *RUN_PARAMETERS,
    )
    found = [{"name": name, "in": "query", "description": text, "schema": kind} for name, text, kind in told]
    return [one | {"explode": False} if one["name"] == "dimensions" else one for one in found]


def _given(request: Request) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in NAMES:
            raise unknown_parameter(name, ", ".join(NAMES))
        if name in found:
            raise invalid(name, "is given more than once", value=value, limit="one value")
        found[name] = value
    return found


def _dimensions(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    if not names:
        raise invalid("dimensions", "names no dimension", value=text, limit="names by comma")
    if len(names) > MAX_DIMENSIONS or len(set(names)) < len(names):
        limit = f"at most {MAX_DIMENSIONS} names, each once"
        raise invalid("dimensions", f"must be {limit}", value=text, limit=limit)
    for index, name in enumerate(names):
        if not re.fullmatch(DIMENSION, name):
            limit = "a small letter, then up to 63 small letters, digits and _"
            raise invalid(f"dimensions.{index}", f"{bounded(name)!r} is not {limit}", value=name, limit=limit)
    return names


def _seconds(text: str | None, default: float, most: float) -> float:
    if text is None:
        return default
    limit = f"a number above 0, at most {most:g}"
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= most:
        raise invalid("seconds", f"{bounded(text)!r} is not {limit}", value=text, limit=limit)
    return seconds


def _on_failure(text: str | None, choices: Sequence[OnFailure]) -> OnFailure:
    if text is None:
        return choices[0]
    for choice in choices:
        if text == choice:
            return choice
    limit = f"one of {', '.join(choices)}"
    raise invalid("on_failure", f"{bounded(text)!r} is not {limit}", value=text, limit=limit)
