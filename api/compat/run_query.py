"""The run of a trainer, from a facade's URL: `?run=NAME&step=3&pin=true`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.problems import bounded, invalid

PINS = {"true": True, "false": False}
# Where the fields of a request's run are written by the caller.
RUN_PLACES = {"run.id": "run", "run.step": "step", "run.pin": "pin"}
RUN_PARAMETERS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (
        "run",
        "The trainer's run that this is judged for (`GET /v1/runs/{id}`).",
        {"type": "string", "minLength": 1, "maxLength": 128},
    ),
    ("step", "The run's step; needs `run`.", {"type": "integer", "minimum": 0, "maximum": 2**53}),
    (
        "pin",
        "`true` holds the run to what judges first, a hash (`GET /v1/pin`) to exactly that; needs `run`.",
        {"type": "string", "pattern": "^(true|false|[0-9a-f]{64})$"},
    ),
)


def read_run(given: Mapping[str, str]) -> dict[str, Any] | None:
    """The `run` of a request; what its schema checks is left to that. Raises Problem 422."""
    for name in ("step", "pin"):
        if name in given and "run" not in given:
            raise invalid(name, "needs run", value=given[name], limit="run beside it")
    if "run" not in given:
        return None
    run: dict[str, Any] = {"id": given["run"]}
    if "step" in given:
        text = given["step"]
        if not (text.isascii() and text.isdigit() and len(text) <= 16):
            limit = "a whole number from 0"
            raise invalid("step", f"{bounded(text)!r} is not {limit}", value=text, limit=limit)
        run["step"] = int(text)
    if "pin" in given:
        run["pin"] = PINS.get(given["pin"], given["pin"])
    return run
