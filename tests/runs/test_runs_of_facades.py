"""A trainer whose client sends a body of its own names its run in the URL."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.facades.asked import LABEL, QUESTION, RIGHT, model
from tests.service.served import Served, serving

pytestmark = pytest.mark.anyio


async def slime(served: Served, **query: Any) -> httpx.Response:
    body = {"prompt": QUESTION, "response": RIGHT, "label": LABEL}
    return await served.http.post("/compat/slime", json=body, params=query)


async def test_the_url_names_run_and_step_and_pins_it() -> None:
    async with serving(model=model()) as served:
        pin = (await served.http.get("/v1/pin")).json()["sha256"]
        assert (await slime(served, run="grpo", step=3, pin=pin)).json()["score"] == 1.0
        run = (await served.http.get("/v1/runs/grpo")).json()
        assert (run["pin"]["sha256"], [one["step"] for one in run["steps"]]) == (pin, [3])
        refused = await slime(served, run="grpo", recipe="refuted", pin="true")
        assert (refused.status_code, refused.json()["code"]) == (409, "pin_drift")
        assert (await slime(served, run="grpo", recipe="refuted", pin="false")).status_code == 200


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"step": 1}, "step"),
        ({"pin": "true"}, "pin"),
        ({"run": "r", "step": "-1"}, "step"),
        ({"run": "r", "pin": "yes"}, "pin"),
        ({"run": "x" * 129}, "run"),
    ],
)
async def test_a_run_in_the_url_that_is_none_is_refused_by_the_urls_own_name(
    query: dict[str, Any], field: str
) -> None:
    async with serving(model=model()) as served:
        answer = await slime(served, **query)
        assert (answer.status_code, answer.json()["field"]) == (422, field)
