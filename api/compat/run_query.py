"""The run of a trainer, from a facade's URL: `?run=NAME&step=3&pin=true`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from api.problems import bounded, invalid
from judge_agent.schema.run_ids import LIMIT, MAX_CHARS, PATTERN, is_run_id

MAX_STEP = 2**53
_PIN = r"true|false|[0-9a-f]{64}"
PINS = {"true": True, "false": False}
# Where the fields of a request's run are written by the caller.
RUN_PLACES = {"run.id": "run", "run.step": "step", "run.pin": "pin"}
RUN_PARAMETERS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (
        "run",
        "The trainer's run that this is judged for (`GET /v1/runs/{id}`).",
        {"type": "string", "minLength": 1, "maxLength": MAX_CHARS, "pattern": PATTERN},
    ),
    ("step", "The run's step; needs `run`.", {"type": "integer", "minimum": 0, "maximum": MAX_STEP}),
    (
        "pin",
        "`true` holds the run to what judges first, a hash (`GET /v1/pin`) to exactly that; needs `run`.",
        {"type": "string", "pattern": f"^({_PIN})$"},
    ),
)


def read_run(given: Mapping[str, str]) -> dict[str, Any] | None:
    """The `run` of a request, checked here as well: some facades answer without a request. Raises Problem 422."""
    for name in ("step", "pin"):
        if name in given and "run" not in given:
            raise invalid(name, "needs run", value=given[name], limit="run beside it")
    if "run" not in given:
        return None
    if not is_run_id(given["run"]):
        raise invalid("run", f"must be a name of {LIMIT}", value=given["run"], limit=LIMIT)
    run: dict[str, Any] = {"id": given["run"]}
    if "step" in given:
        text = given["step"]
        if not (text.isascii() and text.isdigit() and len(text) <= 16 and int(text) <= MAX_STEP):
            limit = f"a whole number from 0 to {MAX_STEP}"
            raise invalid("step", f"{bounded(text)!r} is not {limit}", value=text, limit=limit)
        run["step"] = int(text)
    if "pin" in given:
        if not re.fullmatch(_PIN, given["pin"]):
            limit = "true, false or a hash of 64 hex digits"
            raise invalid("pin", f"{bounded(given['pin'])!r} is not {limit}", value=given["pin"], limit=limit)
        run["pin"] = PINS.get(given["pin"], given["pin"])
    return run
